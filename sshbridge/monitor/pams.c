/* pams.c - pam processes: one for each login to a jump target whose configuration names a stack */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jumps.h"

/* One a connection, as long as it lives: ident asks for no more than it has connections. */
static struct kid *
start_one(struct monitor *m, struct err *e)
{
	struct jumps *j = &m->jumps;
	struct kid *k;

	if (m->current == NULL) {
		err_set(e, ERR_REFUSED, "nothing is in force");
		return NULL;
	}
	if (j->npams >= m->current->conf->settings.connections) {
		err_set(e, ERR_REFUSED, "%u of them live, as many as connections may", j->npams);
		return NULL;
	}
	if ((k = jumps_new(m, KID_PAM, e)) == NULL)
		return NULL;
	k->state = KID_UP;
	LIST_INSERT_HEAD(&j->pams, k, entry);
	j->npams++;
	return k;
}

static void
answer(struct kid *ident, uint64_t conn, const int *fd)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_PAM, conn);
	msg_put_u32(&o, fd != NULL);
	kid_send(ident, &o, fd, fd == NULL ? 0 : 1);
}

int
pams_on_pam(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	struct kid *ident = ctx, *k;
	struct err why = { 0 };
	uint8_t buf[64];
	struct msg_out o;
	int pair[2];

	(void)fds;
	(void)nfds;
	if (msg_end(in, e) == -1)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		err_sys(&why, errno, "pair");
	} else if ((k = start_one(ident->m, &why)) == NULL) {
		close(pair[0]);
		close(pair[1]);
	} else {
		msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
		msg_put_u32(&o, PEER_IDENT);
		msg_put_u32(&o, 0);
		kid_send(k, &o, &pair[0], 1);
		answer(ident, in->conn, &pair[1]);
		return 0;
	}
	monitor_log(ident->m, CHILD_ERROR, "connection %016llx: no pam process: %s",
	    (unsigned long long)in->conn, why.text);
	answer(ident, in->conn, NULL);
	return 0;
}
