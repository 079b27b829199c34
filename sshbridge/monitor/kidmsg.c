/* kidmsg.c - what the children say */
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jumps.h"
#include "locks.h"
#include "text.h"

/* What ident or a gate says to the generation that it was given last. */
static int
on_answer(struct kid *k, uint64_t number, bool ok, const char *why, struct err *e)
{
	struct monitor *m = k->m;

	if (number != k->sent)
		return err_set(e, ERR_PEER, "READY for a generation it was not given");
	k->answered = number;
	(void)event_del(k->deadline);
	if (k->kind == KID_JUMP)
		return jumps_answered(k, number, ok, why, e);
	if (ok) {
		k->taken = number;
	} else if (k->kind == KID_IDENT && m->candidate != NULL && number == m->candidate->number) {
		generation_fail(m, why);
		return 0;
	} else if (k->kind != KID_IDENT || m->current == NULL || number == m->current->number) {
		return err_set(
		    e, ERR_PEER, "generation %llu is refused: %s", (unsigned long long)number, why);
	}
	/* else a candidate that was given up meanwhile: what is in force is sent again */
	monitor_advance(m);
	return 0;
}

static int
on_ready(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	uint64_t number;
	uint32_t ok;
	char why[512];

	(void)fds;
	(void)nfds;
	if (msg_get_u64(m, &number) == -1 || msg_get_u32(m, &ok) == -1 ||
	    msg_get_str(m, why, sizeof(why)) == -1 || msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "READY: malformed");
	text_clean(why);
	if (k->kind == KID_LOAD && number != 0) {
		if (k->m->mode == MODE_EXPLAIN && k->m->candidate != NULL &&
		    k->m->candidate->fds[GEN_CRLS] != -1) {
			if (!ok && why[0] != '\0')
				(void)fprintf(stderr, "sshbridge: %s\n", why);
			monitor_stop(k->m, ok ? 0 : 1);
			return 0;
		}
		generation_fail(k->m, why);
		return 0;
	}
	if (k->kind == KID_EXPLAIN && number != 0) {
		explain_done(k->m, ok != 0, why);
		return 0;
	}
	if (number != 0)
		return on_answer(k, number, ok != 0, why, e);
	if (!ok)
		return err_set(e, ERR_PEER, "it does not start: %s", why);
	k->state = KID_UP;
	if (k->kind == KID_JUMP)
		(void)event_del(k->deadline);
	if (k->kind == KID_LOG)
		logging_open(k->m);
	monitor_advance(k->m);
	return 0;
}

static int
on_log(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	uint32_t level;
	char line[3200];

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &level) == -1 || msg_get_str(m, line, sizeof(line)) == -1 ||
	    msg_end(m, e) == -1 || level > CHILD_DEBUG)
		return err_set(e, ERR_PEER, "LOG: malformed");
	if (kid_may_log(k))
		monitor_log_line(k->m, (enum child_level)level, k->tag, line);
	return 0;
}

static int
on_trapped(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	uint32_t nr, arch;
	char *name;

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &nr) == -1 || msg_get_u32(m, &arch) == -1 || msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "TRAPPED: malformed");
	name = seccomp_syscall_resolve_num_arch(arch, (int)nr);
	monitor_log(k->m, CHILD_ERROR, "%s: its filter refused the system call %s (%u)", k->tag,
	    name == NULL ? "?" : name, nr);
	free(name);
	return 0;
}

static int
on_idle(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;

	(void)fds;
	(void)nfds;
	if (msg_end(m, e) == -1)
		return -1;
	k->idle = true;
	drain_check(k->m);
	return 0;
}

/* The instance before this one has ended, and with it those before that one. */
static int
on_alone(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;

	(void)fds;
	(void)nfds;
	if (msg_end(m, e) == -1)
		return -1;
	k->m->has_older = false;
	drain_check(k->m);
	return 0;
}

static int
on_text(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	uint32_t level;
	char line[3200];

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &level) == -1 || msg_get_str(m, line, sizeof(line)) == -1 ||
	    msg_end(m, e) == -1 || level > CHILD_DEBUG)
		return err_set(e, ERR_PEER, "TEXT: malformed");
	text_clean(line);
	if (k->kind == KID_EXPLAIN)
		explain_text(k->m, level, line);
	else if (k->m->mode == MODE_EXPLAIN && level >= CHILD_NOTICE)
		(void)printf("%s\n", line);
	else
		monitor_log_line(k->m, (enum child_level)level, "", line);
	return 0;
}

static int
on_loaded(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	uint64_t number;
	uint32_t nrules;

	if (msg_get_u64(m, &number) == -1 || msg_get_u32(m, &nrules) == -1 || msg_end(m, e) == -1 ||
	    k->m->candidate == NULL || number != k->m->candidate->number ||
	    nfds != (k->m->candidate->crls_only ? 1 : GEN_FDS))
		return err_set(e, ERR_PEER, "GENERATION: malformed");
	generation_loaded(k->m, nrules, fds);
	return 0;
}

static int
on_ends(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;

	(void)fds;
	(void)nfds;
	return status_ends(k->m, m, e);
}

static int
on_locks(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;

	(void)fds;
	(void)nfds;
	return locks_in_force(k->m, m, e);
}

static int
on_reload(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;

	(void)fds;
	(void)nfds;
	if (msg_end(m, e) == -1)
		return -1;
	logging_open(k->m);
	return 0;
}

enum { P_ANY = 1 };
static const struct msg_rule from_ident[] = {
	{ MSG_READY, P_ANY, 0, 0, on_ready },
	{ MSG_LOG, P_ANY, 0, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
	{ MSG_AUDIT, P_ANY, 0, 0, audit_on_audit },
	{ MSG_LOCKS, P_ANY, 0, 0, on_locks },
	{ MSG_TAKEN, P_ANY, 0, 0, jumps_on_taken },
	{ MSG_PAM, P_ANY, 0, 0, pams_on_pam },
	{ MSG_ALONE, P_ANY, 0, 0, on_alone },
};
static const struct msg_rule from_resolve[] = {
	{ MSG_READY, P_ANY, 0, 0, on_ready },
	{ MSG_LOG, P_ANY, 0, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
};
static const struct msg_rule from_gate[] = {
	{ MSG_READY, P_ANY, 0, 0, on_ready },
	{ MSG_LOG, P_ANY, 0, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
	{ MSG_IDLE, P_ANY, 0, 0, on_idle },
	{ MSG_AUDIT, P_ANY, 0, 0, audit_on_audit },
};
static const struct msg_rule from_jump[] = {
	{ MSG_READY, P_ANY, 2, 0, on_ready },
	{ MSG_LOG, P_ANY, 0, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
};
static const struct msg_rule from_pam[] = {
	{ MSG_LOG, P_ANY, 0, 0, on_log },
};
static const struct msg_rule from_load[] = {
	{ MSG_READY, P_ANY, 8, 0, on_ready },
	{ MSG_LOG, P_ANY, 0, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
	{ MSG_TEXT, P_ANY, 0, 0, on_text },
	{ MSG_ENDS, P_ANY, 1, 0, on_ends },
	{ MSG_GENERATION, P_ANY, 1, GEN_FDS, on_loaded },
};
static const struct msg_rule from_explainer[] = {
	{ MSG_READY, P_ANY, 2, 0, on_ready },
	{ MSG_LOG, P_ANY, 0, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
	{ MSG_TEXT, P_ANY, 0, 0, on_text },
};
static const struct msg_rule from_log[] = {
	{ MSG_READY, P_ANY, 1, 0, on_ready },
	/* why it does not start; never a line about lines, which would come back to it */
	{ MSG_LOG, P_ANY, 1, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
	{ MSG_RELOAD, P_ANY, 0, 0, on_reload },
	{ MSG_AUDITED, P_ANY, 0, 0, audit_on_audited },
};
static const struct {
	const struct msg_rule *rules;
	size_t n;
} tables[] = {
#define TABLE(t)                              \
	{                                     \
		t, sizeof(t) / sizeof((t)[0]) \
	}
	[KID_LOG] = TABLE(from_log),
	[KID_LOAD] = TABLE(from_load),
	[KID_IDENT] = TABLE(from_ident),
	[KID_RESOLVE] = TABLE(from_resolve),
	[KID_GATE] = TABLE(from_gate),
	[KID_EXPLAIN] = TABLE(from_explainer),
	[KID_JUMP] = TABLE(from_jump),
	[KID_PAM] = TABLE(from_pam),
#undef TABLE
};

int
kid_on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = arg;

	return msg_dispatch(
	    tables[k->kind].rules, tables[k->kind].n, &k->seen, P_ANY, k, buf, n, fds, nfds, e);
}
