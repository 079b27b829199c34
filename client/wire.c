/* wire.c - ciphertext on its way to the socket */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire.h"

/* One BIO_METHOD for the process: it is never freed while a BIO may use it. */
static BIO_METHOD *method;

static int
wire_bio_write(BIO *b, const char *data, int n)
{
	struct wire *w = BIO_get_data(b);
	size_t want;

	BIO_clear_retry_flags(b);
	if (n <= 0)
		return 0;
	if (w->error != 0)
		return n;
	if (w->off > 0 && (size_t)n > WIRE_SIZE - w->len) {
		memmove(w->buf, w->buf + w->off, w->len - w->off);
		w->len -= w->off;
		w->off = 0;
	}
	want = (size_t)n < WIRE_SIZE - w->len ? (size_t)n : WIRE_SIZE - w->len;
	if (want == 0) {
		BIO_set_retry_write(b);
		return -1;
	}
	memcpy(w->buf + w->len, data, want);
	w->len += want;
	return (int)want;
}

static long
wire_bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	/* "Flushed" means handed to the wire; wire_flush() does the rest. */
	return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

int
wire_init(struct wire *w, struct err *e)
{
	*w = (struct wire){ .fd = -1 };
	if (method == NULL) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
		if (method == NULL || BIO_meth_set_write(method, wire_bio_write) != 1 ||
		    BIO_meth_set_ctrl(method, wire_bio_ctrl) != 1)
			return err_nomem(e, "TLS");
	}
	if ((w->buf = malloc(WIRE_SIZE)) == NULL)
		return err_nomem(e, "TLS");
	return 0;
}

void
wire_done(struct wire *w)
{
	free(w->buf);
	*w = (struct wire){ .fd = -1 };
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
wire_flush(struct wire *w)
{
	ssize_t n;

	while (w->error == 0 && w->off < w->len) {
		n = send(w->fd, w->buf + w->off, w->len - w->off, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			w->off += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (errno != EINTR)
			w->error = errno;
	}
	w->off = w->len = 0;
}
