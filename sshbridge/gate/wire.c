/* wire.c - between OpenSSL and a socket: one recv(), one send() for many records */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <openssl/crypto.h>

#include "wire.h"

/* ---- what a socket did not take -------------------------------------------------------------- */

void
rest_done(struct rest *r)
{
	free(r->p);
	*r = (struct rest){ 0 };
}

/* How many bytes of `p` the socket took; -1 and errno when it is broken. */
static ssize_t
send_some(int fd, const uint8_t *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t w = send(fd, p + done, n - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (w == -1 && errno == EINTR)
			continue;
		if (w == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (w == -1)
			return -1;
		done += (size_t)w;
		/* a short count says that it is full: asking again would only cost */
		if (done < n)
			break;
	}
	return (ssize_t)done;
}

static int
rest_keep(struct rest *r, const uint8_t *p, size_t n, size_t max)
{
	size_t old = r->len - r->off;
	uint8_t *q;

	if (n > max || old > max - n)
		return ENOBUFS;
	if ((q = malloc(old + n)) == NULL)
		return ENOMEM;
	if (old > 0)
		memcpy(q, r->p + r->off, old);
	memcpy(q + old, p, n);
	free(r->p);
	*r = (struct rest){ .p = q, .len = old + n };
	return EAGAIN;
}

int
rest_send(struct rest *r, int fd, const uint8_t *p, size_t n, size_t max)
{
	ssize_t w;

	if (r->len > 0) {
		if ((w = send_some(fd, r->p + r->off, r->len - r->off)) == -1)
			return errno;
		r->off += (size_t)w;
		if (r->off < r->len)
			return n == 0 ? EAGAIN : rest_keep(r, p, n, max);
		rest_done(r);
	}
	if (n == 0)
		return 0;
	if ((w = send_some(fd, p, n)) == -1)
		return errno;
	if ((size_t)w == n)
		return 0;
	return rest_keep(r, p + w, n - (size_t)w, max);
}

/* ---- the BIO --------------------------------------------------------------------------------- */

static void
wire_take_scratch(struct wire *w)
{
	assert(w->s->owner == NULL || w->s->owner == w);
	w->s->owner = w;
}

static void
wire_fail(struct wire *w, int errnum)
{
	w->failed = true;
	w->errnum = errnum;
}

/* recv() that sorts its outcomes into the wire's flags. */
static size_t
wire_recv(struct wire *w, void *p, size_t n)
{
	ssize_t r;

	if (w->eof || w->failed)
		return 0;
	do
		r = recv(w->fd, p, n, MSG_DONTWAIT);
	while (r == -1 && errno == EINTR);
	if (r == 0)
		w->eof = true;
	else if (r == -1 && errno != EAGAIN && errno != EWOULDBLOCK)
		wire_fail(w, errno);
	if (r <= 0)
		return 0;
	return (size_t)r;
}

static void
note_first(struct wire *w, const char *p, size_t n)
{
	for (size_t i = 0; i < n && w->nfirst < sizeof(w->first); i++)
		w->first[w->nfirst++] = (uint8_t)p[i];
}

static int
bio_read(BIO *b, char *p, size_t n, size_t *got)
{
	struct wire *w = BIO_get_data(b);
	struct wire_scratch *s = w->s;

	BIO_clear_retry_flags(b);
	*got = 0;
	if (w->direct) {
		if (w->reads == 0) {
			BIO_set_retry_read(b);
			return 0;
		}
		w->reads--;
		*got = wire_recv(w, p, n);
		note_first(w, p, *got);
	} else {
		if (w->reads > 0)
			w->reads--;
		if (s->owner == w) {
			*got = s->in_len - s->in_off < n ? s->in_len - s->in_off : n;
			memcpy(p, s->in + s->in_off, *got);
			s->in_off += *got;
		}
	}
	if (*got > 0)
		return 1;
	if (!w->eof && !w->failed)
		BIO_set_retry_read(b);
	return 0;
}

static int
bio_write(BIO *b, const char *p, size_t n, size_t *written)
{
	struct wire *w = BIO_get_data(b);
	struct wire_scratch *s = w->s;

	BIO_clear_retry_flags(b);
	if (w->failed)
		return 0;
	*written = n;
	if (w->mute)
		return 1;
	wire_take_scratch(w);
	if (n > sizeof(s->out) - s->out_len) {
		/* no turn produces so much: a client that only asks for answers */
		wire_fail(w, ENOBUFS);
		return 0;
	}
	memcpy(s->out + s->out_len, p, n);
	s->out_len += n;
	return 1;
}

static long
bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	struct wire *w = BIO_get_data(b);

	(void)num;
	(void)ptr;
	switch (cmd) {
	case BIO_CTRL_EOF:
		return w != NULL && w->eof;
	case BIO_CTRL_FLUSH:
		return 1; /* wire_flush() does it, once for all that a turn wrote */
	default:
		return 0;
	}
}

static BIO_METHOD *method;

int
wire_setup(struct err *e)
{
	if (method != NULL)
		return 0;
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
	if (method == NULL || BIO_meth_set_read_ex(method, bio_read) != 1 ||
	    BIO_meth_set_write_ex(method, bio_write) != 1 ||
	    BIO_meth_set_ctrl(method, bio_ctrl) != 1)
		return err_nomem(e, "BIO method");
	return 0;
}

BIO *
wire_bio(struct wire *w)
{
	BIO *b = BIO_new(method);

	if (b != NULL) {
		BIO_set_data(b, w);
		BIO_set_init(b, 1);
	}
	return b;
}

void
wire_init(struct wire *w, struct wire_scratch *s, int fd)
{
	*w = (struct wire){ .s = s, .fd = fd, .direct = true, .reads = WIRE_READS };
}

void
wire_turn(struct wire *w)
{
	w->reads = WIRE_READS;
}

void
wire_stop(struct wire *w)
{
	w->reads = 0;
	if (w->s->owner == w)
		w->s->in_off = w->s->in_len;
}

void
wire_done(struct wire *w)
{
	wire_drop(w);
	rest_done(&w->rest);
}

void
wire_drop(struct wire *w)
{
	if (w->s->owner == w) {
		w->s->owner = NULL;
		w->s->in_off = w->s->in_len = w->s->out_len = 0;
	}
}

size_t
wire_fill(struct wire *w)
{
	struct wire_scratch *s = w->s;

	assert(!w->direct && (s->owner == NULL || s->owner == w) && s->in_off == s->in_len);
	wire_turn(w);
	s->in_off = 0;
	s->in_len = wire_recv(w, s->in, sizeof(s->in));
	if (s->in_len > 0)
		wire_take_scratch(w);
	return s->in_len;
}

bool
wire_flush(struct wire *w)
{
	struct wire_scratch *s = w->s;
	size_t n = s->owner == w ? s->out_len : 0;
	int r = 0;

	/* what a failed OpenSSL left unread is of no use any more */
	if (!w->failed && !w->mute && (n > 0 || w->rest.len > 0))
		r = rest_send(&w->rest, w->fd, s->out, n, WIRE_REST_MAX);
	wire_drop(w);
	if (r != 0 && r != EAGAIN)
		wire_fail(w, r);
	return r == 0 && !w->failed;
}
