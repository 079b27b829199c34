/*
 * watch.c - CRL files are taken when they change
 *
 * inotify on the folders says that something happened; what it was is seen by looking at the files.
 * A burst of changes makes one load: the first one starts a short delay, and between two loads
 * there is a longer one. Whatever is there at the end of it is taken, so the last state always is.
 * Where inotify sees nothing (a file server) the clock looks every few seconds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "monitor.h"

#define SETTLE_MS 30	/* from the first sign of a change */
#define PAUSE_MS  300	/* from one load's start to the next one's */
#define AGAIN_MS  60000 /* what load refused as a whole is tried again: memory may be back */

#define EVENTS                                                                              \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | \
	    IN_DELETE_SELF | IN_MOVE_SELF)

struct watch {
	struct monitor *m;
	int fd;
	struct event *readable, *timer;
	int64_t last_ms;	/* when the last load was started */
	bool wanted;		/* a look is due as soon as no candidate is under way */
	struct crlfiles failed; /* what load refused as a whole, and when */
	int64_t failed_ms;
	char trouble[240]; /* why the files could not be listed, as it was told */
};

void
watch_stop(struct monitor *m)
{
	struct watch *w = m->watch;

	if (w == NULL)
		return;
	if (w->readable != NULL)
		event_free(w->readable);
	if (w->timer != NULL)
		event_free(w->timer);
	if (w->fd != -1)
		close(w->fd);
	crlfiles_done(&w->failed);
	free(w);
	m->watch = NULL;
}

/* Look soon, but not too often. */
static void
schedule(struct watch *w)
{
	int64_t wait = w->last_ms + PAUSE_MS - monitor_now_ms();
	struct timeval tv;

	if (evtimer_pending(w->timer, NULL))
		return;
	if (wait < SETTLE_MS)
		wait = SETTLE_MS;
	if (wait > PAUSE_MS)
		wait = PAUSE_MS;
	tv = (struct timeval){ wait / 1000, wait % 1000 * 1000 };
	(void)evtimer_add(w->timer, &tv);
}

static void
on_events(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	char buf[16384];

	(void)what;
	/* which file it was does not matter: all are looked at */
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	schedule(w);
}

/* Once for each reason, not once a second. */
static void
tell_trouble(struct watch *w, const char *why)
{
	if (strcmp(w->trouble, why) == 0)
		return;
	(void)snprintf(w->trouble, sizeof(w->trouble), "%s", why);
	if (*why != '\0')
		monitor_log(w->m, CHILD_ERROR, "CRL files: %s: what is in force stays", why);
}

/* The folder that holds `path`, and `path` itself where it is one. */
static void
add_path(struct watch *w, const char *path, bool tell)
{
	char folder[CONF_PATH_MAX];
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	(void)inotify_add_watch(w->fd, folder, EVENTS | IN_ONLYDIR);
	if ((slash = strrchr(folder, '/')) == NULL)
		return;
	slash[slash == folder] = '\0';
	if (inotify_add_watch(w->fd, folder, EVENTS | IN_ONLYDIR) == -1 && tell)
		monitor_log(w->m, CHILD_WARNING,
		    "%s: cannot be watched (%s): changed CRLs are seen within 5 s", folder,
		    strerror(errno));
}

static void
add_all(struct watch *w, bool tell)
{
	const struct conf *c = w->m->current->conf;

	for (uint32_t i = 0; w->fd != -1 && i < c->settings.nsections; i++)
		for (uint32_t k = 0; k < c->trust[i].crls.n; k++)
			add_path(w, c->trust[i].crls.v[k], tell);
}

static void
take(struct watch *w)
{
	struct monitor *m = w->m;
	struct crlfiles now = { .v = NULL };
	struct err e = { 0 };
	bool changed;

	/* a folder that was put in the place of another is a new one to inotify */
	add_all(w, false);
	if (crlfiles_scan(m->current->conf, &now, &e) == -1) {
		tell_trouble(w, e.text);
		return;
	}
	changed = !crlfiles_same(&now, &m->current->crls) &&
		  (w->failed.n == 0 || !crlfiles_same(&now, &w->failed) ||
		      monitor_now_ms() - w->failed_ms >= AGAIN_MS);
	crlfiles_done(&now);
	if (!changed) {
		tell_trouble(w, "");
		return;
	}
	w->last_ms = monitor_now_ms();
	if (generation_start_crls(m, &e) == -1)
		tell_trouble(w, e.text);
	else
		tell_trouble(w, "");
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	if (w->m->candidate != NULL || w->m->stopping)
		w->wanted = true;
	else
		take(w);
}

void
watch_idle(struct monitor *m)
{
	if (m->watch == NULL || !m->watch->wanted)
		return;
	m->watch->wanted = false;
	schedule(m->watch);
}

void
watch_look(struct monitor *m)
{
	if (m->watch != NULL)
		schedule(m->watch);
}

void
watch_failed(struct monitor *m, struct crlfiles *f)
{
	if (m->watch == NULL)
		return;
	crlfiles_done(&m->watch->failed);
	m->watch->failed = *f;
	m->watch->failed_ms = monitor_now_ms();
	*f = (struct crlfiles){ .v = NULL };
}

static void
watch_new(struct monitor *m)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return;
	w->m = m;
	m->watch = w;
	if ((w->timer = evtimer_new(m->base, on_timer, w)) == NULL) {
		w->fd = -1;
		watch_stop(m);
		return;
	}
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd == -1 ||
	    (w->readable = event_new(m->base, w->fd, EV_READ | EV_PERSIST, on_events, w)) == NULL ||
	    event_add(w->readable, NULL) == -1)
		monitor_log(m, CHILD_WARNING, "inotify: %s: changed CRLs are seen within 5 s",
		    strerror(errno));
}

void
watch_start(struct monitor *m)
{
	int64_t last_ms = m->watch == NULL ? 0 : m->watch->last_ms;

	watch_stop(m);
	if (m->mode != MODE_RUN)
		return;
	watch_new(m);
	if (m->watch == NULL)
		return;
	m->watch->last_ms = last_ms;
	add_all(m->watch, true);
	/* what changed between opening the files and this */
	schedule(m->watch);
}
