/* dial.c - reaching a target */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dial.h"
#include "ident.h"
#include "source.h"

static int64_t
monotonic_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
stop_socket(struct dial *d)
{
	if (d->ev != NULL)
		event_free(d->ev);
	d->ev = NULL;
	if (d->fd != -1)
		close(d->fd);
	d->fd = -1;
}

void
dial_free(struct dial *d)
{
	if (d == NULL)
		return;
	stop_socket(d);
	if (d->timer != NULL)
		event_free(d->timer);
	names_forget(d);
	generation_unref(d->gen);
	free(d);
}

static void
give_up(struct dial *d)
{
	const struct err why = d->why;

	d->to.failed(d->to.arg, &why);
}

static int
set_options(int fd, struct err *e)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 60 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 20 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 6 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			sizeof(options[i].value)) == -1)
			return err_sys(e, errno, "socket option %d", options[i].name);
	return 0;
}

/* Through with the addresses, or with the time? Each gets its share of what is left. */
static bool
time_share(const struct dial *d, struct timeval *tv)
{
	int64_t left = d->deadline_ms - monotonic_ms();

	if (left <= 0)
		return false;
	left = left / (int64_t)(d->naddresses - d->next) + 1;
	tv->tv_sec = left / 1000;
	tv->tv_usec = left % 1000 * 1000;
	return true;
}

static void try_next(struct dial *d);

/* A socket that is connected to itself would be a target that anybody plays: refuse it. */
static int
check_connected(int fd, struct err *e)
{
	struct tuple t;
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == -1)
		error = errno;
	if (error != 0)
		return err_sys(e, error, "connect");
	if (tuple_of(fd, &t, e) == -1)
		return -1;
	if (memcmp(&t.local, &t.remote, sizeof(t.local)) == 0)
		return err_set(e, ERR_SYS, "connected to itself");
	return 0;
}

static void
on_connect(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;
	char at[ADDR_TEXT_SIZE];
	int connected;

	if ((what & EV_TIMEOUT) != 0)
		err_set(&d->why, ERR_SYS, "no answer in time");
	else if (check_connected(fd, &d->why) == 0) {
		connected = d->fd;
		d->fd = -1;
		d->to.connected(d->to.arg, connected);
		return;
	}
	err_prefix(&d->why, "%s", addr_text_port(&d->addresses[d->next - 1], at));
	stop_socket(d);
	try_next(d);
}

/* Begin with one address. -1: d->why. */
static int
connect_one(struct dial *d, const struct sockaddr_storage *to, const struct timeval *tv)
{
	struct sockaddr_storage client;
	const struct settings *set = &d->gen->settings;
	struct source s = { .mode = d->to.source,
		.name = d->to.conn->person->name,
		.client = &client,
		.port_first = set->port_first,
		.port_last = set->port_last };

	endpoint_to(&d->to.conn->client, &client);
	d->fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (d->fd == -1)
		return err_sys(&d->why, errno, "socket");
	if (set_options(d->fd, &d->why) == -1 || source_bind(d->fd, &s, to, &d->why) == -1)
		return -1;
	if (connect(d->fd, (const struct sockaddr *)to, addr_len(to)) == -1 && errno != EINPROGRESS)
		return err_sys(&d->why, errno, "connect");
	d->ev = event_new(d->id->base, d->fd, EV_WRITE, on_connect, d);
	if (d->ev == NULL || event_add(d->ev, tv) == -1)
		return err_nomem(&d->why, "connect");
	return 0;
}

static void
try_next(struct dial *d)
{
	char at[ADDR_TEXT_SIZE];
	struct timeval tv;

	while (d->next < d->naddresses && time_share(d, &tv)) {
		const struct sockaddr_storage *to = &d->addresses[d->next++];

		if (connect_one(d, to, &tv) == 0)
			return;
		err_prefix(&d->why, "%s", addr_text_port(to, at));
		stop_socket(d);
	}
	give_up(d);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;

	(void)fd;
	(void)what;
	if (d->resolved) {
		try_next(d);
		return;
	}
	err_set(&d->why, ERR_SYS, "%s: not resolved in time", d->to.host);
	give_up(d);
}

/* Keep those that may be dialled; d->why is the last one's that may not. */
static void
take_addresses(struct dial *d, const struct sockaddr_storage *addresses, size_t n)
{
	d->resolved = true;
	for (size_t i = 0; i < n && i < NAMES_ADDRESSES_MAX; i++) {
		struct sockaddr_storage *to = &d->addresses[d->naddresses];

		*to = addresses[i];
		/* the port is the one that was asked for, whatever the resolver says */
		addr_set_port(to, (uint16_t)d->to.port);
		if (d->to.allows == NULL || d->to.allows(d->to.arg, to, &d->why) == 0)
			d->naddresses++;
	}
}

static int
begin(struct dial *d, struct err *e)
{
	struct timeval tv = { .tv_sec = d->gen->settings.dial_timeout };
	struct sockaddr_storage ss;
	struct err not_numeric;

	if ((d->timer = evtimer_new(d->id->base, on_timer, d)) == NULL)
		return err_nomem(e, "dial");
	if (d->to.host == NULL)
		ss = *d->to.address;
	if (d->to.host == NULL || addr_parse(d->to.host, &ss, &not_numeric) == 0) {
		take_addresses(d, &ss, 1);
		event_active(d->timer, EV_TIMEOUT, 0); /* in the next turn of the loop */
		return 0;
	}
	if (names_ask(d->id, d, d->to.host, d->to.port, e) == -1)
		return -1;
	return event_add(d->timer, &tv) == -1 ? err_nomem(e, "dial") : 0;
}

struct dial *
dial_start(struct ident *id, const struct dial_to *to, struct err *e)
{
	struct dial *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		err_nomem(e, "dial");
		return NULL;
	}
	*d = (struct dial){ .id = id,
		.to = *to,
		.gen = generation_ref(id->gen),
		.fd = -1,
		.deadline_ms = monotonic_ms() + (int64_t)id->gen->settings.dial_timeout * 1000 };
	if (begin(d, e) == -1) {
		dial_free(d);
		return NULL;
	}
	return d;
}

void
dial_found(struct dial *d, const struct sockaddr_storage *addresses, size_t n)
{
	(void)event_del(d->timer);
	take_addresses(d, addresses, n);
	try_next(d);
}

void
dial_not_found(struct dial *d, const char *why)
{
	char text[256];

	err_set(&d->why, ERR_SYS, "%s: %s", d->to.host,
	    text_escape(text, sizeof(text), why, strlen(why)));
	give_up(d);
}
