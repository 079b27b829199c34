/* connect.c - the main job */
#include <stdio.h>
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
#include "stream.h"
#include "tls.h"

#define LINE_MS 2000 /* how long a client may take for the last line */

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

void
connect_tell(const struct relay_client *client, const char *text)
{
	char line[1024];
	struct stream out;

	say("%s", text);
	if (!client->wants_lines || client->begun)
		return;
	(void)snprintf(line, sizeof(line), "mtls-connect: %s\r\n", text);
	stream_init(&out, STDOUT_FILENO, true);
	(void)!stream_line(&out, line, LINE_MS);
}

int
connect_with(const struct options *o, const struct cred *cred, struct relay_client *client)
{
	struct err e = { .kind = ERR_NONE };
	char server[ENDPOINT_TEXT_SIZE], text[sizeof(server) + sizeof(e.text) + 2];
	struct tls tls;
	int fd, ret = -1;

	(void)endpoint_text(&o->bridge, server);
	validity_warn(cred);
	if (tls_init(&tls, cred, &o->bridge, o->tls12, &e) == 0 &&
	    (fd = open_tls(o, &tls, &e)) != -1) {
		ret = relay_run(&tls, server, client, &e);
		(void)close(fd);
	}
	if (ret == -1 && e.kind != ERR_NONE) {
		(void)snprintf(text, sizeof(text), "%s: %s", server, e.text);
		connect_tell(client, text);
	}
	tls_done(&tls);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
connect_run(const struct options *o)
{
	struct relay_client client = { .wants_lines = false };
	struct cred cred;
	struct err e;
	int status;

	if (cred_load(&cred, o->cert, o->key, o->ca, &e) == -1) {
		say("%s", e.text);
		return EXIT_FAILURE;
	}
	status = connect_with(o, &cred, &client);
	cred_done(&cred);
	return status;
}
