/*
 * trail.c - the audit trail: each record is written or counted, and the monitor hears of each
 *
 * Nothing here waits: what the destination does not take now stays in the queue, what the queue
 * has no room for is lost at once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "msgio.h"
#include "text.h"

/* What is in the queue before each object. */
struct queued {
	uint64_t number, answer;
};

int
trail_init(struct trail *t, struct err *e)
{
	t->to.fd = -1;
	t->to.dest = LOGTO_NONE;
	if (gethostname(t->host, sizeof(t->host)) == -1)
		t->host[0] = '\0';
	t->host[sizeof(t->host) - 1] = '\0';
	text_clean(t->host);
	return log_queue_init(&t->queue, e);
}

/* What became of a record. Waits for room in the channel: the monitor reads, or is gone. */
static void
settle(const struct queued *q, bool written, const char *why)
{
	uint8_t buf[512];
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, sizeof(buf), MSG_AUDITED, 0);
	msg_put_u64(&o, q->number);
	msg_put_u64(&o, q->answer);
	msg_put_u32(&o, written);
	msg_put_str(&o, why);
	if (msgio_send(CHILD_CHANNEL, &o, NULL, 0, &e) == -1)
		return; /* the main loop sees its end */
}

/* The oldest one is not written. */
static void
trail_drop(struct trail *t, const char *why)
{
	char entry[sizeof(struct queued) + JSON_MAX];
	struct queued q;

	if (log_queue_peek(&t->queue, entry, sizeof(entry)) >= sizeof(q)) {
		memcpy(&q, entry, sizeof(q));
		settle(&q, false, why);
	}
	log_queue_drop(&t->queue);
}

bool
trail_waiting(const struct trail *t)
{
	return t->queue.used > 0;
}

int
trail_on_trail(struct trail *t, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	uint32_t dest, pid, torn;
	char instance[sizeof(t->instance)];

	if (msg_get_u32(m, &dest) == -1 || msg_get_u32(m, &pid) == -1 ||
	    msg_get_u32(m, &torn) == -1 || msg_get_str(m, instance, sizeof(instance)) == -1 ||
	    msg_end(m, e) == -1 || dest > LOGTO_NONE || nfds != (dest == LOGTO_NONE ? 0 : 1))
		return err_set(e, ERR_PEER, "TRAIL: malformed");
	memcpy(t->instance, instance, sizeof(instance));
	while (dest == LOGTO_NONE && trail_waiting(t))
		trail_drop(t, "there is no audit log any more");
	log_to_set(&t->to, nfds == 1 ? fds[0] : -1, (enum log_dest)dest, (int)pid);
	t->to.torn = torn == 1;
	if (nfds == 1)
		fds[0] = -1;
	return 0;
}

static size_t
size_limit(const struct trail *t)
{
	return t->to.dest == LOGTO_FILE ? JSON_MAX : JSON_PIPE_MAX;
}

static void
take(struct trail *t, const struct json_head *h, uint64_t answer, const struct logrecord *r)
{
	char entry[sizeof(struct queued) + JSON_MAX];
	const struct queued q = { .number = h->number, .answer = answer };
	const struct audit_event *event = audit_event(r->event);
	size_t n;

	memcpy(entry, &q, sizeof(q));
	n = event == NULL ? 0 : json_record(h, event, r, size_limit(t), entry + sizeof(q));
	if (n == 0)
		settle(&q, false, "the record cannot be made");
	else if (!log_queue_put(&t->queue, entry, sizeof(q) + n))
		settle(&q, false, "too many records wait for the destination");
}

int
trail_on_audit(struct trail *t, struct msg_in *m, struct trail_line *line, struct err *e)
{
	struct json_head h = { .host = t->host, .instance = t->instance };
	uint64_t ms, answer;
	char process[16], text[LOGLINE_TEXT_MAX];
	struct logrecord r;

	if (msg_get_u32(m, &line->level) == -1 || msg_get_u64(m, &h.number) == -1 ||
	    msg_get_u64(m, &ms) == -1 || msg_get_u64(m, &answer) == -1 ||
	    msg_get_str(m, process, sizeof(process)) == -1 || logrecord_get(m, &r, e) == -1 ||
	    line->level > AUDIT_NO_LINE || ms > INT64_MAX / 2)
		return err_set(e, ERR_PEER, "AUDIT: malformed");
	h.ms = line->ms = (int64_t)ms;
	h.process = process;
	line->text[0] = '\0';
	if (line->level < AUDIT_NO_LINE)
		(void)snprintf(line->text, sizeof(line->text), "%s%s%s", process,
		    process[0] == '\0' ? "" : ": ", logrecord_text(&r, text));
	if (h.number != 0)
		take(t, &h, answer, &r);
	return 0;
}

/* As the destination wants it. */
static size_t
format(const struct log_to *t, const char *json, size_t n, char *dst, size_t size)
{
	int k;

	if (t->dest == LOGTO_SYSLOG)
		k = snprintf(dst, size, "<85>sshbridge-audit[%d]: %.*s", t->pid, (int)n, json);
	else
		k = snprintf(
		    dst, size, "%s%.*s\n", t->dest == LOGTO_JOURNAL ? "<5>" : "", (int)n, json);
	return k < 0 ? 0 : (size_t)k;
}

void
trail_write(struct trail *t)
{
	char entry[sizeof(struct queued) + JSON_MAX], line[JSON_MAX + 64];
	size_t n = log_queue_peek(&t->queue, entry, sizeof(entry));
	struct queued q;
	char why[160];

	if (n < sizeof(q))
		return;
	memcpy(&q, entry, sizeof(q));
	n = format(&t->to, entry + sizeof(q), n - sizeof(q), line, sizeof(line));
	switch (log_write(&t->to, line, n)) {
	case LOG_LATER:
		return;
	case LOG_WRITTEN:
		log_queue_drop(&t->queue);
		settle(&q, true, "");
		return;
	default:
		(void)snprintf(why, sizeof(why), "the audit log cannot be written: %s",
		    errno == 0 ? "the disk is full" : strerror(errno));
		t->refused++;
		trail_drop(t, why);
		return;
	}
}
