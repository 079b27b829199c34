/* leg.c - a socket that a connection goes through */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ident.h"
#include "leg.h"

void
leg_init(struct leg *l, struct conn *c)
{
	*l = (struct leg){ .conn = c, .fd = -1 };
}

void
leg_add(struct table *t, struct leg *l, int fd, const struct tuple *tuple)
{
	l->fd = fd;
	if (tuple == NULL)
		return;
	l->tuple = *tuple;
	l->listed = true;
	hash_add(&t->by_tuple, &l->by_tuple, hash_bytes(t->seed, tuple, sizeof(*tuple)));
}

static int
duplicate(struct ident *id, struct leg *l, int fd, const struct tuple *t, struct err *e)
{
	int dup = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (dup == -1)
		return err_sys(e, errno, "duplicate of a socket");
	leg_add(&id->table, l, dup, t);
	return hangup_watch(&id->hangup, l, e);
}

int
leg_hold(struct ident *id, struct leg *l, int fd, struct err *e)
{
	struct tuple t;

	if (tuple_of(fd, &t, e) == -1)
		return -1;
	if (table_by_tuple(&id->table, &t) != NULL)
		return err_set(e, ERR_SYS, "its two ends are on the table already");
	return duplicate(id, l, fd, &t, e);
}

int
leg_hold_pair(struct ident *id, struct leg *l, int fd, struct err *e)
{
	return duplicate(id, l, fd, NULL, e);
}

void
leg_ended(struct leg *l)
{
	l->ended = true;
	if (l == &l->conn->leg)
		l->conn->ended = true;
}

void
leg_drop(struct ident *id, struct leg *l)
{
	if (l->listed)
		hash_remove(&id->table.by_tuple, &l->by_tuple);
	l->listed = false;
	if (l->fd == -1)
		return;
	hangup_unwatch(&id->hangup, l->fd);
	(void)shutdown(l->fd, SHUT_RDWR);
	close(l->fd);
	l->fd = -1;
}
