/* queue.c - lines that wait for a destination: a ring of bytes, bounded, losses counted */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

int
log_queue_init(struct log_queue *q, struct err *e)
{
	memset(q, 0, sizeof(*q));
	if ((q->buf = malloc(LOG_QUEUE_MAX)) == NULL)
		return err_nomem(e, "log queue");
	return 0;
}

void
log_queue_done(struct log_queue *q)
{
	free(q->buf);
	memset(q, 0, sizeof(*q));
}

static void
ring_write(struct log_queue *q, const void *p, size_t n)
{
	size_t at = (q->head + q->used) % LOG_QUEUE_MAX, first = LOG_QUEUE_MAX - at;

	if (first > n)
		first = n;
	memcpy(q->buf + at, p, first);
	memcpy(q->buf, (const char *)p + first, n - first);
	q->used += n;
}

static void
ring_read(const struct log_queue *q, size_t skip, void *p, size_t n)
{
	size_t at = (q->head + skip) % LOG_QUEUE_MAX, first = LOG_QUEUE_MAX - at;

	if (first > n)
		first = n;
	memcpy(p, q->buf + at, first);
	memcpy((char *)p + first, q->buf, n - first);
}

bool
log_queue_put(struct log_queue *q, const char *line, size_t n)
{
	uint16_t len = (uint16_t)n;

	if (n > UINT16_MAX || sizeof(len) + n > LOG_QUEUE_MAX - q->used) {
		q->lost++;
		return false;
	}
	ring_write(q, &len, sizeof(len));
	ring_write(q, line, n);
	return true;
}

size_t
log_queue_peek(const struct log_queue *q, char *dst, size_t size)
{
	uint16_t len;

	if (q->used == 0)
		return 0;
	ring_read(q, 0, &len, sizeof(len));
	if (len > size)
		return 0;
	ring_read(q, sizeof(len), dst, len);
	return len;
}

void
log_queue_drop(struct log_queue *q)
{
	uint16_t len;

	if (q->used == 0)
		return;
	ring_read(q, 0, &len, sizeof(len));
	q->head = (q->head + sizeof(len) + len) % LOG_QUEUE_MAX;
	q->used -= sizeof(len) + len;
}
