/* msg.c - encoder and decoder of messages */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "msg.h"

enum { FIELD_U32 = 'w', FIELD_U64 = 'q', FIELD_BYTES = 'b' };

static void
put_raw(struct msg_out *o, const void *p, size_t n)
{
	if (o->overflow || n > o->size - o->len || n > MSG_MAX - o->len) {
		o->overflow = true;
		return;
	}
	if (n > 0)
		memcpy(o->buf + o->len, p, n);
	o->len += n;
}

static void
put_number(struct msg_out *o, uint64_t v, size_t bytes)
{
	uint8_t b[8];

	for (size_t i = 0; i < bytes; i++)
		b[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	put_raw(o, b, bytes);
}

void
msg_start(struct msg_out *o, void *buf, size_t size, enum msg_type type, uint64_t conn)
{
	o->buf = buf;
	o->size = size;
	o->len = 0;
	o->overflow = false;
	put_number(o, type, 2);
	put_number(o, MSG_VERSION, 2);
	put_number(o, conn, 8);
}

void
msg_put_u32(struct msg_out *o, uint32_t v)
{
	put_number(o, FIELD_U32, 1);
	put_number(o, v, 4);
}

void
msg_put_u64(struct msg_out *o, uint64_t v)
{
	put_number(o, FIELD_U64, 1);
	put_number(o, v, 8);
}

void
msg_put_bytes(struct msg_out *o, const void *p, size_t n)
{
	if (n > MSG_MAX) {
		o->overflow = true;
		return;
	}
	put_number(o, FIELD_BYTES, 1);
	put_number(o, n, 4);
	put_raw(o, p, n);
}

void
msg_put_str(struct msg_out *o, const char *s)
{
	msg_put_bytes(o, s, strlen(s));
}

void
msg_put_rest(struct msg_out *o, struct msg_in *m)
{
	put_raw(o, m->p, m->left);
	m->p += m->left;
	m->left = 0;
}

int
msg_finish(const struct msg_out *o, struct err *e)
{
	if (o->overflow)
		return err_set(e, ERR_FORMAT, "message does not fit in %zu bytes", o->size);
	return 0;
}

/* Take n raw bytes off the message; NULL when there are not so many. */
static const uint8_t *
take(struct msg_in *m, size_t n)
{
	const uint8_t *p = m->p;

	if (m->bad || m->left < n) {
		m->bad = true;
		return NULL;
	}
	m->p += n;
	m->left -= n;
	return p;
}

static int
take_number(struct msg_in *m, size_t bytes, uint64_t *v)
{
	const uint8_t *p = take(m, bytes);
	uint64_t x = 0;

	if (p == NULL)
		return -1;
	for (size_t i = 0; i < bytes; i++)
		x = x << 8 | p[i];
	*v = x;
	return 0;
}

static int
take_tag(struct msg_in *m, uint8_t tag)
{
	const uint8_t *p = take(m, 1);

	if (p == NULL || *p != tag) {
		m->bad = true;
		return -1;
	}
	return 0;
}

int
msg_parse(struct msg_in *m, const void *buf, size_t n, struct err *e)
{
	uint64_t type, version, conn;

	*m = (struct msg_in){ .p = buf, .left = n };
	if (n > MSG_MAX || take_number(m, 2, &type) == -1 || take_number(m, 2, &version) == -1 ||
	    take_number(m, 8, &conn) == -1) {
		m->bad = true;
		return err_set(e, ERR_PEER, "message of %zu bytes", n);
	}
	if (version != MSG_VERSION) {
		m->bad = true;
		return err_set(e, ERR_PEER, "message version %u, this program speaks %d",
		    (unsigned)version, MSG_VERSION);
	}
	m->type = (uint16_t)type;
	m->conn = conn;
	return 0;
}

int
msg_get_u32(struct msg_in *m, uint32_t *v)
{
	uint64_t x;

	if (take_tag(m, FIELD_U32) == -1 || take_number(m, 4, &x) == -1)
		return -1;
	*v = (uint32_t)x;
	return 0;
}

int
msg_get_u64(struct msg_in *m, uint64_t *v)
{
	if (take_tag(m, FIELD_U64) == -1)
		return -1;
	return take_number(m, 8, v);
}

int
msg_get_bytes(struct msg_in *m, const uint8_t **p, size_t *n, size_t max)
{
	const uint8_t *data;
	uint64_t len;

	if (take_tag(m, FIELD_BYTES) == -1 || take_number(m, 4, &len) == -1)
		return -1;
	if (len > max || (data = take(m, (size_t)len)) == NULL) {
		m->bad = true;
		return -1;
	}
	*p = data;
	*n = (size_t)len;
	return 0;
}

int
msg_get_str(struct msg_in *m, char *dst, size_t size)
{
	const uint8_t *p;
	size_t n;

	assert(size > 0);
	if (msg_get_bytes(m, &p, &n, size - 1) == -1)
		return -1;
	if (memchr(p, '\0', n) != NULL) {
		m->bad = true;
		return -1;
	}
	memcpy(dst, p, n);
	dst[n] = '\0';
	return 0;
}

int
msg_end(const struct msg_in *m, struct err *e)
{
	if (m->bad)
		return err_set(e, ERR_PEER, "%s: malformed", msg_name(m->type));
	if (m->left != 0)
		return err_set(e, ERR_PEER, "%s: %zu bytes left over", msg_name(m->type), m->left);
	return 0;
}

const char *
msg_name(unsigned type)
{
	static const struct {
		unsigned type;
		const char *name;
	} names[] = {
		{ MSG_GENERATION, "GENERATION" },
		{ MSG_KEY, "KEY" },
		{ MSG_LISTEN, "LISTEN" },
		{ MSG_READY, "READY" },
		{ MSG_LOG, "LOG" },
		{ MSG_PEER, "PEER" },
		{ MSG_COUNTERS, "COUNTERS" },
		{ MSG_TRAPPED, "TRAPPED" },
		{ MSG_IDLE, "IDLE" },
		{ MSG_FILES, "FILES" },
		{ MSG_EXPLAIN, "EXPLAIN" },
		{ MSG_TEXT, "TEXT" },
		{ MSG_KEEP, "KEEP" },
		{ MSG_TERMS, "TERMS" },
		{ MSG_HOSTKEY, "HOSTKEY" },
		{ MSG_JUMP, "JUMP" },
		{ MSG_TAKEN, "TAKEN" },
		{ MSG_PAM, "PAM" },
		{ MSG_ALONE, "ALONE" },
		{ MSG_OPEN, "OPEN" },
		{ MSG_OPENED, "OPENED" },
		{ MSG_REFUSED, "REFUSED" },
		{ MSG_CLOSED, "CLOSED" },
		{ MSG_RENEW, "RENEW" },
		{ MSG_RENEWED, "RENEWED" },
		{ MSG_CUT, "CUT" },
		{ MSG_WHO, "WHO" },
		{ MSG_IS, "IS" },
		{ MSG_NO, "NO" },
		{ MSG_CHAIN, "CHAIN" },
		{ MSG_RESOLVE, "RESOLVE" },
		{ MSG_RESOLVED, "RESOLVED" },
		{ MSG_RELOAD, "RELOAD" },
		{ MSG_DRAIN, "DRAIN" },
		{ MSG_TAKEOVER, "TAKEOVER" },
		{ MSG_ANSWER, "ANSWER" },
		{ MSG_LIST, "LIST" },
		{ MSG_SHOW, "SHOW" },
		{ MSG_CUTS, "CUTS" },
		{ MSG_LOCK, "LOCK" },
		{ MSG_UNLOCK, "UNLOCK" },
		{ MSG_LOCKS, "LOCKS" },
		{ MSG_STATS, "STATS" },
		{ MSG_STATUS, "STATUS" },
		{ MSG_ENDS, "ENDS" },
		{ MSG_AUDIT, "AUDIT" },
		{ MSG_AUDITED, "AUDITED" },
		{ MSG_TRAIL, "TRAIL" },
		{ MSG_START, "START" },
		{ MSG_LOGIN, "LOGIN" },
		{ MSG_LOGGED, "LOGGED" },
		{ MSG_DIAL, "DIAL" },
		{ MSG_ABOUT, "ABOUT" },
		{ MSG_PROMPT, "PROMPT" },
		{ MSG_REPLY, "REPLY" },
		{ MSG_PASSED, "PASSED" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return "unknown message";
}

static int
dispatch(const struct msg_rule *rules, size_t nrules, struct msg_seen *seen, unsigned phase,
    void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	for (size_t i = 0; i < nrules; i++) {
		const struct msg_rule *r = &rules[i];

		if (r->type != m->type)
			continue;
		if ((r->phases & phase) == 0)
			return err_set(e, ERR_PEER, "%s in phase %#x", msg_name(m->type), phase);
		if (r->max_times != 0 && ++seen->times[i] > r->max_times)
			return err_set(
			    e, ERR_PEER, "%s more than %u times", msg_name(m->type), r->max_times);
		if (nfds > r->max_fds)
			return err_set(
			    e, ERR_PEER, "%s with %zu descriptors", msg_name(m->type), nfds);
		return r->handle(ctx, m, fds, nfds, e);
	}
	return err_set(e, ERR_PEER, "%s (%u) is not accepted here", msg_name(m->type), m->type);
}

int
msg_dispatch(const struct msg_rule *rules, size_t nrules, struct msg_seen *seen, unsigned phase,
    void *ctx, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct msg_in m;
	int r;

	assert(nrules <= MSG_RULES_MAX);
	r = msg_parse(&m, buf, n, e);
	if (r == 0)
		r = dispatch(rules, nrules, seen, phase, ctx, &m, fds, nfds, e);
	for (size_t i = 0; i < nfds; i++) {
		if (fds[i] != -1)
			close(fds[i]);
		fds[i] = -1;
	}
	return r;
}
