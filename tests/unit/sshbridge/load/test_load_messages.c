/* test_load_messages.c - the load process: messages short, long, twice, out of phase; EXPLAIN */
#include <fcntl.h>

#include "addr.h"
#include "msgio.h"
#include "sealed.h"
#include "tests/unit/sshbridge/load/load_help.h"

/* What the program itself does in main.o; no test here calls it. */
void
load_text(unsigned level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

/* Send one packet in the place of the monitor's first; it must end with READY not ok, status 1. */
static void
first_packet_refused(const void *packet, size_t n, const int *fds, size_t nfds, const char *word)
{
	uint8_t copy[1024];
	struct msg_out o = { .buf = copy, .size = sizeof(copy), .len = n };
	struct stage p;
	struct got *g = malloc(sizeof(*g));
	char why[512];
	uint64_t number;
	uint32_t ok;
	int status;

	assert_non_null(g);
	assert_true(n <= sizeof(copy));
	memcpy(copy, packet, n);
	stage_start(&p, "load");
	stage_send(p.monitor, &o, fds, nfds);
	stage_expect(p.monitor, g, MSG_READY);
	assert_int_equal(0, msg_get_u64(&g->m, &number));
	assert_int_equal(0, msg_get_u32(&g->m, &ok));
	assert_int_equal(0, msg_get_str(&g->m, why, sizeof(why)));
	assert_int_equal(0, ok);
	if (strstr(why, word) == NULL)
		fail_msg("\"%s\" to come: %s", word, why);
	status = stage_wait(&p);
	assert_true(WIFEXITED(status));
	assert_int_equal(1, WEXITSTATUS(status));
	free(g);
}

static struct msg_out
files_message(
    uint8_t *buf, size_t size, uint32_t n, uint32_t kind, uint32_t section, const char *name)
{
	struct msg_out o;

	load_files_start(&o, buf, size, n);
	msg_put_u32(&o, kind);
	msg_put_u32(&o, section);
	msg_put_str(&o, name);
	return o;
}

static void
files_and_key_cut_at_every_byte_are_refused(void **state)
{
	uint8_t files[256], key[256];
	struct msg_out f = files_message(files, sizeof(files), 1, LOAD_MAP, 0, "map"), k;
	int fd = load_memfd("x", 1);

	(void)state;
	msg_start(&k, key, sizeof(key), MSG_KEY, 0);
	msg_put_u64(&k, LOAD_GENERATION);
	msg_put_bytes(&k, "key", 3);
	for (size_t n = 1; n < f.len; n++)
		first_packet_refused(files, n, &fd, 1, "");
	for (size_t n = 1; n < k.len; n++)
		first_packet_refused(key, n, NULL, 0, "");
	close(fd);
}

static void
one_byte_too_many_is_refused(void **state)
{
	uint8_t buf[256];
	struct msg_out o = files_message(buf, sizeof(buf), 1, LOAD_MAP, 0, "map");
	int fd = load_memfd("x", 1);

	(void)state;
	buf[o.len] = 0;
	first_packet_refused(buf, o.len + 1, &fd, 1, "left over");
	close(fd);
	msg_start(&o, buf, sizeof(buf), MSG_KEY, 0);
	msg_put_u64(&o, LOAD_GENERATION);
	msg_put_bytes(&o, "key", 3);
	msg_put_u32(&o, 0);
	first_packet_refused(buf, o.len, NULL, 0, "KEY: malformed");
}

static void
wrong_descriptors_are_refused(void **state)
{
	uint8_t buf[256];
	struct msg_out o = files_message(buf, sizeof(buf), 1, LOAD_MAP, 0, "map");
	int fds[2] = { load_memfd("x", 1), load_memfd("y", 1) };

	(void)state;
	first_packet_refused(buf, o.len, NULL, 0, "FILES: malformed");
	first_packet_refused(buf, o.len, fds, 2, "FILES: malformed");
	load_files_start(&o, buf, sizeof(buf), 0);
	first_packet_refused(buf, o.len, fds, 1, "FILES: malformed");
	msg_start(&o, buf, sizeof(buf), MSG_KEY, 0);
	msg_put_u64(&o, LOAD_GENERATION);
	msg_put_bytes(&o, "key", 3);
	first_packet_refused(buf, o.len, fds, 1, "descriptors");
	close(fds[0]);
	close(fds[1]);
}

static void
fields_out_of_range_are_refused(void **state)
{
	static char name[513];
	static const struct {
		uint32_t kind, section;
		const char *name;
	} rows[] = { { 0, 0, "x" }, { LOAD_AUTHKEYS + 1, 0, "x" }, { UINT32_MAX, 0, "x" },
		{ LOAD_ANCHORS, SECTIONS_MAX, "x" }, { LOAD_ANCHORS, UINT32_MAX, "x" },
		{ LOAD_MAP, 0, name } };
	uint8_t buf[1024];
	int fd = load_memfd("x", 1);

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct msg_out o =
		    files_message(buf, sizeof(buf), 1, rows[i].kind, rows[i].section, rows[i].name);

		first_packet_refused(buf, o.len, &fd, 1, "FILES: malformed");
	}
	close(fd);
}

static void
messages_of_others_and_out_of_phase_are_refused(void **state)
{
	static const enum msg_type others[] = { MSG_GENERATION, MSG_LISTEN, MSG_READY, MSG_LOG,
		MSG_PEER, MSG_EXPLAIN, MSG_OPEN, MSG_WHO, MSG_RELOAD, 77 };
	uint8_t buf[64];
	struct msg_out o;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		msg_start(&o, buf, sizeof(buf), others[i], 0);
		first_packet_refused(buf, o.len, NULL, 0, "not accepted here");
	}
	msg_start(&o, buf, sizeof(buf), MSG_FILES, 0);
	buf[3] = MSG_VERSION + 1;
	first_packet_refused(buf, o.len, NULL, 0, "version");
}

static struct msg_out
keep_message(uint8_t *buf, size_t size, uint32_t section, uint32_t named, const char *name)
{
	struct msg_out o;

	msg_start(&o, buf, size, MSG_KEEP, 0);
	msg_put_u32(&o, section);
	msg_put_u32(&o, named);
	msg_put_str(&o, name);
	msg_put_str(&o, "");
	return o;
}

static void
keep_and_terms_short_long_or_out_of_range_are_refused(void **state)
{
	static char name[LOAD_NAME_MAX + 1];
	uint8_t buf[1024];
	struct msg_out o = keep_message(buf, sizeof(buf), 0, 1, "crl.pem");
	int fd = load_memfd("x", 1);

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	for (size_t n = 1; n < o.len; n++)
		first_packet_refused(buf, n, NULL, 0, "");
	first_packet_refused(buf, o.len, &fd, 1, "descriptors");
	msg_put_u32(&o, 0);
	first_packet_refused(buf, o.len, NULL, 0, "left over");
	o = keep_message(buf, sizeof(buf), SECTIONS_MAX, 1, "crl.pem");
	first_packet_refused(buf, o.len, NULL, 0, "KEEP: malformed");
	o = keep_message(buf, sizeof(buf), 0, 2, "crl.pem");
	first_packet_refused(buf, o.len, NULL, 0, "KEEP: malformed");
	o = keep_message(buf, sizeof(buf), 0, 0, name);
	first_packet_refused(buf, o.len, NULL, 0, "KEEP: malformed");
	msg_start(&o, buf, sizeof(buf), MSG_TERMS, 0);
	first_packet_refused(buf, o.len, NULL, 0, "TERMS: malformed");
	msg_put_u32(&o, 4);
	first_packet_refused(buf, o.len, NULL, 0, "TERMS: malformed");
	msg_start(&o, buf, sizeof(buf), MSG_TERMS, 0);
	msg_put_u32(&o, 3);
	msg_put_u32(&o, 3);
	first_packet_refused(buf, o.len, NULL, 0, "left over");
	close(fd);
}

static void
a_second_terms_is_refused(void **state)
{
	uint8_t buf[64];
	struct msg_out o;
	struct stage p;
	char why[512];

	(void)state;
	msg_start(&o, buf, sizeof(buf), MSG_TERMS, 0);
	msg_put_u32(&o, LOAD_FORCE);
	stage_start(&p, "load");
	stage_send(p.monitor, &o, NULL, 0);
	stage_send(p.monitor, &o, NULL, 0);
	assert_false(stage_ready(&p, 0, why, sizeof(why)));
	assert_non_null(strstr(why, "TERMS more than 1 times"));
	assert_int_equal(1, WEXITSTATUS(stage_wait(&p)));
}

/* Sealed bytes in the place of the CRL index in force. */
static void
refused_index(const void *p, size_t n, const char *word)
{
	struct err e = { 0 };
	int fd = sealed_new("crls", p, n, &e);
	struct part part = { LOAD_OLD_CRLS, 0, "CRLs in force", NULL, 0, fd };
	struct stage s;
	char why[512];

	assert_int_not_equal(-1, fd);
	stage_start(&s, "load");
	load_send_part(&s, &part);
	load_send_end(&s);
	load_refused(&s, why, sizeof(why));
	if (strstr(why, word) == NULL)
		fail_msg("\"%s\" to come: %s", word, why);
}

static void
an_index_that_is_none_is_refused(void **state)
{
	const struct part plain = { LOAD_OLD_CRLS, 0, "CRLs in force", "x", 1, 0 };
	struct stage s;
	char why[512];

	(void)state;
	refused_index("x", 1, "CRL index: 1 bytes");
	refused_index("not an index, and long enough for a head", 40, "not one");
	stage_start(&s, "load");
	load_send_part(&s, &plain);
	load_send_end(&s);
	load_refused(&s, why, sizeof(why));
	assert_non_null(strstr(why, "not sealed"));
}

static void
a_second_key_is_refused(void **state)
{
	struct stage p;
	char why[512];

	(void)state;
	stage_start(&p, "load");
	load_send_key(&p, pem.key);
	load_send_key(&p, pem.key);
	assert_false(stage_ready(&p, 0, why, sizeof(why)));
	assert_non_null(strstr(why, "KEY more than 1 times"));
	assert_int_equal(1, WEXITSTATUS(stage_wait(&p)));
}

static void
too_many_files_are_refused(void **state)
{
	uint8_t buf[64];
	struct msg_out o = files_message(buf, sizeof(buf), 1, LOAD_CRL, 0, "crl.pem");
	struct err e = { 0 };
	struct stage p;
	char why[512];
	int fd = load_memfd("x", 1);

	(void)state;
	stage_start(&p, "load");
	/* the last ones may find it gone: it does not wait for the end of the list */
	for (int i = 0; i < LOAD_FILES_MAX + 1; i++)
		(void)!msgio_send(p.monitor, &o, &fd, 1, &e);
	load_refused(&p, why, sizeof(why));
	assert_non_null(strstr(why, "more than 512 files"));
	close(fd);
}

static void
after_the_answer_only_explain_is_taken(void **state)
{
	struct files f = load_good();
	struct got *g = malloc(sizeof(*g));
	struct stage p;
	int status;

	(void)state;
	assert_non_null(g);
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_taken(&p, g, NULL, 0);
	load_close(g);
	load_send_end(&p);
	stage_expect_end(p.monitor);
	status = stage_wait(&p);
	assert_true(WIFEXITED(status));
	assert_int_equal(1, WEXITSTATUS(status));
	free(g);
}

static void
without_a_monitor_it_ends(void **state)
{
	struct stage p;
	int status;

	(void)state;
	stage_start(&p, "load");
	assert_int_equal(0, shutdown(p.monitor, SHUT_WR));
	status = stage_wait(&p);
	assert_true(WIFEXITED(status));
	assert_int_equal(1, WEXITSTATUS(status));
}

/* ---- EXPLAIN --------------------------------------------------------------------------------- */

static struct msg_out
explain_message(uint8_t *buf, size_t size, const char *account)
{
	struct sockaddr_storage from;
	struct err e = { 0 };
	struct msg_out o;

	assert_int_equal(0, addr_parse("192.0.2.7", &from, &e));
	msg_start(&o, buf, size, MSG_EXPLAIN, 0);
	msg_put_str(&o, account);
	msg_put_u32(&o, 1);
	msg_put_u32(&o, 2001);
	msg_put_str(&o, "sshd");
	addr_put(&from, &o);
	msg_put_str(&o, "alice.pem");
	return o;
}

/* One question; READY's verdict, and the last TEXT before it. */
static bool
explain(struct stage *p, const struct msg_out *o, const char *leaf, size_t nfds, char *said)
{
	struct got *g = malloc(sizeof(*g));
	int fds[2] = { load_memfd(leaf, strlen(leaf)), load_memfd(leaf, strlen(leaf)) };
	uint64_t number;
	uint32_t v;

	assert_non_null(g);
	said[0] = '\0';
	stage_send(p->monitor, o, fds, nfds);
	close(fds[0]);
	close(fds[1]);
	for (stage_recv(p->monitor, g); !g->end && g->m.type == MSG_TEXT;
	     stage_recv(p->monitor, g)) {
		assert_int_equal(0, msg_get_u32(&g->m, &v));
		assert_int_equal(0, msg_get_str(&g->m, said, 3000));
	}
	assert_false(g->end);
	assert_int_equal(MSG_READY, g->m.type);
	assert_int_equal(0, msg_get_u64(&g->m, &number));
	assert_int_equal(0, msg_get_u32(&g->m, &v));
	free(g);
	return v == 1;
}

static void
explain_says_yes_and_no_and_goes_on_after_broken_ones(void **state)
{
	struct files f = load_good();
	struct got *g = malloc(sizeof(*g));
	struct stage p;
	char said[3000], *other = pki_pem_cert(pem.other->cert);
	uint8_t buf[512], cut[512];
	struct msg_out yes = explain_message(buf, sizeof(buf), "alice"), o = yes;

	(void)state;
	assert_non_null(g);
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_taken(&p, g, NULL, 0);
	load_close(g);
	assert_true(explain(&p, &yes, pem.leaf, 1, said));
	assert_non_null(strstr(said, "verdict: yes, alice by line 2"));
	assert_false(explain(&p, &yes, other, 1, said));
	assert_non_null(strstr(said, "no trust section accepts"));
	assert_false(explain(&p, &yes, "no certificate", 1, said));
	assert_false(explain(&p, &yes, pem.leaf, 0, said));
	assert_false(explain(&p, &yes, pem.leaf, 2, said));
	for (size_t n = MSG_HEADER; n < yes.len; n++) {
		memcpy(cut, buf, n);
		o.buf = cut;
		o.len = n;
		assert_false(explain(&p, &o, pem.leaf, 1, said));
	}
	o = explain_message(cut, sizeof(cut), "bob");
	assert_false(explain(&p, &o, pem.leaf, 1, said));
	assert_non_null(strstr(said, "verdict: no"));
	assert_true(explain(&p, &yes, pem.leaf, 1, said));
	free(other);
	free(g);
	stage_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_and_key_cut_at_every_byte_are_refused),
		cmocka_unit_test(one_byte_too_many_is_refused),
		cmocka_unit_test(wrong_descriptors_are_refused),
		cmocka_unit_test(fields_out_of_range_are_refused),
		cmocka_unit_test(messages_of_others_and_out_of_phase_are_refused),
		cmocka_unit_test(keep_and_terms_short_long_or_out_of_range_are_refused),
		cmocka_unit_test(a_second_terms_is_refused),
		cmocka_unit_test(an_index_that_is_none_is_refused),
		cmocka_unit_test(a_second_key_is_refused),
		cmocka_unit_test(too_many_files_are_refused),
		cmocka_unit_test(after_the_answer_only_explain_is_taken),
		cmocka_unit_test(without_a_monitor_it_ends),
		cmocka_unit_test(explain_says_yes_and_no_and_goes_on_after_broken_ones),
	};

	return cmocka_run_group_tests(tests, load_pki_setup, load_pki_teardown);
}
