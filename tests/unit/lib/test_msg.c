/* test_msg.c - messages between processes: every field read or refused, every rule of dispatch */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "msg.h"

static uint8_t packet[MSG_MAX + 1];

/* ---- getters ---------------------------------------------------------------------------- */
/* A reader on a message of WHO whose body is these bytes, in memory of just that size. */
static uint8_t *
reader(struct msg_in *m, const void *body, size_t n)
{
	uint8_t *exact = malloc(MSG_HEADER + n);
	struct msg_out o;
	struct err e;

	assert_non_null(exact);
	msg_start(&o, exact, MSG_HEADER, MSG_WHO, 5);
	assert_int_equal(MSG_HEADER, o.len);
	memcpy(exact + MSG_HEADER, body, n);
	assert_int_equal(0, msg_parse(m, exact, MSG_HEADER + n, &e));
	return exact;
}

enum getter { U32, U64, BYTES, STR };

/* What one getter says of a body; bytes and string with a maximum of 4. */
static int
get(enum getter g, struct msg_in *m)
{
	uint32_t v32;
	uint64_t v64;
	const uint8_t *p;
	char str[5];
	size_t n;

	switch (g) {
	case U32:
		return msg_get_u32(m, &v32);
	case U64:
		return msg_get_u64(m, &v64);
	case BYTES:
		return msg_get_bytes(m, &p, &n, 4);
	default:
		return msg_get_str(m, str, sizeof(str));
	}
}

static const struct body {
	enum getter right;
	const char *bytes;
	size_t n;
} bodies[] = {
	{ U32, "w\0\0\0\1", 5 },
	{ U64, "q\0\0\0\0\0\0\0\1", 9 },
	{ BYTES, "b\0\0\0\4a\0cd", 9 },
	{ BYTES, "b\0\0\0\0", 5 },
	{ STR, "b\0\0\0\4abcd", 9 },
	{ STR, "b\0\0\0\0", 5 },
};
#define NBODIES (sizeof(bodies) / sizeof(bodies[0]))

static void
a_whole_field_is_read_and_nothing_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < NBODIES; i++) {
		struct msg_in m;
		struct err e;
		uint8_t *mem = reader(&m, bodies[i].bytes, bodies[i].n);

		assert_int_equal(0, get(bodies[i].right, &m));
		assert_int_equal(0, msg_end(&m, &e));
		assert_int_equal(MSG_WHO, m.type);
		assert_int_equal(5, m.conn);
		free(mem);
	}
}

static void
a_field_cut_anywhere_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < NBODIES; i++) {
		for (size_t n = 0; n < bodies[i].n; n++) {
			struct msg_in m;
			struct err e;
			uint8_t *mem = reader(&m, bodies[i].bytes, n);

			assert_int_equal(-1, get(bodies[i].right, &m));
			assert_int_equal(-1, msg_end(&m, &e));
			assert_int_equal(ERR_PEER, e.kind);
			free(mem);
		}
	}
}

static void
bytes_left_over_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < NBODIES; i++) {
		char body[16];
		struct msg_in m;
		struct err e;
		uint8_t *mem;

		memcpy(body, bodies[i].bytes, bodies[i].n);
		body[bodies[i].n] = '\0';
		mem = reader(&m, body, bodies[i].n + 1);
		assert_int_equal(0, get(bodies[i].right, &m));
		assert_int_equal(-1, msg_end(&m, &e));
		assert_int_equal(ERR_PEER, e.kind);
		free(mem);
	}
}

static void
another_tag_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < NBODIES; i++) {
		for (int g = U32; g <= STR; g++) {
			struct msg_in m;
			struct err e;
			uint8_t *mem = reader(&m, bodies[i].bytes, bodies[i].n);
			bool bytes = bodies[i].right >= BYTES && g >= BYTES;

			if (!bytes && g != (int)bodies[i].right) {
				assert_int_equal(-1, get((enum getter)g, &m));
				assert_int_equal(-1, msg_end(&m, &e));
			}
			free(mem);
		}
	}
}

static void
bytes_and_strings_have_a_maximum(void **state)
{
	static const struct body cases[] = {
		{ BYTES, "b\0\0\0\5abcde", 10 },
		{ STR, "b\0\0\0\5abcde", 10 },
		{ STR, "b\0\0\0\4a\0cd", 9 },
		{ BYTES, "b\377\377\377\377abcd", 9 },
		{ STR, "b\377\377\377\377abcd", 9 },
		{ BYTES, "b\200\0\0\4abcd", 9 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct msg_in m;
		struct err e;
		uint8_t *mem = reader(&m, cases[i].bytes, cases[i].n);

		assert_int_equal(-1, get(cases[i].right, &m));
		assert_int_equal(-1, msg_end(&m, &e));
		assert_int_equal(ERR_PEER, e.kind);
		free(mem);
	}
}

static void
after_one_failure_every_getter_fails(void **state)
{
	for (int g = U32; g <= STR; g++) {
		struct msg_in m;
		struct err e;
		uint8_t *mem = reader(&m, "xw\0\0\0\1", 6);
		uint32_t v;

		(void)state;
		assert_int_equal(-1, get((enum getter)g, &m));
		assert_int_equal(-1, msg_get_u32(&m, &v));
		assert_int_equal(-1, msg_end(&m, &e));
		free(mem);
	}
}

static void
numbers_and_text_come_back_as_they_were_put(void **state)
{
	struct msg_out o;
	struct msg_in m;
	struct err e;
	uint32_t v32;
	uint64_t v64;
	const uint8_t *p;
	char str[8];
	size_t n;

	(void)state;
	msg_start(&o, packet, sizeof(packet), MSG_OPEN, 0x0123456789abcdef);
	msg_put_u32(&o, 0xfedcba98);
	msg_put_u64(&o, 0xfedcba9876543210);
	msg_put_bytes(&o, "a\0b", 3);
	msg_put_bytes(&o, NULL, 0);
	msg_put_str(&o, "sshd");
	assert_int_equal(0, msg_finish(&o, &e));
	assert_int_equal(MSG_HEADER + 5 + 9 + 8 + 5 + 9, o.len);
	assert_memory_equal(
	    "\0\024\0\1\x01\x23\x45\x67\x89\xab\xcd\xefw\xfe\xdc\xba\x98q", packet, 18);
	assert_int_equal(0, msg_parse(&m, packet, o.len, &e));
	assert_int_equal(MSG_OPEN, m.type);
	assert_int_equal(0x0123456789abcdef, m.conn);
	assert_int_equal(0, msg_get_u32(&m, &v32));
	assert_int_equal(0xfedcba98, v32);
	assert_int_equal(0, msg_get_u64(&m, &v64));
	assert_true(v64 == 0xfedcba9876543210);
	assert_int_equal(0, msg_get_bytes(&m, &p, &n, 3));
	assert_memory_equal("a\0b", p, 3);
	assert_int_equal(0, msg_get_bytes(&m, &p, &n, 0));
	assert_int_equal(0, n);
	assert_int_equal(0, msg_get_str(&m, str, 5));
	assert_string_equal("sshd", str);
	assert_int_equal(0, msg_end(&m, &e));
}

static void
what_does_not_fit_is_never_sent(void **state)
{
	static uint8_t big[MSG_MAX];
	struct msg_out o;
	struct err e;

	(void)state;
	msg_start(&o, packet, MSG_HEADER + 5, MSG_WHO, 0);
	msg_put_u32(&o, 1);
	assert_int_equal(0, msg_finish(&o, &e));
	msg_put_bytes(&o, "", 0);
	assert_int_equal(-1, msg_finish(&o, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	/* a later one that would fit does not make it whole again */
	msg_start(&o, packet, MSG_HEADER + 8, MSG_WHO, 0);
	msg_put_u64(&o, 1);
	msg_put_u32(&o, 1);
	assert_int_equal(-1, msg_finish(&o, &e));
	msg_start(&o, packet, MSG_HEADER - 1, MSG_WHO, 0);
	assert_int_equal(-1, msg_finish(&o, &e));

	msg_start(&o, packet, sizeof(packet), MSG_WHO, 0);
	msg_put_bytes(&o, big, MSG_MAX - MSG_HEADER - 5);
	assert_int_equal(0, msg_finish(&o, &e));
	assert_int_equal(MSG_MAX, o.len);
	/* the buffer has one byte more than a message may have */
	msg_start(&o, packet, sizeof(packet), MSG_WHO, 0);
	msg_put_bytes(&o, big, MSG_MAX - MSG_HEADER - 4);
	assert_int_equal(-1, msg_finish(&o, &e));
	msg_start(&o, packet, sizeof(packet), MSG_WHO, 0);
	msg_put_bytes(&o, big, SIZE_MAX);
	assert_int_equal(-1, msg_finish(&o, &e));
}

static void
headers_are_judged(void **state)
{
	struct msg_out o;
	struct msg_in m;
	struct err e;
	uint32_t v;

	(void)state;
	msg_start(&o, packet, sizeof(packet), MSG_WHO, 0);
	for (size_t n = 0; n < MSG_HEADER; n++) {
		assert_int_equal(-1, msg_parse(&m, packet, n, &e));
		assert_int_equal(ERR_PEER, e.kind);
		assert_int_equal(-1, msg_get_u32(&m, &v));
	}
	assert_int_equal(0, msg_parse(&m, packet, MSG_HEADER, &e));
	assert_int_equal(0, msg_parse(&m, packet, MSG_MAX, &e));
	assert_int_equal(-1, msg_parse(&m, packet, MSG_MAX + 1, &e));
	assert_int_equal(ERR_PEER, e.kind);
	packet[3] = MSG_VERSION + 1;
	assert_int_equal(-1, msg_parse(&m, packet, MSG_HEADER, &e));
	assert_int_equal(ERR_PEER, e.kind);
	assert_int_equal(-1, msg_end(&m, &e));
	packet[3] = 0;
	assert_int_equal(-1, msg_parse(&m, packet, MSG_HEADER, &e));
}

/* ---- dispatch --------------------------------------------------------------------------- */
struct receiver {
	int calls, keep, result;
	size_t nfds;
};

static int
on_message(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct receiver *r = ctx;

	assert_int_equal(MSG_HEADER, (size_t)(m->p - (const uint8_t *)packet));
	r->calls++;
	r->nfds = nfds;
	if (nfds > 0 && r->keep == -2) {
		r->keep = fds[0];
		fds[0] = -1;
	}
	return r->result == 0 ? 0 : err_set(e, ERR_REFUSED, "no");
}

static const struct msg_rule table[] = {
	{ MSG_WHO, 1 | 2, 2, 1, on_message },
	{ MSG_LOG, 4, 0, 2, on_message },
};

/* Dispatch an empty message of `type` with `nfds` new descriptors; they must all be gone after. */
static int
send_in(struct receiver *r, struct msg_seen *seen, unsigned type, unsigned phase, size_t nfds,
    struct err *e)
{
	int fds[MSG_FDS_MAX], copy[MSG_FDS_MAX], got;
	struct msg_out o;

	for (size_t i = 0; i < nfds; i++)
		assert_int_not_equal(
		    -1, copy[i] = fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC));
	msg_start(&o, packet, sizeof(packet), (enum msg_type)type, 0);
	got = msg_dispatch(table, 2, seen, phase, r, packet, o.len, fds, nfds, e);
	for (size_t i = 0; i < nfds; i++) {
		assert_int_equal(-1, fds[i]);
		if (copy[i] != r->keep)
			assert_int_equal(-1, fcntl(copy[i], F_GETFD));
	}
	return got;
}

static void
dispatch_runs_the_handler_in_its_phases(void **state)
{
	struct receiver r = { .keep = -1 };
	struct msg_seen seen = { { 0 } };
	struct err e;

	(void)state;
	assert_int_equal(0, send_in(&r, &seen, MSG_WHO, 1, 0, &e));
	assert_int_equal(0, send_in(&r, &seen, MSG_WHO, 2, 1, &e));
	assert_int_equal(0, send_in(&r, &seen, MSG_LOG, 4, 2, &e));
	assert_int_equal(3, r.calls);
	assert_int_equal(2, r.nfds);
}

static void
unknown_messages_are_refused(void **state)
{
	static const unsigned types[] = { 0, MSG_KEY, MSG_IS, 77, 0xffff };
	struct receiver r = { .keep = -1 };
	struct msg_seen seen = { { 0 } };
	struct err e;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(-1, send_in(&r, &seen, types[i], 0xff, i, &e));
		assert_int_equal(ERR_PEER, e.kind);
	}
	assert_int_equal(0, r.calls);
	assert_int_equal(0, send_in(&r, &seen, MSG_WHO, 0xff, 0, &e));
}

static void
messages_out_of_phase_are_refused(void **state)
{
	struct receiver r = { .keep = -1 };
	struct msg_seen seen = { { 0 } };
	struct err e;

	(void)state;
	assert_int_equal(-1, send_in(&r, &seen, MSG_WHO, 4, 1, &e));
	assert_int_equal(ERR_PEER, e.kind);
	assert_int_equal(-1, send_in(&r, &seen, MSG_LOG, 2, 0, &e));
	assert_int_equal(-1, send_in(&r, &seen, MSG_LOG, 0, 0, &e));
	assert_int_equal(0, r.calls);
}

static void
messages_too_often_are_refused(void **state)
{
	struct receiver r = { .keep = -1 };
	struct msg_seen seen = { { 0 } };
	struct err e;

	(void)state;
	assert_int_equal(0, send_in(&r, &seen, MSG_WHO, 1, 0, &e));
	assert_int_equal(0, send_in(&r, &seen, MSG_WHO, 1, 0, &e));
	assert_int_equal(-1, send_in(&r, &seen, MSG_WHO, 1, 1, &e));
	assert_int_equal(ERR_PEER, e.kind);
	assert_int_equal(-1, send_in(&r, &seen, MSG_WHO, 1, 0, &e));
	assert_int_equal(2, r.calls);
	for (int i = 0; i < 100; i++)
		assert_int_equal(0, send_in(&r, &seen, MSG_LOG, 4, 0, &e));
}

static void
descriptors_too_many_are_refused_and_closed(void **state)
{
	struct receiver r = { .keep = -1 };
	struct msg_seen seen = { { 0 } };
	struct err e;

	(void)state;
	assert_int_equal(0, send_in(&r, &seen, MSG_WHO, 1, 1, &e));
	assert_int_equal(-1, send_in(&r, &seen, MSG_WHO, 1, 2, &e));
	assert_int_equal(ERR_PEER, e.kind);
	assert_int_equal(-1, send_in(&r, &seen, MSG_LOG, 4, MSG_FDS_MAX, &e));
	assert_int_equal(1, r.calls);
}

static void
only_a_kept_descriptor_stays_open(void **state)
{
	struct receiver r = { .keep = -2 };
	struct msg_seen seen = { { 0 } };
	struct err e;

	(void)state;
	assert_int_equal(0, send_in(&r, &seen, MSG_LOG, 4, 2, &e));
	assert_true(r.keep >= 0);
	assert_int_not_equal(-1, fcntl(r.keep, F_GETFD));
	close(r.keep);
	r.keep = -1;
	r.result = -1;
	assert_int_equal(-1, send_in(&r, &seen, MSG_LOG, 4, 2, &e));
	assert_int_equal(ERR_REFUSED, e.kind);
}

static void
a_packet_without_a_header_is_refused_and_its_descriptors_closed(void **state)
{
	struct receiver r = { .keep = -1 };
	struct msg_seen seen = { { 0 } };
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), copy = fd;
	struct err e;

	(void)state;
	assert_int_not_equal(-1, fd);
	assert_int_equal(-1, msg_dispatch(table, 2, &seen, 1, &r, packet, 3, &fd, 1, &e));
	assert_int_equal(ERR_PEER, e.kind);
	assert_int_equal(-1, fcntl(copy, F_GETFD));
	assert_int_equal(0, r.calls);
}

static void
names_are_for_logs_and_unknown_ones_say_so(void **state)
{
	(void)state;
	assert_string_equal("OPEN", msg_name(MSG_OPEN));
	assert_string_equal("ANSWER", msg_name(MSG_ANSWER));
	assert_string_equal("unknown message", msg_name(0));
	assert_string_equal("unknown message", msg_name(77));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_field_is_read_and_nothing_is_left),
		cmocka_unit_test(a_field_cut_anywhere_is_refused),
		cmocka_unit_test(bytes_left_over_are_refused),
		cmocka_unit_test(another_tag_is_refused),
		cmocka_unit_test(bytes_and_strings_have_a_maximum),
		cmocka_unit_test(after_one_failure_every_getter_fails),
		cmocka_unit_test(numbers_and_text_come_back_as_they_were_put),
		cmocka_unit_test(what_does_not_fit_is_never_sent),
		cmocka_unit_test(headers_are_judged),
		cmocka_unit_test(dispatch_runs_the_handler_in_its_phases),
		cmocka_unit_test(unknown_messages_are_refused),
		cmocka_unit_test(messages_out_of_phase_are_refused),
		cmocka_unit_test(messages_too_often_are_refused),
		cmocka_unit_test(descriptors_too_many_are_refused_and_closed),
		cmocka_unit_test(only_a_kept_descriptor_stays_open),
		cmocka_unit_test(a_packet_without_a_header_is_refused_and_its_descriptors_closed),
		cmocka_unit_test(names_are_for_logs_and_unknown_ones_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
