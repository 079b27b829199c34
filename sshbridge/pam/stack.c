/* stack.c - the calls of PAM for one login, in their order */
#include <stdio.h>
#include <string.h>

#include "pam.h"
#include "text.h"

/* What a login needs no password for must not be one that has an empty password either. */
#define FLAGS PAM_DISALLOW_NULL_AUTHTOK

/* For a user whose modules said nothing themselves. */
static const struct {
	int code;
	const char *text;
} reasons[] = {
	{ PAM_ACCT_EXPIRED, "the account has expired" },
	{ PAM_NEW_AUTHTOK_REQD,
	    "the password has expired and cannot be changed here: change it on a host that you can "
	    "log in to" },
	{ PAM_AUTHTOK_EXPIRED, "the password has expired" },
	{ PAM_MAXTRIES, "too many attempts: try again later" },
	{ PAM_PERM_DENIED, "this account may not log in here, or not now" },
	{ PAM_USER_UNKNOWN, "this account is not known here" },
	{ PAM_SESSION_ERR, "no session could be opened" },
};

static const char *
reason(int code)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].code == code)
			return reasons[i].text;
	return "authentication failed";
}

/* ---- the calls ------------------------------------------------------------------------------- */

static int
start(struct login *l)
{
	const struct pam_conv c = { conv, l };
	int r;

	r = l->confdir == NULL ? pam_start(l->service, l->account, &c, &l->pam)
			       : pam_start_confdir(l->service, l->account, &c, l->confdir, &l->pam);
	if (r != PAM_SUCCESS) {
		l->pam = NULL;
		return r;
	}
	if ((r = pam_set_item(l->pam, PAM_RHOST, l->rhost)) == PAM_SUCCESS)
		r = pam_set_item(l->pam, PAM_TTY, "ssh");
	for (uint32_t i = 0; i < l->nfacts && r == PAM_SUCCESS; i++)
		r = pam_putenv(l->pam, l->facts[i]);
	return r;
}

/* The map granted this account: a module that makes it another takes the ground away. */
static int
same_user(struct login *l)
{
	const void *user = NULL;
	int r = pam_get_item(l->pam, PAM_USER, &user);

	if (r == PAM_SUCCESS && (user == NULL || strcmp(user, l->account) != 0)) {
		serve_log(l, CHILD_ERROR, "a PAM module changed the account");
		r = PAM_PERM_DENIED;
	}
	return r;
}

static int
authenticate(struct login *l)
{
	return pam_authenticate(l->pam, FLAGS);
}

static int
check_account(struct login *l)
{
	return pam_acct_mgmt(l->pam, FLAGS);
}

static int
establish(struct login *l)
{
	int r = pam_setcred(l->pam, PAM_ESTABLISH_CRED);

	l->has_creds = r == PAM_SUCCESS;
	return r;
}

static int
open_session(struct login *l)
{
	int r = pam_open_session(l->pam, 0);

	l->has_session = r == PAM_SUCCESS;
	return r;
}

static const struct step {
	const char *name;
	int (*run)(struct login *);
} steps[] = {
	{ "start", start },
	{ "authenticate", authenticate },
	{ "authenticate", same_user },
	{ "account", check_account },
	{ "account", same_user },
	{ "setcred", establish },
	{ "open_session", open_session },
	{ "open_session", same_user },
};

/* What they said fits, or is cut; else our own words. */
static void
put_text(char text[PAM_TEXT_SIZE], const char *said, const char *otherwise)
{
	size_t n = strlen(said);

	while (n > 0 && said[n - 1] == '\n')
		n--;
	if (n >= PAM_TEXT_SIZE)
		for (n = PAM_TEXT_SIZE - 1; n > 0 && (said[n] & 0xc0) == 0x80; n--)
			; /* not within a character */
	memcpy(text, said, n);
	text[n] = '\0';
	if (n == 0)
		(void)snprintf(text, PAM_TEXT_SIZE, "%s", otherwise);
}

bool
stack_open(struct login *l, char text[PAM_TEXT_SIZE])
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		l->last = steps[i].run(l);
		if (l->last == PAM_SUCCESS && !l->over)
			continue;
		if (!l->over)
			serve_log(l, CHILD_NOTICE, "PAM says no (%s): %s", steps[i].name,
			    pam_strerror(l->pam, l->last));
		put_text(text, l->said, reason(l->last));
		stack_close(l);
		return false;
	}
	put_text(text, l->said, "");
	return true;
}

void
stack_close(struct login *l)
{
	if (l->pam == NULL)
		return;
	if (l->has_session && (l->last = pam_close_session(l->pam, 0)) != PAM_SUCCESS)
		serve_log(
		    l, CHILD_WARNING, "PAM (close_session): %s", pam_strerror(l->pam, l->last));
	if (l->has_creds && pam_setcred(l->pam, PAM_DELETE_CRED) != PAM_SUCCESS)
		serve_log(l, CHILD_WARNING, "PAM (setcred): credentials were not deleted");
	(void)pam_end(l->pam, l->last);
	l->pam = NULL;
	l->has_session = l->has_creds = false;
}
