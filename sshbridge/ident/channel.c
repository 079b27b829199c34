/* channel.c - the connections that a jump's client opens to targets */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "dial.h"
#include "ident.h"
#include "login.h"
#include "report.h"
#include "review.h"

/* ---- one channel ---------------------------------------------------------------------------- */

static struct channel *
find(const struct jump *j, uint32_t number)
{
	struct channel *ch;

	LIST_FOREACH(ch, &j->channels, of_jump)
	if (ch->number == number)
		return ch;
	return NULL;
}

static struct channel *
channel_new(struct jump *j, uint32_t number)
{
	struct channel *ch = calloc(1, sizeof(*ch));

	if (ch == NULL)
		return NULL;
	ch->jump = j;
	ch->number = number;
	ch->held_fd = -1;
	ch->since = ident_monotonic();
	leg_init(&ch->leg, j->conn);
	LIST_INSERT_HEAD(&j->channels, ch, of_jump);
	j->nchannels++;
	j->ndialing++;
	return ch;
}

/* Nothing of it is told any more. */
static void
channel_free(struct channel *ch)
{
	struct jump *j = ch->jump;

	dial_free(ch->dial);
	hold_forget(ch->hold);
	if (ch->held_fd != -1)
		close(ch->held_fd);
	leg_drop(j->id, &ch->leg);
	LIST_REMOVE(ch, of_jump);
	j->nchannels--;
	j->ndialing -= !ch->open;
	free(ch);
}

static void
send_refused(struct jump *j, uint32_t number, const struct verdict *v)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_REFUSED, j->conn->id);
	msg_put_u32(&o, number);
	msg_put_u32(&o, v->refusal);
	msg_put_str(&o, v->user);
	j->crossed++;
	jump_send(j, &o, NULL, 0);
}

/* libssh can tell the client no reason: it is for the log, and for the operator's `show`. */
static void
channel_refuse(struct channel *ch, const struct verdict *v)
{
	struct jump *j = ch->jump;
	char to[REACH_TEXT_SIZE];

	j->id->stats.channels_refused++;
	refusals_add(&j->refusals, ident_now(), reach_text(&ch->to, to), v->why.text);
	report_channel_refused(j->id, ch, v);
	send_refused(j, ch->number, v);
	channel_free(ch);
	jump_slow_down(j);
}

/* ---- OPENED --------------------------------------------------------------------------------- */

/* The record is written, or is not. Takes fd over. */
static void
release(struct channel *ch, int fd, bool recorded)
{
	struct jump *j = ch->jump;
	struct verdict v = { 0 };
	uint8_t buf[64];
	struct msg_out o;

	if (!recorded || j->conn->ended) {
		close(fd);
		err_set(&v.why, ERR_REFUSED, "%s",
		    recorded ? "the connection has ended" : HOLD_REFUSAL);
		(void)verdict_refuse(&v, REFUSED_INTERNAL, "try again later");
		channel_refuse(ch, &v);
		return;
	}
	ch->open = true;
	j->ndialing--;
	j->id->stats.channels_opened++;
	msg_start(&o, buf, sizeof(buf), MSG_OPENED, j->conn->id);
	msg_put_u32(&o, ch->number);
	jump_send(j, &o, &fd, 1);
}

/* Of all that is open. */
static void
keep_end(struct jump *j, const struct verdict *v)
{
	j->ends_age = idmap_first_end(j->ends_age, v->max_session);
	if (v->key_to != 0 && (j->ends_at == 0 || v->key_to < j->ends_at))
		j->ends_at = v->key_to;
}

bool
channels_hold(const struct jump *j, int64_t age, int64_t now)
{
	return (j->ends_age == 0 || age < j->ends_age) && (j->ends_at == 0 || now <= j->ends_at);
}

/* A map that came while it was dialled, or its record written, may not grant it any more. */
static int
still_granted(struct channel *ch, struct verdict *v)
{
	struct sockaddr_storage address;

	endpoint_to(&ch->leg.tuple.remote, &address);
	if (reach_judge(ch->jump, &ch->to, &address, v) == -1)
		return -1;
	ch->rule = v->line;
	keep_end(ch->jump, v);
	return 0;
}

static void
on_recorded(void *arg, bool written)
{
	struct channel *ch = arg;
	int fd = ch->held_fd;
	struct verdict v = { 0 };

	ch->hold = NULL;
	ch->held_fd = -1;
	if (!written || still_granted(ch, &v) == 0) {
		release(ch, fd, written);
		return;
	}
	close(fd);
	channel_refuse(ch, &v);
}

static void
on_dialled(void *arg, int fd)
{
	struct channel *ch = arg;
	struct ident *id = ch->jump->id;
	struct verdict v = { 0 };
	uint64_t record;

	dial_free(ch->dial);
	ch->dial = NULL;
	if (leg_hold(id, &ch->leg, fd, &v.why) == -1)
		(void)verdict_refuse(&v, REFUSED_INTERNAL, "try again later");
	else if (still_granted(ch, &v) == 0) {
		if (!report_channel_opened(id, ch, &record))
			release(ch, fd, false);
		else if (record == 0)
			release(ch, fd, true);
		else if ((ch->hold = hold_call(id, record, on_recorded, ch)) != NULL)
			ch->held_fd = fd;
		else
			release(ch, fd, false);
		return;
	}
	close(fd);
	channel_refuse(ch, &v);
}

static void
on_not_reached(void *arg, const struct err *why)
{
	struct channel *ch = arg;
	struct verdict v = { .why = *why };

	dial_free(ch->dial);
	ch->dial = NULL;
	if (why->kind == ERR_REFUSED)
		(void)verdict_refuse(
		    &v, REFUSED_MAP, "the certificate gives no access to this target");
	else
		(void)verdict_refuse(&v, REFUSED_TARGET, "the target cannot be reached");
	channel_refuse(ch, &v);
}

static int
on_address(void *arg, const struct sockaddr_storage *address, struct err *e)
{
	const struct channel *ch = arg;
	struct verdict v = { 0 };

	if (reach_judge(ch->jump, &ch->to, address, &v) == 0)
		return 0;
	*e = v.why;
	return -1;
}

/* ---- DIAL ----------------------------------------------------------------------------------- */

struct request {
	uint32_t number, port, from_port;
	const uint8_t *host, *from; /* what the client sent */
	size_t nhost, nfrom;
};

static int
read_request(struct msg_in *m, struct request *r, struct err *e)
{
	if (msg_get_u32(m, &r->number) == -1 ||
	    msg_get_bytes(m, &r->host, &r->nhost, MSG_MAX) == -1 ||
	    msg_get_u32(m, &r->port) == -1 ||
	    msg_get_bytes(m, &r->from, &r->nfrom, MSG_MAX) == -1 ||
	    msg_get_u32(m, &r->from_port) == -1)
		return err_set(e, ERR_PEER, "DIAL: malformed");
	return msg_end(m, e);
}

/* What it calls the host, for the log, where that is no host. */
static void
keep_words(struct channel *ch, const struct request *r)
{
	char from[40];

	(void)snprintf(ch->originator, sizeof(ch->originator), "%s:%u",
	    text_escape(from, sizeof(from), r->from, r->nfrom), (unsigned)r->from_port);
	if (ch->to.host[0] == '\0')
		(void)text_escape(ch->to.host, sizeof(ch->to.host), r->host, r->nhost);
	ch->to.port = (uint16_t)r->port;
}

static int
begin(struct channel *ch, struct verdict *v)
{
	struct jump *j = ch->jump;
	const struct settings_target *t = generation_target(j->id->gen, j->conn->target);
	const struct dial_to to = { .conn = j->conn,
		.host = ch->to.is_name ? ch->to.host : NULL,
		.address = &ch->to.address,
		.port = ch->to.port,
		.source = t == NULL ? SOURCE_SYSTEM : (enum settings_source)t->source,
		.allows = on_address,
		.connected = on_dialled,
		.failed = on_not_reached,
		.arg = ch };

	if (reach_judge(j, &ch->to, ch->to.is_name ? NULL : &ch->to.address, v) == -1)
		return -1;
	if ((ch->dial = dial_start(j->id, &to, &v->why)) == NULL)
		return verdict_refuse(v, REFUSED_TARGET, "the target cannot be reached");
	return 0;
}

int
channel_dial(struct jump *j, struct msg_in *m, struct err *e)
{
	struct verdict v = { 0 };
	struct channel *ch;
	struct request r;
	bool fit;

	if (read_request(m, &r, e) == -1)
		return -1;
	if (j->phase == JUMP_ENDING)
		return 0;
	if (find(j, r.number) != NULL)
		return err_set(e, ERR_PEER, "DIAL: a channel that is in use");
	if (j->ndialing >= CHANNELS_DIALING_MAX || j->nchannels >= j->channels_max)
		return err_set(e, ERR_PEER, "DIAL: %u channels, %u of them not answered yet",
		    (unsigned)j->nchannels, (unsigned)j->ndialing);
	if ((ch = channel_new(j, r.number)) == NULL)
		return err_nomem(e, "channel");
	fit = reach_parse(&ch->to, r.host, r.nhost, r.port, &v.why) == 0;
	keep_words(ch, &r);
	if (!fit)
		(void)verdict_refuse(&v, REFUSED_TARGET, "the target cannot be reached");
	else if (begin(ch, &v) == 0)
		return 0;
	channel_refuse(ch, &v);
	return 0;
}

/* ---- CLOSED --------------------------------------------------------------------------------- */

int
channel_closed(struct jump *j, struct msg_in *m, struct err *e)
{
	struct conn_end end = { .has_bytes = true };
	struct channel *ch;
	char why[512];
	uint32_t number;

	if (msg_get_u32(m, &number) == -1 || msg_get_u64(m, &end.from_client) == -1 ||
	    msg_get_u64(m, &end.to_client) == -1 || msg_get_str(m, why, sizeof(why)) == -1)
		return err_set(e, ERR_PEER, "CLOSED: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	if ((ch = find(j, number)) == NULL && j->phase == JUMP_ENDING)
		return 0;
	if (ch == NULL) {
		/* it crossed our REFUSED: once for each of those */
		if (j->crossed == 0)
			return err_set(e, ERR_PEER, "CLOSED: a channel that is not there");
		j->crossed--;
		return 0;
	}
	end.why = ch->why[0] == '\0' ? why : ch->why;
	j->from_client += end.from_client;
	j->to_client += end.to_client;
	report_channel_closed(j->id, ch, &end);
	channel_free(ch);
	return 0;
}

/* ---- all of a connection -------------------------------------------------------------------- */

void
channels_close(struct jump *j, const char *why)
{
	struct channel *ch;

	while ((ch = LIST_FIRST(&j->channels)) != NULL) {
		struct conn_end end = { .why = ch->why[0] == '\0' ? why : ch->why };

		/* what the process did not live to say, the kernel knows */
		end.has_bytes = bytes_of(ch->leg.fd, &end.from_client, &end.to_client);
		report_channel_closed(j->id, ch, &end);
		channel_free(ch);
	}
}

static void
channel_end(struct channel *ch, const char *why)
{
	if (ch->why[0] == '\0')
		(void)snprintf(ch->why, sizeof(ch->why), "%s", why);
	ch->leg.ended = true;
}

static void
channel_shut(struct channel *ch, const char *why)
{
	channel_end(ch, why);
	if (ch->leg.fd != -1)
		(void)shutdown(ch->leg.fd, SHUT_RDWR);
}

void
channels_end(struct jump *j)
{
	struct channel *ch, *next;

	for (ch = LIST_FIRST(&j->channels); ch != NULL; ch = next) {
		next = LIST_NEXT(ch, of_jump);
		if (ch->open)
			channel_end(ch, "the connection was cut");
		else
			channel_free(ch); /* nobody waits for its answer any more */
	}
}

void
channels_shut(struct jump *j)
{
	struct channel *ch;

	LIST_FOREACH(ch, &j->channels, of_jump)
	channel_shut(ch, "the connection was cut");
}

/* The login holds, or does not: `why` then counts for its channels. */
static void
review_one(struct channel *ch, const struct login_case *l, bool holds, const struct err *why)
{
	struct sockaddr_storage address;
	struct verdict v = { .why = *why };

	/* those that are not open yet are judged when they are (still_granted()) */
	if (!ch->open || ch->leg.ended)
		return;
	endpoint_to(&ch->leg.tuple.remote, &address);
	if (!holds || reach_judge_for(ch->jump, l, &ch->to, &address, &v) == -1)
		channel_shut(ch, v.why.text);
	else
		keep_end(ch->jump, &v);
}

void
channels_review(struct jump *j)
{
	struct channel *ch;
	struct login_case l;
	struct verdict v = { 0 };
	bool holds;

	j->ends_age = 0;
	j->ends_at = 0;
	if (LIST_EMPTY(&j->channels))
		return;
	holds = login_judge(j, &j->key, review_mode(j->id->gen, j->conn), &l, &v) == 0;
	LIST_FOREACH(ch, &j->channels, of_jump)
	review_one(ch, &l, holds, &v.why);
	login_case_done(&l);
}

void
channels_bytes(const struct jump *j, uint64_t *from_client, uint64_t *to_client)
{
	const struct channel *ch;
	uint64_t from, to;

	LIST_FOREACH(ch, &j->channels, of_jump)
	{
		if (!ch->open || !bytes_of(ch->leg.fd, &from, &to))
			continue;
		*from_client += from;
		*to_client += to;
	}
}
