/* renew.c - a newer certificate for the open connection, and the bridge's last words */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <openssl/err.h>

#include "explain.h"
#include "renew.h"
#include "say.h"
#include "text.h"
#include "tls.h"

/* The extension of a CertificateRequest; in the first one, of the handshake, it has no meaning. */
static int
on_notice(SSL *ssl, unsigned type, unsigned context, const unsigned char *in, size_t n, X509 *x,
    size_t chain_index, int *alert, void *arg)
{
	struct tls *t = arg;
	struct renew *r = &t->renew;

	(void)ssl;
	(void)type;
	(void)context;
	(void)x;
	(void)chain_index;
	(void)alert;
	if (t->open && r->notice_len == 0) {
		r->notice_len = n < sizeof(r->notice) ? n : sizeof(r->notice);
		memcpy(r->notice, in, r->notice_len);
	}
	return 1;
}

int
renew_init(struct tls *t, struct err *e)
{
	SSL_CTX_set_post_handshake_auth(t->ctx, 1);
	if (SSL_CTX_add_custom_ext(t->ctx, RENEW_EXTENSION, SSL_EXT_TLS1_3_CERTIFICATE_REQUEST,
		NULL, NULL, NULL, on_notice, t) != 1)
		return err_nomem(e, "TLS");
	return 0;
}

void
renew_done(struct tls *t)
{
	cred_done(&t->renew.renewed);
}

/* The old one is still there: the user is told while he can do something about it. */
static void
warn_once(struct tls *t)
{
	const struct cred *c = t->cred;
	struct explain_self s = { .now = time(NULL),
		.not_before = c->not_before,
		.not_after = c->not_after,
		.cert_path = c->cert_path,
		.leaf = c->leaf };
	char text[500];

	if (t->renew.warned || explain_validity(&s, text, sizeof(text)) == NULL)
		return;
	t->renew.warned = true;
	say("the bridge asks for a newer certificate: %s", text);
}

static bool
is_newer(const struct cred *c, const struct cred *old)
{
	return X509_cmp(c->leaf, old->leaf) != 0 && c->not_after >= time(NULL);
}

bool
renew_choose(struct tls *t)
{
	struct renew *r = &t->renew;
	struct cred fresh;
	struct err e;

	if (r->notice_len > 0)
		return false; /* it does not ask, it says */
	if (cred_reload(&fresh, t->cred, &e) == -1) {
		say("the bridge asks for a newer certificate, and there is none to show: %s",
		    e.text);
		return false;
	}
	if (!is_newer(&fresh, t->cred)) {
		warn_once(t);
		cred_done(&fresh);
		return false;
	}
	cred_done(&r->renewed);
	r->renewed = fresh;
	r->warned = false;
	t->cred = &r->renewed;
	return true;
}

bool
renew_tell(struct tls *t, const char *server)
{
	struct renew *r = &t->renew;
	char shown[4 * RENEW_NOTICE_MAX + 8];

	if (r->notice_len > 0 && !r->told) {
		r->told = true;
		say("%s ends the connection: %s", server,
		    text_escape(shown, sizeof(shown), r->notice, r->notice_len));
	}
	return r->told;
}
