/* hold.c - answers that wait until the record of them is written */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ident.h"
#include "report.h"

struct hold {
	TAILQ_ENTRY(hold) all;
	struct ident *id;
	uint64_t record, conn;
	int64_t until_ms; /* monotonic */
	/* IS */
	struct asker *asker;
	struct answer *answer;
	/* OPENED */
	int fd;
	/* others */
	void (*done)(void *arg, bool written);
	void *arg;
};

static int64_t
monotonic_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
hold_free(struct hold *h)
{
	TAILQ_REMOVE(&h->id->holds.all, h, all);
	if (h->fd != -1)
		close(h->fd);
	free(h->answer);
	free(h);
}

static struct hold *
hold_new(struct ident *id, uint64_t record, uint64_t conn)
{
	static const struct timeval limit = { HOLD_MS / 1000, HOLD_MS % 1000 * 1000 };
	struct hold *h = calloc(1, sizeof(*h));

	if (h == NULL || (TAILQ_EMPTY(&id->holds.all) && evtimer_add(id->holds.timer, &limit))) {
		free(h);
		return NULL;
	}
	h->id = id;
	h->record = record;
	h->conn = conn;
	h->until_ms = monotonic_ms() + HOLD_MS;
	h->fd = -1;
	TAILQ_INSERT_TAIL(&id->holds.all, h, all);
	return h;
}

bool
hold_answer(struct ident *id, struct asker *a, const struct answer *answer)
{
	struct answer *copy = malloc(sizeof(*copy));
	struct hold *h = copy == NULL ? NULL : hold_new(id, answer->record, answer->conn);

	if (h == NULL) {
		free(copy);
		return false;
	}
	*copy = *answer;
	h->answer = copy;
	h->asker = a;
	a->hold = h;
	return true;
}

void
hold_forget(struct hold *h)
{
	if (h != NULL)
		hold_free(h);
}

struct hold *
hold_call(struct ident *id, uint64_t record, void (*done)(void *arg, bool written), void *arg)
{
	struct hold *h = hold_new(id, record, 0);

	if (h == NULL)
		return NULL;
	h->done = done;
	h->arg = arg;
	return h;
}

bool
hold_opened(struct ident *id, struct conn *c, uint64_t record, int fd)
{
	struct hold *h = hold_new(id, record, c->id);

	if (h == NULL)
		return false;
	h->fd = fd;
	c->held = true;
	return true;
}

/* What was true when it was judged must still be: the connection may have ended meanwhile. */
static void
release_answer(struct hold *h, const struct conn *c, bool written)
{
	struct answer *a = h->answer;
	struct asker *asker = h->asker;
	const char *why = NULL;

	if (!written)
		why = HOLD_REFUSAL;
	else if (c == NULL || c->ended)
		why = "the connection has ended";
	if (why != NULL) {
		answer_no(a, NO_CAUSE, why);
		report_denied(h->id, c, &asker->names, why);
	}
	h->answer = NULL;
	asker->hold = NULL;
	hold_free(h);
	ask_release(asker, a);
	free(a);
}

static void
release_opened(struct hold *h, struct conn *c, bool written)
{
	struct ident *id = h->id;
	int fd = h->fd;

	/* gone: its end has been told, the socket is shut down */
	if (c == NULL) {
		hold_free(h);
		return;
	}
	h->fd = -1;
	hold_free(h);
	open_release(id, c, fd, written);
}

static void
release_call(struct hold *h, bool written)
{
	void (*done)(void *arg, bool w) = h->done;
	void *arg = h->arg;

	hold_free(h);
	done(arg, written);
}

static void
release(struct hold *h, bool written)
{
	struct conn *c = table_by_id(&h->id->table, h->conn);

	if (h->done != NULL)
		release_call(h, written);
	else if (h->asker != NULL)
		release_answer(h, c, written);
	else
		release_opened(h, c, written);
}

void
hold_audited(struct ident *id, uint64_t record, bool written)
{
	struct hold *h;

	TAILQ_FOREACH(
	    h, &id->holds.all, all) /* answers come in order: it is the first or near it */
	if (h->record == record) {
		release(h, written);
		return;
	}
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct ident *id = arg;
	struct hold *h;

	(void)fd;
	(void)what;
	while ((h = TAILQ_FIRST(&id->holds.all)) != NULL) {
		int64_t left = h->until_ms - monotonic_ms();

		if (left > 0) {
			struct timeval tv = { left / 1000, left % 1000 * 1000 };

			(void)evtimer_add(id->holds.timer, &tv);
			return;
		}
		release(h, false);
	}
}

int
hold_init(struct ident *id, struct err *e)
{
	TAILQ_INIT(&id->holds.all);
	if ((id->holds.timer = evtimer_new(id->base, on_late, id)) == NULL)
		return err_nomem(e, "event loop");
	return 0;
}

void
hold_done(struct ident *id)
{
	struct hold *h;

	if (id->holds.timer == NULL)
		return;
	while ((h = TAILQ_FIRST(&id->holds.all)) != NULL)
		hold_free(h);
	event_free(id->holds.timer);
	id->holds.timer = NULL;
}
