/* ident.c - the process' state, from its start to its end */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ident.h"
#include "routeask.h"

int64_t
ident_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

int64_t
ident_monotonic(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* In nanoseconds: of whole seconds of two clocks the difference is now one, now another. */
int64_t
ident_wall(int64_t monotonic)
{
	struct timespec ts;
	int64_t apart;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	apart = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec - ident_nanoseconds();
	return monotonic + apart / 1000000000;
}

int64_t
ident_nanoseconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int
ident_init(struct ident *id, struct err *e)
{
	*id = (struct ident){ 0 };
	id->hangup.epfd = -1;
	LIST_INIT(&id->gates);
	TAILQ_INIT(&id->names.all);
	id->locks.fd = -1;
	id->route = -1;
	if ((id->base = event_base_new()) == NULL)
		return err_nomem(e, "event loop");
	if (table_init(&id->table, e) == -1 || hangup_init(&id->hangup, id->base, e) == -1)
		return -1;
	control_init(id);
	jumps_init(id);
	if ((id->route = route_open(e)) == -1)
		return -1;
	if (cuts_init(id, e) == -1 || review_init(id, e) == -1 || candidate_init(id, e) == -1 ||
	    crlage_init(id, e) == -1 || locks_init(id, e) == -1 || hold_init(id, e) == -1 ||
	    keys_init(id, e) == -1)
		return -1;
	return ask_init(id, e);
}

void
ident_done(struct ident *id)
{
	/* the last cut is what ends an instance that drains: it is told all the same */
	locks_end(id);
	control_end(id);
	crlage_done(id);
	ask_done(id);
	keys_done(id);
	older_done(id);
	control_done(id);
	locks_done(id);
	names_done(id);
	while (!LIST_EMPTY(&id->gates))
		gates_remove(LIST_FIRST(&id->gates), "ident ends");
	jumps_done(id);
	candidate_done(id);
	review_done(id);
	cuts_done(id);
	hold_done(id);
	table_done(&id->table);
	generation_unref(id->gen);
	hangup_done(&id->hangup);
	msgq_free(id->monitor);
	if (id->route != -1)
		close(id->route);
	if (id->base != NULL)
		event_base_free(id->base);
	*id = (struct ident){ 0 };
}
