/* resolve.c - the addresses of a name, within a time */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "dial.h"

/* Belongs to both threads; the one that is done last frees it. */
struct lookup {
	char host[ENDPOINT_HOST_MAX + 1], port[8];
	struct addrinfo hints;
	struct addrinfo *found;
	int error; /* EAI_*, and errno for EAI_SYSTEM */
	int errnum;
	int pipe[2]; /* the asker polls [0]; the look-up ends by closing [1] */
	int users;
	pthread_mutex_t lock;
};

static void
lookup_leave(struct lookup *k)
{
	int left;

	(void)pthread_mutex_lock(&k->lock);
	left = --k->users;
	(void)pthread_mutex_unlock(&k->lock);
	if (left > 0)
		return;
	if (k->found != NULL)
		freeaddrinfo(k->found);
	for (int i = 0; i < 2; i++)
		if (k->pipe[i] != -1)
			(void)close(k->pipe[i]);
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}

static void *
lookup_run(void *arg)
{
	struct lookup *k = arg;

	k->error = getaddrinfo(k->host, k->port, &k->hints, &k->found);
	k->errnum = errno;
	(void)close(k->pipe[1]); /* EOF on [0]: the results are there */
	k->pipe[1] = -1;
	lookup_leave(k);
	return NULL;
}

static struct lookup *
lookup_new(const struct endpoint *ep, int family, struct err *e)
{
	struct lookup *k = calloc(1, sizeof(*k));

	if (k == NULL) {
		(void)err_nomem(e, ep->host);
		return NULL;
	}
	memcpy(k->host, ep->host, sizeof(k->host));
	(void)snprintf(k->port, sizeof(k->port), "%u", (unsigned)ep->port);
	k->hints = (struct addrinfo){ .ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | (ep->literal ? AI_NUMERICHOST : 0) };
	k->pipe[0] = k->pipe[1] = -1;
	k->users = 1;
	if (pthread_mutex_init(&k->lock, NULL) != 0 || pipe2(k->pipe, O_CLOEXEC) == -1) {
		(void)err_sys(e, errno, "look-up of %s", ep->host);
		lookup_leave(k);
		return NULL;
	}
	return k;
}

/* The thread takes no signals: they are for the main one. */
static int
lookup_start(struct lookup *k, struct err *e)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int r;

	(void)sigfillset(&all);
	if ((r = pthread_attr_init(&attr)) != 0)
		return err_sys(e, r, "thread");
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	k->users = 2;
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	if ((r = pthread_create(&thread, &attr, lookup_run, k)) != 0)
		k->users = 1;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	return r == 0 ? 0 : err_sys(e, r, "thread");
}

static int
lookup_wait(struct lookup *k, int64_t deadline_ms, struct err *e)
{
	struct pollfd p = { .fd = k->pipe[0], .events = POLLIN };
	int r;

	do
		r = poll(&p, 1, clock_left(deadline_ms));
	while (r == -1 && errno == EINTR);
	if (r == -1)
		return err_sys(e, errno, "poll");
	if (r == 0)
		return err_set(e, ERR_PEER, "%s: no answer from the name server in time", k->host);
	return 0;
}

static int
lookup_result(const struct lookup *k, struct dial_list *l, struct err *e)
{
	if (k->error == EAI_SYSTEM)
		return err_sys(e, k->errnum, "%s", k->host);
	if (k->error != 0)
		return err_set(e, ERR_REFUSED, "%s: %s", k->host, gai_strerror(k->error));
	l->n = 0;
	for (const struct addrinfo *a = k->found; a != NULL; a = a->ai_next)
		dial_add(l, a->ai_addr, a->ai_addrlen);
	if (l->n == 0)
		return err_set(e, ERR_REFUSED, "%s: has no address", k->host);
	dial_interleave(l);
	return 0;
}

int
dial_resolve(
    const struct endpoint *ep, int family, int64_t deadline_ms, struct dial_list *l, struct err *e)
{
	struct lookup *k = lookup_new(ep, family, e);
	int r = -1;

	if (k == NULL)
		return -1;
	if (lookup_start(k, e) == 0 && lookup_wait(k, deadline_ms, e) == 0)
		r = lookup_result(k, l, e);
	lookup_leave(k);
	return r;
}
