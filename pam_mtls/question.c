/* question.c - WHO, IS and NO */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "question.h"

#define NOT_AFTER_MAX 253402300799 /* 9999-12-31T23:59:59Z, the last that RFC 3339 can say */

int
question_put(const struct question *q, struct msg_out *o, void *buf, size_t size, struct err *e)
{
	size_t service = strlen(q->service), account = strlen(q->account);

	if (service == 0 || service > QUESTION_NAME_MAX)
		return err_set(e, ERR_REFUSED, "the service's name has %zu bytes", service);
	if (account == 0 || account > QUESTION_NAME_MAX)
		return err_set(e, ERR_REFUSED, "the account's name has %zu bytes", account);
	if (strlen(q->auth_info) > QUESTION_INFO_MAX)
		return err_set(
		    e, ERR_REFUSED, "SSH_AUTH_INFO_0 is longer than %d bytes", QUESTION_INFO_MAX);
	msg_start(o, buf, size, MSG_WHO, 0);
	msg_put_u32(o, q->hook);
	msg_put_str(o, q->service);
	msg_put_str(o, q->account);
	msg_put_u32(o, q->has_uid ? 1 : 0);
	msg_put_u32(o, q->has_uid ? q->uid : 0);
	msg_put_str(o, q->auth_info);
	msg_put_u32(o, q->bind_session ? 1 : 0);
	return msg_finish(o, e);
}

/* A text that a terminal and an environment can hold, whatever the daemon took it from. */
static int
get_text(struct msg_in *m, char *dst, size_t size)
{
	if (msg_get_str(m, dst, size) == -1)
		return -1;
	text_clean(dst);
	return 0;
}

/* A numeric address: it becomes PAM_RHOST, which other modules compare. */
static bool
is_address(const char *s)
{
	char buf[INET6_ADDRSTRLEN];
	struct in6_addr any;
	size_t n = strcspn(s, "%");

	if (inet_pton(AF_INET, s, &any) == 1)
		return true;
	if (n >= sizeof(buf))
		return false;
	memcpy(buf, s, n);
	buf[n] = '\0';
	if (inet_pton(AF_INET6, buf, &any) != 1)
		return false;
	return s[n] == '\0' ||
	       (s[n + 1] != '\0' && strspn(s + n + 1, "0123456789") == strlen(s + n + 1));
}

static int
get_is(struct msg_in *m, struct answer *a, struct err *e)
{
	uint32_t port;
	uint64_t not_after;

	if (get_text(m, a->identity, sizeof(a->identity)) == -1 ||
	    msg_get_str(m, a->address, sizeof(a->address)) == -1 || msg_get_u32(m, &port) == -1 ||
	    get_text(m, a->subject, sizeof(a->subject)) == -1 ||
	    get_text(m, a->issuer, sizeof(a->issuer)) == -1 ||
	    get_text(m, a->serial, sizeof(a->serial)) == -1 ||
	    get_text(m, a->fingerprint, sizeof(a->fingerprint)) == -1 ||
	    msg_get_u64(m, &not_after) == -1 || get_text(m, a->rule, sizeof(a->rule)) == -1 ||
	    msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "the daemon's answer is malformed");
	if (m->conn == 0 || a->identity[0] == '\0' || !is_address(a->address) ||
	    port > UINT16_MAX || not_after > NOT_AFTER_MAX)
		return err_set(e, ERR_PEER, "the daemon's answer names nobody");
	(void)text_time(a->not_after, (int64_t)not_after);
	a->yes = true;
	return 0;
}

static int
get_no(struct msg_in *m, struct answer *a, struct err *e)
{
	uint32_t kind;

	if (msg_get_u32(m, &kind) == -1 || get_text(m, a->sentence, sizeof(a->sentence)) == -1 ||
	    msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "the daemon's answer is malformed");
	/* 1: the next source could be asked; there is none in this version, and 2 is for cause */
	if (kind != 1 && kind != 2)
		return err_set(e, ERR_PEER, "the daemon's answer is malformed");
	return 0;
}

int
answer_get(const void *buf, size_t n, struct answer *a, struct err *e)
{
	struct answer r = { .yes = false };
	struct msg_in m;
	int ok;

	if (msg_parse(&m, buf, n, e) == -1)
		return err_prefix(e, "the daemon's answer");
	r.conn = m.conn;
	if (m.type == MSG_IS)
		ok = get_is(&m, &r, e);
	else if (m.type == MSG_NO)
		ok = get_no(&m, &r, e);
	else
		ok = err_set(e, ERR_PEER, "the daemon answered by %s", msg_name(m.type));
	if (ok == -1)
		return -1;
	*a = r;
	return 0;
}
