/* authkeys.c - the set of authorized keys: files to entries, sealed memory, finding by hash */
#include <stdlib.h>
#include <string.h>

#include "authkeys_local.h"
#include "msg.h"

/* An entry as a message: its lists come from one line. */
#define ENTRY_MAX (AUTHKEYS_LINE_MAX + 1024)

struct authkeys {
	struct authkey **v; /* as they were added */
	size_t n, room;
	struct authkey **buckets; /* a power of two of them; chains in that order; NULL: none yet */
	size_t nbuckets;
};

struct authkeys *
authkeys_new(struct err *e)
{
	struct authkeys *k = calloc(1, sizeof(*k));

	if (k == NULL)
		err_nomem(e, "authorized keys");
	return k;
}

void
authkeys_free(struct authkeys *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n; i++)
		free(k->v[i]);
	free(k->v);
	free(k->buckets);
	free(k);
}

size_t
authkeys_count(const struct authkeys *k)
{
	return k->n;
}

/* ---- entries -------------------------------------------------------------------------------- */
/* An entry with what `like` says, and copies of its texts; it belongs to the set. */
static int
entry_add(struct authkeys *k, const struct authkey *like, struct err *e)
{
	const char *texts[] = { like->account, like->from, like->permitopen }, *copies[3];
	struct authkey *a;
	size_t size = 0, at = 0;

	for (size_t i = 0; i < 3; i++)
		size += strlen(texts[i]) + 1;
	if (k->n == AUTHKEYS_KEYS_MAX)
		return err_set(e, ERR_FORMAT, "more than %d keys in all", AUTHKEYS_KEYS_MAX);
	if (k->n == k->room) {
		size_t room = k->room == 0 ? 64 : k->room * 2;
		struct authkey **v = reallocarray(k->v, room, sizeof(*v));

		if (v == NULL)
			return err_nomem(e, "authorized keys");
		k->v = v;
		k->room = room;
	}
	if ((a = malloc(sizeof(*a) + size)) == NULL)
		return err_nomem(e, "authorized keys");
	memcpy(a, like, sizeof(*a));
	for (size_t i = 0; i < 3; i++) {
		copies[i] = a->text + at;
		memcpy(a->text + at, texts[i], strlen(texts[i]) + 1);
		at += strlen(texts[i]) + 1;
	}
	a->account = copies[0];
	a->from = copies[1];
	a->permitopen = copies[2];
	a->next = NULL;
	k->v[k->n++] = a;
	return 0;
}

int
authkeys_add(struct authkeys *k, uint32_t target, const char *account, const uint8_t *text,
    size_t n, void (*refused)(void *arg, unsigned line, const char *why), void *arg, struct err *e)
{
	const char *p = (const char *)text, *end = p + n, *newline;
	struct authkeys_line l;
	struct err why;
	unsigned line = 0;
	int r;

	if (n > AUTHKEYS_FILE_MAX)
		return err_set(
		    e, ERR_FORMAT, "%zu bytes, at most %u are taken", n, AUTHKEYS_FILE_MAX);
	for (; p < end; p = newline + 1) {
		line++;
		if ((newline = memchr(p, '\n', (size_t)(end - p))) == NULL)
			newline = end;
		r = authkeys_parse_line(p, (size_t)(newline - p), &l, &why);
		if (r == -1)
			refused(arg, line, why.text);
		if (r != 0)
			continue;
		struct authkey a = { .account = account,
			.from = l.from,
			.permitopen = l.permitopen,
			.expires = l.expires,
			.target = target,
			.line = line,
			.opens = l.opens,
			.no_touch = l.no_touch,
			.verify = l.verify };

		memcpy(a.sha256, l.sha256, sizeof(a.sha256));
		if (entry_add(k, &a, e) == -1)
			return -1;
	}
	return 0;
}

/* ---- as sealed memory ----------------------------------------------------------------------- */
static int
entry_write(struct records_writer *w, const struct authkey *a, struct err *e)
{
	uint8_t buf[ENTRY_MAX];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_GENERATION, 0);
	msg_put_str(&o, a->account);
	msg_put_bytes(&o, a->sha256, sizeof(a->sha256));
	msg_put_u32(&o, a->line);
	msg_put_u32(&o, a->opens);
	msg_put_u32(&o, a->no_touch);
	msg_put_u32(&o, a->verify);
	msg_put_u64(&o, (uint64_t)a->expires);
	msg_put_str(&o, a->from);
	msg_put_str(&o, a->permitopen);
	if (msg_finish(&o, e) == -1)
		return -1;
	return records_add(w,
	    &(struct record){ .kind = RECORD_AUTHKEY, .section = a->target, .p = buf, .n = o.len },
	    e);
}

int
authkeys_seal(const struct authkeys *k, struct err *e)
{
	struct records_writer w = { .max = AUTHKEYS_BYTES_MAX };
	int fd = -1;

	for (size_t i = 0; i < k->n; i++)
		if (entry_write(&w, k->v[i], e) == -1)
			goto out;
	fd = sealed_new("authorized keys", w.buf, w.len, e);
out:
	records_done(&w);
	return fd;
}

static int
entry_read(struct authkeys *k, const struct record *r, struct err *e)
{
	char account[AUTHKEYS_ACCOUNT_MAX + 1], from[AUTHKEYS_LINE_MAX],
	    permitopen[AUTHKEYS_LINE_MAX];
	struct authkey a = {
		.account = account, .from = from, .permitopen = permitopen, .target = r->section
	};
	struct msg_in m;
	const uint8_t *sha256;
	uint64_t expires;
	uint32_t opens, no_touch, verify;
	size_t n;

	if (msg_parse(&m, r->p, r->n, e) == -1)
		return -1;
	if (msg_get_str(&m, account, sizeof(account)) == -1 ||
	    msg_get_bytes(&m, &sha256, &n, sizeof(a.sha256)) == -1 || n != sizeof(a.sha256) ||
	    msg_get_u32(&m, &a.line) == -1 || msg_get_u32(&m, &opens) == -1 || opens > 1 ||
	    msg_get_u32(&m, &no_touch) == -1 || no_touch > 1 || msg_get_u32(&m, &verify) == -1 ||
	    verify > 1 || msg_get_u64(&m, &expires) == -1 ||
	    msg_get_str(&m, from, sizeof(from)) == -1 ||
	    msg_get_str(&m, permitopen, sizeof(permitopen)) == -1 || m.left != 0)
		return err_set(e, ERR_PEER, "authorized keys: malformed record");
	memcpy(a.sha256, sha256, n);
	a.opens = opens == 1;
	a.no_touch = no_touch == 1;
	a.verify = verify == 1;
	a.expires = (int64_t)expires;
	return entry_add(k, &a, e);
}

/* ---- finding -------------------------------------------------------------------------------- */
/* The keys are the administrator's and SHA-256 is as good as random: no seed is needed. */
static size_t
bucket_of(const struct authkeys *k, uint32_t target, const char *account, const uint8_t sha256[32])
{
	uint64_t h = 0xcbf29ce484222325U ^ target, first;

	for (; *account != '\0'; account++)
		h = (h ^ (uint8_t)*account) * 0x100000001b3U;
	memcpy(&first, sha256, sizeof(first));
	return (size_t)((h ^ first) & (k->nbuckets - 1));
}

static int
index_build(struct authkeys *k, struct err *e)
{
	size_t size = 16;

	while (size < k->n * 2)
		size *= 2;
	if ((k->buckets = calloc(size, sizeof(struct authkey *))) == NULL)
		return err_nomem(e, "authorized keys");
	k->nbuckets = size;
	/* From the last to the first, so that each chain runs in order of lines. */
	for (size_t i = k->n; i-- > 0;) {
		struct authkey *a = k->v[i];
		size_t at = bucket_of(k, a->target, a->account, a->sha256);

		a->next = k->buckets[at];
		k->buckets[at] = a;
	}
	return 0;
}

struct authkeys *
authkeys_open(const struct sealed *s, struct err *e)
{
	struct authkeys *k = authkeys_new(e);
	struct record r;
	size_t pos = 0;
	int more;

	if (k == NULL)
		return NULL;
	while ((more = records_next(s, &pos, &r, e)) == 1) {
		if (r.kind != RECORD_AUTHKEY) {
			more = err_set(
			    e, ERR_PEER, "authorized keys: record of kind %u", (unsigned)r.kind);
			break;
		}
		if ((more = entry_read(k, &r, e)) == -1)
			break;
	}
	if (more == 0 && index_build(k, e) == 0)
		return k;
	authkeys_free(k);
	return NULL;
}

static enum authkeys_verdict
entry_verdict(const struct authkey *a, const struct authkeys_query *q)
{
	if (q->now > a->expires)
		return AUTHKEYS_EXPIRED;
	if (!authkeys_from_holds(a->from, q->from))
		return AUTHKEYS_FROM;
	if (q->use.untouched && !a->no_touch)
		return AUTHKEYS_UNTOUCHED;
	return q->use.unverified && a->verify ? AUTHKEYS_UNVERIFIED : AUTHKEYS_YES;
}

enum authkeys_verdict
authkeys_find(
    const struct authkeys *k, const struct authkeys_query *q, const struct authkey **found)
{
	enum authkeys_verdict v = AUTHKEYS_NOT_LISTED, one;
	const struct authkey *a;

	*found = NULL;
	if (k->nbuckets == 0)
		return v;
	for (a = k->buckets[bucket_of(k, q->target, q->account, q->sha256)]; a != NULL;
	     a = a->next) {
		if (a->target != q->target || memcmp(a->sha256, q->sha256, 32) != 0 ||
		    strcmp(a->account, q->account) != 0)
			continue;
		if ((one = entry_verdict(a, q)) == AUTHKEYS_YES) {
			*found = a;
			return one;
		}
		/* it is the line that counts, and none behind it waives what this one wants */
		if (one == AUTHKEYS_UNTOUCHED || one == AUTHKEYS_UNVERIFIED)
			return one;
		if (v == AUTHKEYS_NOT_LISTED)
			v = one;
	}
	return v;
}

const char *
authkeys_verdict_text(enum authkeys_verdict v)
{
	switch (v) {
	case AUTHKEYS_YES:
		return "the SSH key is listed for this account";
	case AUTHKEYS_NOT_LISTED:
		return "the SSH key is not listed for this account";
	case AUTHKEYS_EXPIRED:
		return "the SSH key is listed for this account, but its expiry-time is over";
	case AUTHKEYS_FROM:
		return "the SSH key is listed for this account, but not from this address";
	case AUTHKEYS_UNTOUCHED:
		return "the SSH key is listed for this account, but was not touched";
	case AUTHKEYS_UNVERIFIED:
		return "the SSH key is listed for this account, but did not verify its user";
	}
	return "no verdict";
}

bool
authkey_opens(const struct authkey *a, const char *host, uint16_t port)
{
	return a->opens && authkeys_permitopen_holds(a->permitopen, host, port);
}
