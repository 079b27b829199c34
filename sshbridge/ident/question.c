/* question.c - WHO and its answer */
#include <stdio.h>
#include <string.h>

#include "question.h"

const char *
hook_name(uint32_t hook)
{
	switch (hook) {
	case HOOK_AUTH:
		return "auth";
	case HOOK_ACCOUNT:
		return "account";
	case HOOK_OPEN_SESSION:
		return "open_session";
	case HOOK_KEYS:
		return "keys";
	default:
		return "?";
	}
}

size_t
question_nfds(const struct question *q)
{
	return q->hook == HOOK_KEYS ? 0 : 1;
}

static int
get_server(struct msg_in *m, struct tuple *t)
{
	struct sockaddr_storage remote, local;

	if (addr_get(m, &remote) == -1 || addr_get(m, &local) == -1 || addr_fold(&remote) == -1 ||
	    addr_fold(&local) == -1)
		return -1;
	endpoint_from(&remote, &t->remote);
	endpoint_from(&local, &t->local);
	return 0;
}

int
question_get(struct msg_in *m, struct question *q, struct err *e)
{
	memset(&q->server, 0, sizeof(q->server));
	if (msg_get_u32(m, &q->hook) == -1 ||
	    msg_get_str(m, q->service, sizeof(q->service)) == -1 ||
	    msg_get_str(m, q->account, sizeof(q->account)) == -1 ||
	    msg_get_u32(m, &q->has_uid) == -1 || msg_get_u32(m, &q->uid) == -1 ||
	    msg_get_str(m, q->auth_info, sizeof(q->auth_info)) == -1 ||
	    msg_get_u32(m, &q->bind_session) == -1 ||
	    (q->hook == HOOK_KEYS && get_server(m, &q->server) == -1))
		return err_set(e, ERR_PEER, "WHO: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	if (q->hook < HOOK_AUTH || q->hook > HOOK_KEYS || q->has_uid > 1)
		return err_set(e, ERR_PEER, "WHO: hook %u, has uid %u", (unsigned)q->hook,
		    (unsigned)q->has_uid);
	if (q->bind_session > 1 || (q->bind_session == 1 && q->hook != HOOK_ACCOUNT))
		return err_set(e, ERR_PEER, "WHO: bind=session %u in %s", (unsigned)q->bind_session,
		    hook_name(q->hook));
	return 0;
}

void
question_put(const struct question *q, uint64_t number, struct msg_out *o, void *buf, size_t size)
{
	struct sockaddr_storage ss;

	msg_start(o, buf, size, MSG_WHO, number);
	msg_put_u32(o, q->hook);
	msg_put_str(o, q->service);
	msg_put_str(o, q->account);
	msg_put_u32(o, q->has_uid);
	msg_put_u32(o, q->uid);
	msg_put_str(o, q->auth_info);
	msg_put_u32(o, q->bind_session);
	if (q->hook != HOOK_KEYS)
		return;
	endpoint_to(&q->server.remote, &ss);
	addr_put(&ss, o);
	endpoint_to(&q->server.local, &ss);
	addr_put(&ss, o);
}

void
question_remember(const struct question *q, struct question_names *names)
{
	names->hook = q->hook;
	memcpy(names->service, q->service, sizeof(names->service));
	memcpy(names->account, q->account, sizeof(names->account));
}

void
answer_no(struct answer *a, enum no_kind kind, const char *user)
{
	a->yes = false;
	a->record = 0;
	a->kind = kind;
	(void)snprintf(a->user, sizeof(a->user), "%s", user);
}

static void
put_is(const struct answer *a, struct msg_out *o)
{
	msg_put_str(o, a->identity);
	msg_put_str(o, a->address);
	msg_put_u32(o, a->port);
	msg_put_str(o, a->subject);
	msg_put_str(o, a->issuer);
	msg_put_str(o, a->serial);
	msg_put_str(o, a->fingerprint);
	msg_put_u64(o, (uint64_t)a->not_after);
	msg_put_str(o, a->rule);
}

void
answer_put(const struct answer *a, uint64_t number, struct msg_out *o, void *buf, size_t size)
{
	msg_start(o, buf, size, a->yes ? MSG_IS : MSG_NO, number != 0 ? number : a->conn);
	if (a->yes) {
		put_is(a, o);
	} else {
		msg_put_u32(o, a->kind);
		msg_put_str(o, a->user);
	}
	if (number != 0)
		msg_put_u64(o, a->conn);
}

static int
get_is(struct msg_in *m, struct answer *a)
{
	uint64_t not_after;

	if (msg_get_str(m, a->identity, sizeof(a->identity)) == -1 ||
	    msg_get_str(m, a->address, sizeof(a->address)) == -1 ||
	    msg_get_u32(m, &a->port) == -1 ||
	    msg_get_str(m, a->subject, sizeof(a->subject)) == -1 ||
	    msg_get_str(m, a->issuer, sizeof(a->issuer)) == -1 ||
	    msg_get_str(m, a->serial, sizeof(a->serial)) == -1 ||
	    msg_get_str(m, a->fingerprint, sizeof(a->fingerprint)) == -1 ||
	    msg_get_u64(m, &not_after) == -1 || msg_get_str(m, a->rule, sizeof(a->rule)) == -1)
		return -1;
	a->not_after = (int64_t)not_after;
	return 0;
}

static int
get_no(struct msg_in *m, struct answer *a)
{
	uint32_t kind;

	if (msg_get_u32(m, &kind) == -1 || msg_get_str(m, a->user, sizeof(a->user)) == -1)
		return -1;
	if (kind != NO_EVIDENCE && kind != NO_CAUSE)
		return -1;
	a->kind = (enum no_kind)kind;
	return 0;
}

int
answer_get(struct msg_in *m, struct answer *a, struct err *e)
{
	memset(a, 0, sizeof(*a));
	a->yes = m->type == MSG_IS;
	if ((a->yes ? get_is(m, a) : get_no(m, a)) == -1 || msg_get_u64(m, &a->conn) == -1)
		return err_set(e, ERR_PEER, "%s: malformed", msg_name(m->type));
	return msg_end(m, e);
}
