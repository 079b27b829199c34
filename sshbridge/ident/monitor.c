/* monitor.c - messages from the monitor: what is in force, and pairs to the other processes */
#include "ident.h"
#include "pamlogin.h"
#include "report.h"

void
ident_ready(struct ident *id, uint64_t number, const struct err *why_not)
{
	uint8_t buf[CHILD_READY_SIZE];
	struct msg_out o;
	struct err e;

	child_put_ready(&o, buf, number, why_not);
	/* lost: the monitor waits in vain and ends this process, which is what it deserves */
	if (msgq_send(id->monitor, &o, NULL, 0, &e) == -1)
		id->log_lost++;
}

/* Built completely, then offered; what does not build leaves the old one there. */
static int
on_generation(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct ident *id = ctx;
	struct generation *g;
	struct err why = { 0 };
	uint64_t number;
	uint32_t force;

	if (msg_get_u64(m, &number) == -1 || msg_get_u32(m, &force) == -1 || force > 1)
		return err_set(e, ERR_PEER, "GENERATION: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	if (nfds != GENERATION_FDS)
		return err_set(e, ERR_PEER, "GENERATION: %zu descriptors", nfds);
	if ((g = generation_map(number, fds, id->gen, &why)) == NULL) {
		ident_ready(id, number, &why);
		return 0;
	}
	candidate_offer(id, g, force == 1);
	return 0;
}

static int
add_peer(struct ident *id, uint32_t kind, uint32_t index, int fd, struct err *e)
{
	switch (kind) {
	case PEER_GATE:
		return gates_add(id, index, fd, e);
	case PEER_RESOLVE:
		return names_peer(id, fd, e);
	case PEER_OLDER:
		return older_peer(id, fd, e);
	case PEER_NEWER:
		return ask_newer(id, fd, e);
	case PEER_CONTROL:
		return control_client(id, fd, e);
	default:
		return err_set(e, ERR_PEER, "PEER: kind %u", (unsigned)kind);
	}
}

static int
on_peer(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct ident *id = ctx;
	struct err why;
	uint32_t kind, index;

	if (msg_get_u32(m, &kind) == -1 || msg_get_u32(m, &index) == -1)
		return err_set(e, ERR_PEER, "PEER: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	if (nfds != 1)
		return err_set(e, ERR_PEER, "PEER: %zu descriptors", nfds);
	/* what fails here closes the pair: the other end sees that */
	if (add_peer(id, kind, index, fds[0], &why) == -1)
		report(id, CHILD_ERROR, "%s", why.text);
	else
		fds[0] = -1;
	return 0;
}

/* A jump process that is ready. One that is of no use any more sees its pair close. */
static int
on_jump(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct ident *id = ctx;
	struct err why;
	uint64_t generation;
	uint32_t number;

	if (msg_get_u64(m, &generation) == -1 || msg_get_u32(m, &number) == -1)
		return err_set(e, ERR_PEER, "JUMP: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	if (nfds != 1)
		return err_set(e, ERR_PEER, "JUMP: %zu descriptors", nfds);
	if (jumps_add(id, generation, number, fds[0], &why) == -1)
		report(id, CHILD_WARNING, "%s", why.text);
	else
		fds[0] = -1;
	return 0;
}

static int
on_pam(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	uint32_t ok;

	if (msg_get_u32(m, &ok) == -1 || ok > 1)
		return err_set(e, ERR_PEER, "PAM: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	if (nfds != ok)
		return err_set(e, ERR_PEER, "PAM: %zu descriptors", nfds);
	pamlogin_given(ctx, m->conn, ok == 1 ? &fds[0] : NULL);
	return 0;
}

static int
on_listen(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct ident *id = ctx;
	uint64_t zero;
	uint32_t n, index;

	if (msg_get_u64(m, &zero) == -1 || msg_get_u32(m, &n) == -1 || n != nfds || n > 1 ||
	    (n == 1 && msg_get_u32(m, &index) == -1))
		return err_set(e, ERR_PEER, "LISTEN: malformed, or %zu descriptors", nfds);
	if (msg_end(m, e) == -1)
		return -1;
	if (n == 1 && index > 1)
		return err_set(e, ERR_PEER, "LISTEN: listener %u", (unsigned)index);
	if ((n == 1 && index == 1 ? keys_listen(id, fds[0], e)
				  : ask_listen(id, n == 1 ? fds[0] : -1, e)) == -1)
		return -1;
	if (n == 1)
		fds[0] = -1;
	return 0;
}

static int
on_locks(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	return locks_take(ctx, NULL, m, fds, nfds, e);
}

/* The log process' word on a record: is it written? */
static int
on_audited(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	uint64_t number;
	uint32_t ok;

	(void)fds;
	(void)nfds;
	if (msg_get_u64(m, &number) == -1 || msg_get_u32(m, &ok) == -1)
		return err_set(e, ERR_PEER, "AUDITED: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	hold_audited(ctx, number, ok == 1);
	return 0;
}

static const struct msg_rule rules[] = {
	{ MSG_GENERATION, 1, 0, GENERATION_FDS, on_generation },
	{ MSG_PEER, 1, 0, 1, on_peer },
	{ MSG_LISTEN, 1, 0, 1, on_listen },
	{ MSG_LOCKS, 1, 0, 1, on_locks },
	{ MSG_AUDITED, 1, 0, 0, on_audited },
	{ MSG_JUMP, 1, 0, 1, on_jump },
	{ MSG_PAM, 1, 0, 1, on_pam },
};

static int
on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct ident *id = arg;

	return msg_dispatch(rules, sizeof(rules) / sizeof(rules[0]), &id->from_monitor, 1, id, buf,
	    n, fds, nfds, e);
}

/* Without a monitor nobody restarts or reloads anything: the bridge ends. */
static void
on_end(void *arg, const struct err *why)
{
	struct ident *id = arg;

	(void)why;
	(void)event_base_loopbreak(id->base);
}

int
ident_start(struct ident *id, int channel, struct err *e)
{
	id->monitor = msgq_new(id->base, channel, IDENT_QUEUE_MAX, on_msg, on_end, id, e);
	return id->monitor == NULL ? -1 : 0;
}
