/*
 * test_pamd.c - each service file of sshd that we ship parses, and denies without our module's yes
 *
 * Each is run twice: with every other module replaced by pam_permit, so that our lines alone
 * stand between a login and success, and as it is, where a login must fail just the same.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "stack.h"

#define SHIPPED "packaging/pam.d"

enum others { AS_SHIPPED, PERMIT };

/* "type control module arguments" of one line; control may be in brackets. */
struct line {
	char type[16], control[100], module[64], args[200];
};

static bool
line_parse(const char *text, struct line *l)
{
	int n = 0;

	memset(l, 0, sizeof(*l));
	if (text[0] == '#' || text[0] == '@' || text[0] == '\n')
		return false;
	if (sscanf(text, "%15s [%98[^]]] %63s %199[^\n]", l->type, l->control, l->module,
		l->args) >= 3)
		return true;
	n = sscanf(text, "%15s %99s %63s %199[^\n]", l->type, l->control, l->module, l->args);
	if (n < 3)
		fail_msg("line is not one of pam.d: %s", text);
	return true;
}

static FILE *
shipped_open(const char *name)
{
	char path[300];
	FILE *f;

	(void)snprintf(path, sizeof(path), SHIPPED "/%s", name);
	if ((f = fopen(path, "re")) == NULL)
		fail_msg("%s: run this from the top of the tree", path);
	return f;
}

/* Copy the file `name` as the service of `l`; returns how many lines are ours. */
static unsigned
install(struct login *l, const char *name, enum others others)
{
	static const char *const common[] = { "auth", "account", "session", "password" };
	char text[400], so[4200], path[200], file[40], permit[80];
	struct line line;
	unsigned ours = 0;
	FILE *in = shipped_open(name), *out;

	(void)snprintf(path, sizeof(path), "%s/svc", l->confdir);
	MUST((out = fopen(path, "we")) != NULL);
	while (fgets(text, sizeof(text), in) != NULL) {
		if (!line_parse(text, &line)) {
			(void)fputs(text, out);
			continue;
		}
		if (strcmp(line.module, "pam_mtls.so") == 0) {
			ours++;
			(void)fprintf(out, "%s %s %s %s socket=%s\n", line.type, line.control,
			    module_path(so), line.args, l->sock);
		} else if (others == PERMIT) {
			(void)fprintf(out, "%s required pam_permit.so\n", line.type);
		} else {
			(void)fputs(text, out);
		}
	}
	MUST(fclose(out) == 0);
	(void)fclose(in);
	for (size_t i = 0; i < nitems(common); i++) {
		(void)snprintf(file, sizeof(file), "common-%s", common[i]);
		(void)snprintf(permit, sizeof(permit), "%s required pam_permit.so\n", common[i]);
		write_file(l->confdir, file, permit);
	}
	return ours;
}

/* The first line of its type in the file is ours, `required`, and before any user_readenv. */
static void
first_of_type_is_ours(const char *name, const char *type)
{
	FILE *f = shipped_open(name);
	char text[400];
	struct line line;
	bool seen = false;

	while (fgets(text, sizeof(text), f) != NULL) {
		if (!seen && text[0] == '@' && strstr(text, type) != NULL)
			fail_msg("%s: %s before our %s line", name, text, type);
		if (!line_parse(text, &line) || strcmp(line.type, type) != 0)
			continue;
		if (!seen) {
			assert_string_equal("pam_mtls.so", line.module);
			assert_string_equal("required", line.control);
		} else {
			assert_string_not_equal("pam_mtls.so", line.module);
		}
		seen = true;
	}
	(void)fclose(f);
	assert_true(seen);
}

static void
our_lines_come_first_and_are_required(void **state)
{
	first_of_type_is_ours(*state, "account");
	first_of_type_is_ours(*state, "session");
}

static void
our_lines_alone_decide(void **state)
{
	struct login l;
	struct seen s;

	login_start(&l);
	assert_int_equal(2, install(&l, *state, PERMIT));
	fake_start(&l.fake, l.sock);
	for (int hook = ACCOUNT; hook <= SESSION; hook++)
		if (login_call(&l, hook, &s) != PAM_SUCCESS)
			fail_msg("%s with a yes: %d %s", hook_names[hook], s.code, s.logged);
	assert_int_equal(2, l.fake.asked);
	fake_stop(&l.fake);
	MUST(unlink(l.sock) == 0);
	assert_int_equal(PAM_AUTHINFO_UNAVAIL, login_call(&l, ACCOUNT, &s));
	assert_int_equal(PAM_SESSION_ERR, login_call(&l, SESSION, &s));

	l.fake.reply_len = no_message(l.fake.reply, sizeof(l.fake.reply), 1, 1, "no");
	fake_start(&l.fake, l.sock);
	assert_int_equal(PAM_PERM_DENIED, login_call(&l, ACCOUNT, &s));
	assert_int_equal(PAM_SESSION_ERR, login_call(&l, SESSION, &s));
	l.hint[0] = '\0';
	assert_int_equal(PAM_AUTHINFO_UNAVAIL, login_call(&l, ACCOUNT, &s));
	assert_int_equal(PAM_SESSION_ERR, login_call(&l, SESSION, &s));
	fake_stop(&l.fake);
	login_end(&l);
}

/* The modules of a session write below /run (pam_motd): not to the machine's own. */
static bool
hide_run(void)
{
	if (geteuid() != 0)
		return true; /* and may not write there */
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", "/run", "tmpfs", 0, "mode=755") == 0;
}

/* In a process of its own: they change the process that they run in as well. */
static int
call_in_child(struct login *l, int hook)
{
	struct seen s;
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(hide_run() ? login_call(l, hook, &s) : 255);
	MUST(pid != -1 && waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
as_it_is_no_login_passes_without_a_yes(void **state)
{
	struct login l;

	login_start(&l);
	assert_int_equal(2, install(&l, *state, AS_SHIPPED));
	assert_int_equal(PAM_AUTHINFO_UNAVAIL, call_in_child(&l, ACCOUNT));
	assert_int_equal(PAM_SESSION_ERR, call_in_child(&l, SESSION));
	fake_start(&l.fake, l.sock);
	assert_int_equal(PAM_SUCCESS, call_in_child(&l, ACCOUNT));
	fake_stop(&l.fake);
	MUST(unlink(l.sock) == 0);
	l.fake.reply_len = no_message(l.fake.reply, sizeof(l.fake.reply), 1, 2, "no");
	fake_start(&l.fake, l.sock);
	assert_int_equal(PAM_PERM_DENIED, call_in_child(&l, ACCOUNT));
	assert_int_equal(PAM_SESSION_ERR, call_in_child(&l, SESSION));
	fake_stop(&l.fake);
	login_end(&l);
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*test)(void **);
	} kinds[] = {
		{ "our lines come first and are required", our_lines_come_first_and_are_required },
		{ "our lines alone decide", our_lines_alone_decide },
		{ "as it is, no login passes without a yes",
		    as_it_is_no_login_passes_without_a_yes },
	};
	struct CMUnitTest tests[30];
	char files[10][64], names[nitems(tests)][160];
	size_t n = 0, nfiles = 0;
	DIR *d = opendir(SHIPPED);
	struct dirent *ent;

	if (d == NULL) {
		printf("not ok - " SHIPPED " is not here: run this from the top of the tree\n");
		return 1;
	}
	while ((ent = readdir(d)) != NULL && nfiles < nitems(files)) {
		/* of the bridge's own logins, which pam_mtls is no part of */
		if (ent->d_name[0] == '.' || strcmp(ent->d_name, "sshbridge") == 0)
			continue;
		(void)snprintf(files[nfiles], sizeof(files[0]), "%.63s", ent->d_name);
		for (size_t i = 0; i < nitems(kinds); i++, n++) {
			(void)snprintf(
			    names[n], sizeof(names[n]), "%s: %s", files[nfiles], kinds[i].name);
			tests[n] = (struct CMUnitTest){ .name = names[n],
				.test_func = kinds[i].test,
				.initial_state = files[nfiles] };
		}
		nfiles++;
	}
	closedir(d);
	if (nfiles == 0)
		return 1;
	return _cmocka_run_group_tests("service files that we ship", tests, n, NULL, NULL);
}
