/* connect.c - the main job */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <openssl/ssl.h>

#include "addr.h"
#include "clock.h"
#include "connect.h"
#include "cred.h"
#include "dial.h"
#include "explain.h"
#include "relay.h"
#include "say.h"
#include "tls.h"

/* A certificate that is over may still be tried: the bridge's clock decides, not ours. */
static void
validity_warn(const struct cred *c)
{
	struct explain_self s = { .now = time(NULL),
		.not_before = c->not_before,
		.not_after = c->not_after,
		.cert_path = c->cert_path,
		.leaf = c->leaf };
	char text[400];

	if (explain_validity(&s, text, sizeof(text)) != NULL)
		say("%s", text);
}

static void
connection_show(const struct tls *t, const struct sockaddr_storage *addr)
{
	char where[ADDR_TEXT_SIZE];

	say("connected to %s, %s, %s, server certificate verified for \"%s\"",
	    addr_text_port(addr, where), SSL_get_version(t->ssl), SSL_get_cipher(t->ssl),
	    t->ep->name);
	if (!t->asked)
		say("the server did not ask for a certificate");
	else
		say("sent your certificate and %d of %d intermediates", t->chain_sent,
		    sk_X509_num(t->cred->chain));
}

/* A connected and verified TLS; the socket, which the caller closes, or -1. */
static int
open_tls(const struct options *o, struct tls *t, struct err *e)
{
	int64_t deadline = clock_ms() + (int64_t)o->timeout_s * 1000;
	struct sockaddr_storage addr;
	struct dial_list list;
	int fd;

	if (dial_resolve(&o->bridge, o->family, deadline, &list, e) == -1 ||
	    (fd = dial_connect(&list, deadline, &addr, e)) == -1)
		return -1;
	if (tls_handshake(t, fd, deadline, e) == -1) {
		(void)close(fd);
		return -1;
	}
	if (o->verbose)
		connection_show(t, &addr);
	return fd;
}

int
connect_run(const struct options *o)
{
	char server[ENDPOINT_TEXT_SIZE];
	struct cred cred;
	struct tls tls;
	struct err e = { .kind = ERR_NONE };
	int fd, ret = -1;

	if (cred_load(&cred, o->cert, o->key, o->ca, &e) == -1) {
		say("%s", e.text);
		return EXIT_FAILURE;
	}
	(void)endpoint_text(&o->bridge, server);
	validity_warn(&cred);
	if (tls_init(&tls, &cred, &o->bridge, o->tls12, &e) == 0 &&
	    (fd = open_tls(o, &tls, &e)) != -1) {
		ret = relay_run(&tls, server, &e);
		(void)close(fd);
	}
	if (ret == -1 && e.kind != ERR_NONE)
		say("%s: %s", server, e.text);
	tls_done(&tls);
	cred_done(&cred);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
