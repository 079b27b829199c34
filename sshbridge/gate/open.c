/*
 * open.c - talk with ident: OPEN for each proved client, RENEW for its later certificates, ident's
 * answers, CLOSED at the end
 *
 * ident judges each OPEN and RENEW by its own map and generation; what is sent here is what the
 * certificate says and how it was verified, nothing that decides.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn_local.h"
#include "identity_x509.h"
#include "spki.h"

/* Reasons of a CUT, see docs/PROTOCOL.md: they are ident's; the client gets its text. */
enum { CUT_CODES = 9 };

/* ---- OPEN and RENEW -------------------------------------------------------------------------- */

static bool
has_policy(const struct certpath_result *res, const char *oid)
{
	for (size_t i = 0; i < res->npolicies; i++)
		if (strcmp(res->policies[i], oid) == 0)
			return true;
	return false;
}

/*
 * The message has one identity for all sections that accept, so it names only the policies that
 * hold on the path of each of them: a rule "trust=A policy=P" must not be met by a P that only
 * B's path carries. One section is the rule, and then nothing is lost.
 */
static struct identity *
identity_of(const struct proof *p, X509 *leaf, struct err *e)
{
	const struct certpath_result *first = &p->sections[0].res;
	char **oids = calloc(first->npolicies + 1, sizeof(*oids));
	struct identity *id;
	size_t n = 0;

	if (oids == NULL) {
		err_nomem(e, "identity");
		return NULL;
	}
	for (size_t i = 0; i < first->npolicies; i++) {
		bool everywhere = true;

		for (size_t k = 1; k < p->nsections && everywhere; k++)
			everywhere = has_policy(&p->sections[k].res, first->policies[i]);
		if (everywhere)
			oids[n++] = first->policies[i];
	}
	id = identity_from_x509(leaf, oids, n, e);
	free(oids);
	return id;
}

static int
put_key(X509 *leaf, struct msg_out *o, struct err *e)
{
	struct sshkey *k = malloc(sizeof(*k));
	EVP_PKEY *pkey = X509_get0_pubkey(leaf);
	int r = -1;

	if (k == NULL || pkey == NULL)
		err_nomem(e, "public key");
	else if ((r = spki_to_sshkey(pkey, k, e)) == 0)
		msg_put_bytes(o, k->blob, k->blob_len);
	else if (r == 1) /* no SSH key can be the same one */
		msg_put_bytes(o, "", 0);
	free(k);
	return r == -1 ? -1 : 0;
}

/* Each certificate of each section's path, leaf first. */
static int
put_paths(const struct proof *p, struct msg_out *o, struct err *e)
{
	struct pathcert pc;
	size_t m = 0;

	for (size_t i = 0; i < p->nsections; i++)
		m += (size_t)sk_X509_num(p->sections[i].res.path);
	if (m > PATHCERTS_MAX)
		return err_set(e, ERR_REFUSED, "%zu certificates in its paths", m);
	msg_put_u32(o, (uint32_t)m);
	for (size_t i = 0; i < p->nsections; i++) {
		const struct proof_section *s = &p->sections[i];

		for (int k = 0, n = sk_X509_num(s->res.path); k < n; k++) {
			if (pathcert_from_x509(sk_X509_value(s->res.path, k),
				p->gen->set.sections[s->index].name,
				k + 1 < n ? s->res.issuers[k] : NULL, &pc, e) == -1)
				return -1;
			pathcert_put(&pc, o);
		}
	}
	return 0;
}

/* The fields that OPEN and RENEW have in common. */
static int
put_proof(const struct proof *p, X509 *leaf, struct msg_out *o, struct err *e)
{
	struct identity *id;

	if (p->nsections == 0)
		return err_set(e, ERR_REFUSED, "no trust section accepts it");
	if ((id = identity_of(p, leaf, e)) == NULL)
		return -1;
	msg_put_u32(o, (uint32_t)p->nsections);
	for (size_t i = 0; i < p->nsections; i++)
		msg_put_str(o, p->gen->set.sections[p->sections[i].index].name);
	identity_put(id, o);
	identity_free(id);
	if (put_key(leaf, o, e) == -1 || put_paths(p, o, e) == -1)
		return -1;
	return msg_finish(o, e);
}

int
open_write(
    const struct open_facts *f, const struct proof *p, X509 *leaf, struct msg_out *o, struct err *e)
{
	msg_put_u32(o, f->number);
	msg_put_u64(o, p->gen->number);
	msg_put_str(o, f->server_name);
	addr_put(f->client, o);
	addr_put(f->listener, o);
	return put_proof(p, leaf, o, e);
}

/* The client may not stay: FIN or a reset, seen without reading what it sent. */
static void
on_asked(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	uint8_t byte;
	ssize_t n;

	if ((what & EV_CLOSED) == 0) {
		n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		if (n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR)))
			return;
	}
	c->wire.eof = true;
	conn_close(c, "the client left before it was connected");
}

static void
on_no_answer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_report(arg, "no answer from ident");
	conn_farewell(arg, "try again later");
}

int
open_ask(struct conn *c, struct err *e)
{
	struct gate *g = c->g;
	struct proof *p = c->early->proof;
	const char *name = SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name);
	struct open_facts f = { .number = c->number,
		.server_name = name == NULL ? "" : name,
		.client = &c->early->peer,
		.listener = &c->early->local };
	uint32_t patience = 2 * p->gen->set.dial_timeout + 10;
	struct msg_out o;

	msg_start(&o, g->out, sizeof(g->out), MSG_OPEN, 0);
	if (open_write(&f, p, p->leaf, &o, e) == -1 || msgq_send(g->ident, &o, NULL, 0, e) == -1)
		return -1;
	c->asked = true;
	c->state = CONN_ASKED;
	c->renew.until = proof_until(p);
	/*
	 * The proof has gone to the one who judges. What the client sends meanwhile stays in the
	 * socket: edge-triggered, or it would be reported for ever.
	 */
	proof_free(p);
	c->early->proof = NULL;
	SSL_set_app_data(c->ssl, NULL);
	conn_watch(c, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_asked);
	/* ident has its own limit for dialing; this is for an ident that hangs */
	conn_timer(c, patience, on_no_answer);
	return 0;
}

int
open_renew(struct conn *c, const struct proof *p, struct err *e)
{
	struct gate *g = c->g;
	struct msg_out o;

	msg_start(&o, g->out, sizeof(g->out), MSG_RENEW, c->id);
	msg_put_u32(&o, c->number);
	if (put_proof(p, p->leaf, &o, e) == -1)
		return -1;
	return msgq_send(g->ident, &o, NULL, 0, e);
}

void
open_closed(struct conn *c, const char *why)
{
	struct gate *g = c->g;
	uint8_t buf[512];
	char text[256];
	struct msg_out o;
	struct err e;

	if (!c->asked)
		return;
	c->asked = false;
	msg_start(&o, buf, sizeof(buf), MSG_CLOSED, c->id);
	msg_put_u32(&o, c->number);
	msg_put_u64(&o, c->pump == NULL ? 0 : c->pump->from_client);
	msg_put_u64(&o, c->pump == NULL ? 0 : c->pump->to_client);
	msg_put_str(&o, text_escape(text, sizeof(text), why, strlen(why)));
	/* an ident that does not hear of an end keeps an entry for ever: it must see us end */
	if (msgq_send(g->ident, &o, NULL, 0, &e) == -1)
		gate_end(g, e.text);
}

/* ---- ident's answers ------------------------------------------------------------------------- */

static int
on_opened(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct gate *g = ctx;
	struct conn *c;
	struct conn_opening o = { .id = m->conn };
	uint32_t number;
	uint64_t renew_at;
	char target[SETTINGS_NAME_MAX];
	int type = 0;
	socklen_t len = sizeof(type);

	if (msg_get_u32(m, &number) == -1 || msg_get_u32(m, &o.idle_seconds) == -1 ||
	    msg_get_str(m, target, sizeof(target)) == -1 || msg_get_u64(m, &renew_at) == -1 ||
	    msg_end(m, e) == -1 || nfds != 1 || m->conn == 0 || renew_at > INT64_MAX)
		return err_set(e, ERR_PEER, "OPENED: malformed");
	if (getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &type, &len) == -1 || type != SOCK_STREAM)
		return err_set(e, ERR_PEER, "OPENED: not a stream socket");
	/* the number is gone: ident has our CLOSED on its way, the socket is closed by the caller
	 */
	if ((c = conn_find(g, number)) == NULL || !c->asked)
		return 0;
	if (c->state != CONN_ASKED)
		return err_set(e, ERR_PEER, "OPENED twice for one number");
	o.fd = fds[0];
	fds[0] = -1;
	o.renew_at = (int64_t)renew_at;
	conn_opened(c, &o);
	return 0;
}

static int
on_refused(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct gate *g = ctx;
	struct conn *c;
	uint32_t number, code;
	char text[256];

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &number) == -1 || msg_get_u32(m, &code) == -1 ||
	    msg_get_str(m, text, sizeof(text)) == -1 || msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "REFUSED: malformed");
	if ((c = conn_find(g, number)) == NULL || !c->asked)
		return 0;
	if (c->state != CONN_ASKED)
		return err_set(e, ERR_PEER, "REFUSED after OPENED");
	text_clean(text);
	conn_refused(c, m->conn, text);
	return 0;
}

/*
 * The open connection that RENEWED or CUT is about; NULL and 0 when its CLOSED is on its way, -1
 * when there was never such a one.
 */
static int
find_open(
    struct gate *g, const struct msg_in *m, uint32_t number, struct conn **found, struct err *e)
{
	struct conn *c = conn_find(g, number);

	*found = NULL;
	if (c == NULL || !c->asked)
		return 0;
	if (c->state != CONN_OPEN || c->id != m->conn)
		return err_set(e, ERR_PEER, "%s: number %u is not open under this id",
		    msg_name(m->type), number);
	*found = c;
	return 0;
}

static int
on_renewed(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct conn *c;
	uint32_t number;
	uint64_t at;

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &number) == -1 || msg_get_u64(m, &at) == -1 || msg_end(m, e) == -1 ||
	    m->conn == 0 || at > INT64_MAX)
		return err_set(e, ERR_PEER, "RENEWED: malformed");
	if (find_open(ctx, m, number, &c, e) == -1)
		return -1;
	if (c == NULL)
		return 0;
	if (c->renew.state != RENEW_TOLD)
		return err_set(e, ERR_PEER, "RENEWED without RENEW");
	conn_renewed(c, (int64_t)at);
	return 0;
}

static int
on_cut(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct conn *c;
	uint32_t number, code;
	char text[256];

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &number) == -1 || msg_get_u32(m, &code) == -1 ||
	    msg_get_str(m, text, sizeof(text)) == -1 || msg_end(m, e) == -1 || m->conn == 0 ||
	    code == 0 || code > CUT_CODES)
		return err_set(e, ERR_PEER, "CUT: malformed");
	if (find_open(ctx, m, number, &c, e) == -1)
		return -1;
	if (c == NULL)
		return 0;
	text_clean(text);
	conn_cut(c, text);
	return 0;
}

static const struct msg_rule from_ident[] = {
	{ MSG_OPENED, PHASE_ANY, 0, 1, on_opened },
	{ MSG_REFUSED, PHASE_ANY, 0, 0, on_refused },
	{ MSG_RENEWED, PHASE_ANY, 0, 0, on_renewed },
	{ MSG_CUT, PHASE_ANY, 0, 0, on_cut },
};

int
open_on_message(void *gate, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct gate *g = gate;

	return msg_dispatch(from_ident, sizeof(from_ident) / sizeof(from_ident[0]), &g->from_ident,
	    g->phase, g, buf, n, fds, nfds, e);
}

void
open_on_end(void *gate, const struct err *why)
{
	gate_end(gate, why->kind == ERR_NONE ? "ident is gone" : why->text);
}
