/*
 * fuzz_msg.c - any bytes as a message: read by any getters in any order, and dispatched
 *
 * Input: a byte that says how many getters follow, one byte for each, then the message.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct script {
	const uint8_t *ops;
	size_t n;
};

static int
get_bytes(struct msg_in *m, size_t max)
{
	const uint8_t *p = NULL;
	size_t n = 0;
	unsigned sum = 0;

	if (msg_get_bytes(m, &p, &n, max) == -1)
		return -1;
	assert(n <= max);
	for (size_t i = 0; i < n; i++)
		sum += p[i];
	return (int)(sum & 1);
}

static int
get_str(struct msg_in *m, size_t size)
{
	char *dst = malloc(size);
	int r;

	assert(dst != NULL);
	r = msg_get_str(m, dst, size);
	assert(r == -1 || strlen(dst) < size);
	free(dst);
	return r;
}

static int
get_one(struct msg_in *m, uint8_t op)
{
	uint32_t v32;
	uint64_t v64;

	switch (op % 4) {
	case 0:
		return msg_get_u32(m, &v32);
	case 1:
		return msg_get_u64(m, &v64);
	case 2:
		return get_bytes(m, (size_t)op * 8);
	default:
		return get_str(m, (size_t)op + 1);
	}
}

static int
on_any(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	const struct script *s = ctx;
	bool failed = false;

	(void)fds;
	assert(nfds == 0);
	for (size_t i = 0; i < s->n; i++) {
		int r = get_one(m, s->ops[i]);

		assert(!failed || r == -1);
		failed = failed || r == -1;
	}
	if (msg_end(m, e) == -1) {
		assert(e->kind == ERR_PEER && e->text[0] != '\0');
		return -1;
	}
	assert(!failed && m->left == 0);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct msg_rule rules[] = {
		{ MSG_OPEN, 1, 0, 0, on_any },
		{ MSG_WHO, 1, 1, 0, on_any },
		{ MSG_LOG, 2, 0, 0, on_any },
		{ 0, 1, 0, 0, on_any },
	};
	struct msg_seen seen = { { 0 } };
	struct script s;
	struct err e = { 0 };

	if (n == 0 || data[0] > n - 1)
		return 0;
	s = (struct script){ .ops = data + 1, .n = data[0] };
	data += 1 + s.n;
	n -= 1 + s.n;
	for (int times = 0; times < 2; times++) {
		int r = msg_dispatch(rules, 4, &seen, 1, &s, data, n, NULL, 0, &e);

		assert(r == 0 || e.kind == ERR_PEER);
	}
	return 0;
}
