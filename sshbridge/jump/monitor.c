/* monitor.c - messages from the monitor: host keys and settings, and the pair to ident */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jump.h"
#include "sealed.h"

/* Bytes that may wait for ident: what the opens in flight of one connection may ask. */
#define IDENT_QUEUE_MAX (1UL * 1024 * 1024)

static void
find_phase(struct jump *j)
{
	if (j->phase == PHASE_NEW && j->ident != NULL && j->generation != 0)
		j->phase = PHASE_READY;
}

static int
on_peer(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = ctx;
	uint32_t kind, index;

	if (msg_get_u32(m, &kind) == -1 || msg_get_u32(m, &index) == -1 || msg_end(m, e) == -1 ||
	    nfds != 1 || kind != PEER_IDENT || index != 0)
		return err_set(e, ERR_PEER, "PEER: malformed");
	j->ident = msgq_new(j->base, fds[0], IDENT_QUEUE_MAX, ident_on_message, ident_on_end, j, e);
	if (j->ident == NULL)
		return -1;
	fds[0] = -1;
	find_phase(j);
	return 0;
}

/* What is wrong with a key is told when its generation comes. */
static int
on_hostkey(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = ctx;
	const uint8_t *p;
	char name[SETTINGS_KEY_NAME_MAX];
	uint64_t generation;
	uint32_t target;
	size_t n;

	(void)fds;
	(void)nfds;
	if (msg_get_u64(m, &generation) == -1 || msg_get_u32(m, &target) == -1 ||
	    msg_get_str(m, name, sizeof(name)) == -1 || msg_get_bytes(m, &p, &n, MSG_MAX) == -1 ||
	    msg_end(m, e) == -1 || generation == 0 || target >= SETTINGS_TARGETS_MAX)
		return err_set(e, ERR_PEER, "HOSTKEY: malformed");
	if (j->offered.generation != 0 && j->offered.generation != generation)
		return err_set(e, ERR_PEER, "HOSTKEY: of two generations");
	j->offered.generation = generation;
	if (j->offered.why.kind == ERR_NONE &&
	    hostkeys_add(&j->keys, target, p, n, &j->offered.why) == -1) {
		(void)err_prefix(&j->offered.why, "host-keys: %s", name);
		hostkeys_done(&j->keys);
	}
	return 0;
}

static int
read_settings(int fd, struct settings *set, struct err *e)
{
	struct sealed s = { 0 };
	int r;

	if (sealed_map(fd, SETTINGS_BYTES_MAX, &s, e) == -1)
		return -1;
	r = settings_decode(s.p, s.n, set, e);
	sealed_unmap(&s);
	return r;
}

/* Every jump target has its keys, and a session with them can be made. */
static int
try_targets(struct jump *j, struct err *e)
{
	for (uint32_t i = 0; i < j->set->ntargets; i++) {
		const struct settings_target *t = &j->set->targets[i];
		ssh_session s;

		if (t->mode != TARGET_JUMP)
			continue;
		if (j->keys.n[i] != t->nhost_keys)
			return err_set(e, ERR_PEER, "target %s: %u host keys of %u came", t->name,
			    j->keys.n[i], t->nhost_keys);
		if ((s = session_new(&j->keys, i, t, -1, e)) == NULL)
			return err_prefix(e, "target %s", t->name);
		ssh_free(s);
	}
	return 0;
}

static int
take(struct jump *j, uint64_t number, int fd, struct err *e)
{
	if (j->offered.generation != number)
		return err_set(e, ERR_PEER, "no host key came with it");
	if (j->offered.why.kind != ERR_NONE) {
		*e = j->offered.why;
		return -1;
	}
	if ((j->set = malloc(sizeof(*j->set))) == NULL)
		return err_nomem(e, "settings");
	if (read_settings(fd, j->set, e) == -1)
		return -1;
	return try_targets(j, e);
}

static int
answer_ready(struct jump *j, uint64_t number, const struct err *why_not, struct err *e)
{
	uint8_t buf[CHILD_READY_SIZE];
	struct msg_out o;

	child_put_ready(&o, buf, number, why_not);
	return msgq_send(j->monitor, &o, NULL, 0, e);
}

/* Once: for another generation there is another process. */
static int
on_generation(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = ctx;
	struct err why = { 0 };
	uint64_t number;

	if (msg_get_u64(m, &number) == -1 || msg_end(m, e) == -1 || nfds != 1 || number == 0)
		return err_set(e, ERR_PEER, "GENERATION: malformed");
	if (take(j, number, fds[0], &why) == -1) {
		hostkeys_done(&j->keys);
		return answer_ready(j, number, &why, e);
	}
	j->generation = number;
	find_phase(j);
	return answer_ready(j, number, NULL, e);
}

static const struct msg_rule from_monitor[] = {
	{ MSG_PEER, PHASE_NEW, 1, 1, on_peer },
	{ MSG_HOSTKEY, PHASE_NEW, SETTINGS_TARGETS_MAX *SETTINGS_HOST_KEYS_MAX, 0, on_hostkey },
	{ MSG_GENERATION, PHASE_NEW, 1, 1, on_generation },
};

int
monitor_on_message(void *jump, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = jump;

	return msg_dispatch(from_monitor, sizeof(from_monitor) / sizeof(from_monitor[0]),
	    &j->from_monitor, j->phase, j, buf, n, fds, nfds, e);
}

void
monitor_on_end(void *jump, const struct err *why)
{
	(void)jump;
	if (why->kind == ERR_NONE)
		_exit(0); /* its end is ours */
	jump_die(why->text);
}
