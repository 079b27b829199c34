/* test_ends.c - what ends when, and EXPLAIN by the sealed memory of a generation in force */
#include "addr.h"
#include "lockset.h"
#include "tests/unit/sshbridge/load/load_help.h"

/* What the program itself does in main.o; no test here calls it. */
void
load_text(unsigned level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

enum { CRL = 1, ANCHOR = 2, INTERMEDIATE = 3, SERVER = 4 };

/* Until a message of this type, past TEXT and the like. */
static void
wait_for(struct stage *p, struct got *g, unsigned type)
{
	do {
		stage_recv(p->monitor, g);
		if (g->end)
			fail_msg("it ended before %s", msg_name(type));
	} while (g->m.type != type);
}

static void
each_certificate_and_crl_has_its_end(void **state)
{
	struct files f = load_good();
	struct got *g = malloc(sizeof(*g));
	unsigned seen[5] = { 0 };
	uint64_t from, until, last = 0;
	uint32_t n, what;
	char name[160];
	struct err e;
	struct stage p;

	(void)state;
	assert_non_null(g);
	stage_start(&p, "load");
	load_send_all(&p, &f);
	wait_for(&p, g, MSG_ENDS);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(0, msg_get_u32(&g->m, &what));
		assert_int_equal(0, msg_get_u64(&g->m, &from));
		assert_int_equal(0, msg_get_u64(&g->m, &until));
		assert_int_equal(0, msg_get_str(&g->m, name, sizeof(name)));
		assert_true(what >= CRL && what <= SERVER);
		assert_true(from < until && until >= last); /* what ends first comes first */
		last = until;
		seen[what]++;
		if (what == SERVER)
			assert_string_equal("CN=bastion", name);
		else
			assert_int_equal(0, strncmp(name, "corp: ", 6));
	}
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(2, seen[CRL]);
	assert_int_equal(1, seen[ANCHOR]);
	assert_int_equal(1, seen[INTERMEDIATE]);
	assert_int_equal(1, seen[SERVER]);
	load_taken(&p, g, NULL, 0);
	load_close(g);
	free(g);
	stage_end(&p);
}

/* Hand a load what another one sealed, and the locks. */
static void
send_in_force(struct stage *p, const struct got *g, const char *locks)
{
	const struct part parts[] = {
		{ LOAD_SETTINGS, 0, "settings", NULL, 0, dup(g->fds[0]) },
		{ LOAD_TRUST, 0, "trust", NULL, 0, dup(g->fds[1]) },
		{ LOAD_MAP, 0, "map", NULL, 0, dup(g->fds[3]) },
		{ LOAD_OLD_CRLS, 0, "CRLs", NULL, 0, dup(g->fds[5]) },
		{ LOAD_LOCKS, 0, "locks", locks, strlen(locks), 0 },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		load_send_part(p, &parts[i]);
	load_send_end(p);
}

/* READY's verdict; the last line before it is in `said`. */
static bool
explain(struct stage *p, struct got *g, const char *account, char *said)
{
	struct sockaddr_storage from;
	struct err e = { 0 };
	struct msg_out o;
	uint8_t buf[512];
	uint64_t number;
	uint32_t v;
	int fd = load_memfd(pem.leaf, strlen(pem.leaf));

	assert_int_equal(0, addr_parse("192.0.2.7", &from, &e));
	msg_start(&o, buf, sizeof(buf), MSG_EXPLAIN, 0);
	msg_put_str(&o, account);
	msg_put_u32(&o, 1);
	msg_put_u32(&o, 2001);
	msg_put_str(&o, "sshd");
	addr_put(&from, &o);
	msg_put_str(&o, "alice.pem");
	stage_send(p->monitor, &o, &fd, 1);
	close(fd);
	said[0] = '\0';
	for (stage_recv(p->monitor, g); !g->end && g->m.type == MSG_TEXT;
	     stage_recv(p->monitor, g)) {
		assert_int_equal(0, msg_get_u32(&g->m, &v));
		assert_int_equal(0, msg_get_str(&g->m, said, 3000));
	}
	assert_false(g->end);
	assert_int_equal(MSG_READY, g->m.type);
	assert_int_equal(0, msg_get_u64(&g->m, &number));
	assert_int_equal(0, msg_get_u32(&g->m, &v));
	return v == 1;
}

static void
what_is_in_force_is_explained_without_files_or_key(void **state)
{
	static const char none[] = "sshbridge locks 1\nend 0\n";
	static const char locked[] =
	    "sshbridge locks 1\n5 corp/email:alice@corp.example gone\nend 1\n";
	struct files f = load_good();
	struct got *g = malloc(sizeof(*g)), *in_force = malloc(sizeof(*in_force));
	struct stage first, p;
	char said[3000];

	(void)state;
	assert_non_null(g);
	assert_non_null(in_force);
	stage_start(&first, "load");
	load_send_all(&first, &f);
	load_taken(&first, in_force, NULL, 0);
	stage_start(&p, "load");
	send_in_force(&p, in_force, none);
	assert_true(explain(&p, g, "alice", said));
	assert_non_null(strstr(said, "verdict: yes, alice by line 2"));
	assert_false(explain(&p, g, "bob", said));
	stage_end(&p);
	stage_start(&p, "load");
	send_in_force(&p, in_force, locked);
	assert_false(explain(&p, g, "alice", said));
	assert_non_null(strstr(said, "locked since 1970-01-01T00:00:05Z: gone"));
	stage_end(&p);
	load_close(in_force);
	stage_end(&first);
	free(g);
	free(in_force);
}

static void
broken_memory_is_refused(void **state)
{
	static const char none[] = "sshbridge locks 1\nend 0\n";
	struct files f = load_good();
	struct got *in_force = malloc(sizeof(*in_force));
	struct stage first, p;
	char why[512];
	int good;

	(void)state;
	assert_non_null(in_force);
	stage_start(&first, "load");
	load_send_all(&first, &f);
	load_taken(&first, in_force, NULL, 0);
	stage_start(&p, "load");
	send_in_force(&p, in_force, "sshbridge locks 1\nend 1\n");
	load_refused(&p, why, sizeof(why));
	assert_non_null(strstr(why, "locks: line 2"));
	good = in_force->fds[1];
	in_force->fds[1] = load_memfd("no records", 10);
	stage_start(&p, "load");
	send_in_force(&p, in_force, none);
	load_refused(&p, why, sizeof(why));
	close(in_force->fds[1]);
	in_force->fds[1] = good;
	load_close(in_force);
	stage_end(&first);
	free(in_force);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_certificate_and_crl_has_its_end),
		cmocka_unit_test(what_is_in_force_is_explained_without_files_or_key),
		cmocka_unit_test(broken_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, load_pki_setup, load_pki_teardown);
}
