/* test_store.c - what is committed stays, what is not never was, and nothing is rewritten */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "ca-tools/store.h"
#include "scratch.h"

static struct scratch s;

static int
setup(void **state)
{
	struct err e;
	struct store *st;

	(void)state;
	if (scratch_make(&s) == -1 || (st = store_create(scratch_path(&s, "ca.db"), &e)) == NULL)
		return -1;
	store_close(st);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_gone(&s);
	return 0;
}

static struct store *
reopen(void)
{
	struct err e;
	struct store *st = store_open(scratch_path(&s, "ca.db"), &e);

	assert_non_null(st);
	return st;
}

static uint8_t der[] = { 0x30, 0x00 };

/* A certificate as far as the store cares; `n` makes serial and hash its own. */
static struct store_cert
cert(unsigned n)
{
	struct store_cert c = {
		.issued = 5, .not_before = 1, .not_after = 100, .der = der, .der_len = sizeof(der)
	};

	(void)snprintf(c.serial, sizeof(c.serial), "a%x", n);
	(void)snprintf(c.issuer, sizeof(c.issuer), "intermediate");
	(void)snprintf(c.profile, sizeof(c.profile), "user");
	(void)snprintf(c.name, sizeof(c.name), "J\xc3\xbcrgen, \"x\"; DROP TABLE event;--");
	memcpy(c.sha256, &n, sizeof(n));
	return c;
}

static void
add(struct store *st, unsigned n)
{
	struct store_cert c = cert(n);
	struct err e;

	assert_int_equal(0, store_begin(st, &e));
	assert_int_equal(0, store_add_cert(st, &c, &e));
	assert_int_equal(0, store_commit(st, &e));
}

/* Run SQL behind the program's back; the result code. */
static int
sql(const char *text)
{
	sqlite3 *db = NULL;
	int rc;

	assert_int_equal(SQLITE_OK, sqlite3_open(scratch_path(&s, "ca.db"), &db));
	rc = sqlite3_exec(db, text, NULL, NULL, NULL);
	assert_int_equal(SQLITE_OK, sqlite3_close(db));
	return rc;
}

static void
a_certificate_reads_back_as_it_was_written(void **state)
{
	struct store_cert c;
	struct store *st = reopen();
	struct err e;

	(void)state;
	add(st, 1);
	store_close(st);
	st = reopen();
	assert_int_equal(1, store_find_cert(st, "a1", &c, &e));
	assert_string_equal("J\xc3\xbcrgen, \"x\"; DROP TABLE event;--", c.name);
	assert_string_equal("user", c.profile);
	assert_int_equal(100, c.not_after);
	assert_false(c.revoked);
	assert_int_equal(sizeof(der), c.der_len);
	assert_memory_equal(der, c.der, sizeof(der));
	store_cert_done(&c);
	assert_int_equal(0, store_find_cert(st, "a2", &c, &e));
	assert_int_equal(0, store_find_cert(st, "A1", &c, &e));
	store_close(st);
}

static void
a_serial_or_a_hash_twice_is_refused(void **state)
{
	struct store *st = reopen();
	struct store_cert c = cert(1);
	struct err e;

	(void)state;
	add(st, 1);
	assert_int_equal(0, store_begin(st, &e));
	assert_int_equal(-1, store_add_cert(st, &c, &e));
	c.sha256[9] = 1; /* the serial alone */
	assert_int_equal(-1, store_add_cert(st, &c, &e));
	c = cert(1); /* the hash alone */
	(void)snprintf(c.serial, sizeof(c.serial), "b1");
	assert_int_equal(-1, store_add_cert(st, &c, &e));
	c.sha256[9] = 1;
	assert_int_equal(0, store_add_cert(st, &c, &e));
	store_rollback(st);
	store_close(st);
}

static void
a_writer_that_dies_before_the_commit_leaves_nothing(void **state)
{
	struct store_cert c;
	struct err e;
	struct store *st;
	int status = 0;
	pid_t pid;

	(void)state;
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		c = cert(1);
		st = store_open(scratch_path(&s, "ca.db"), &e);
		if (st == NULL || store_begin(st, &e) == -1 || store_add_cert(st, &c, &e) == -1 ||
		    store_add_event(st, 1, "issue", "a1", "x", &e) == -1)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	st = reopen();
	assert_int_equal(0, store_find_cert(st, "a1", &c, &e));
	add(st, 1);
	store_close(st);
}

static void
every_commit_is_synced_journal_and_folder_included(void **state)
{
	struct stat before;
	struct store *st = reopen();

	(void)state;
	add(st, 1);
	/* the rollback journal is gone after each commit: one file is the whole store */
	assert_int_equal(-1, stat(scratch_path(&s, "ca.db-journal"), &before));
	assert_int_equal(-1, stat(scratch_path(&s, "ca.db-wal"), &before));
	store_close(st);
	/* an earlier WAL setting is undone when the store is opened */
	assert_int_equal(SQLITE_OK, sql("PRAGMA journal_mode = WAL"));
	st = reopen();
	add(st, 2);
	assert_int_equal(-1, stat(scratch_path(&s, "ca.db-wal"), &before));
	store_close(st);
}

static void
a_revocation_is_final_but_for_a_hold(void **state)
{
	struct store *st = reopen();
	struct store_cert c;
	struct err e;

	(void)state;
	add(st, 1);
	add(st, 2);
	assert_int_equal(0, store_revoke(st, "a1", 50, 1, &e));
	assert_int_equal(-1, store_revoke(st, "a1", 51, 4, &e));
	assert_non_null(strstr(e.text, "final"));
	assert_int_equal(0, store_revoke(st, "a2", 50, 6, &e));
	assert_int_equal(0, store_revoke(st, "a2", 50, 1, &e));
	assert_int_equal(-1, store_revoke(st, "a2", 50, 6, &e));
	assert_int_equal(-1, store_revoke(st, "a3", 50, 6, &e));
	assert_int_equal(1, store_next_revoked(st, "intermediate", 0, &c, &e));
	assert_string_equal("a1", c.serial);
	assert_int_equal(50, c.revoked_at);
	assert_int_equal(1, store_next_revoked(st, "intermediate", c.id, &c, &e));
	assert_string_equal("a2", c.serial);
	assert_int_equal(0, store_next_revoked(st, "intermediate", c.id, &c, &e));
	assert_int_equal(0, store_next_revoked(st, "root", 0, &c, &e));
	store_close(st);
}

static void
a_crl_number_never_goes_back(void **state)
{
	struct store *st = reopen();
	struct store_crl c = { .issuer = "root",
		.number = 7,
		.this_update = 1,
		.next_update = 2,
		.der = der,
		.der_len = 2 },
			 got;
	struct err e;

	(void)state;
	assert_int_equal(0, store_get_crl(st, "root", &got, &e));
	assert_int_equal(0, store_put_crl(st, &c, &e));
	assert_int_equal(-1, store_put_crl(st, &c, &e));
	c.number = 6;
	assert_int_equal(-1, store_put_crl(st, &c, &e));
	c.number = 8;
	c.next_update = 9;
	assert_int_equal(0, store_put_crl(st, &c, &e));
	assert_int_equal(1, store_get_crl(st, "root", &got, &e));
	assert_int_equal(8, got.number);
	assert_int_equal(9, got.next_update);
	store_crl_done(&got);
	assert_int_equal(0, store_get_crl(st, "intermediate", &got, &e));
	store_close(st);
}

static void
events_and_certificates_cannot_be_rewritten(void **state)
{
	struct store *st = reopen();
	struct store_event ev;
	struct err e;

	(void)state;
	add(st, 1);
	assert_int_equal(0, store_add_event(st, 9, "issue", "a1", "first", &e));
	assert_int_equal(0, store_add_event(st, 10, "crl", "", "second", &e));
	store_close(st);
	assert_int_equal(SQLITE_CONSTRAINT, sql("DELETE FROM event"));
	assert_int_equal(SQLITE_CONSTRAINT, sql("UPDATE event SET uid = 7"));
	assert_int_equal(SQLITE_CONSTRAINT, sql("DELETE FROM certificate"));
	assert_int_equal(SQLITE_CONSTRAINT, sql("UPDATE certificate SET name = 'x'"));
	assert_int_equal(SQLITE_CONSTRAINT, sql("UPDATE certificate SET not_after = 1000"));
	st = reopen();
	assert_int_equal(1, store_next_event(st, 0, &ev, &e));
	assert_string_equal("first", ev.detail);
	assert_int_equal(getuid(), ev.uid);
	assert_int_equal(1, store_next_event(st, ev.id, &ev, &e));
	assert_string_equal("", ev.serial);
	assert_int_equal(0, store_next_event(st, ev.id, &ev, &e));
	store_close(st);
}

static void
another_schema_or_another_file_is_not_opened(void **state)
{
	struct err e;
	FILE *fp;

	(void)state;
	assert_null(store_open(scratch_path(&s, "none.db"), &e));
	assert_null(store_create(scratch_path(&s, "ca.db"), &e)); /* one is there */
	assert_int_equal(SQLITE_OK, sql("PRAGMA user_version = 2"));
	assert_null(store_open(scratch_path(&s, "ca.db"), &e));
	assert_non_null(strstr(e.text, "version 2"));
	assert_int_equal(SQLITE_OK, sql("PRAGMA user_version = 1; PRAGMA application_id = 1"));
	assert_null(store_open(scratch_path(&s, "ca.db"), &e));
	assert_non_null(strstr(e.text, "not the store of a CA"));
	assert_non_null(fp = fopen(scratch_path(&s, "junk.db"), "w"));
	for (int i = 0; i < 400; i++)
		fprintf(fp, "no database at all\n");
	assert_int_equal(0, fclose(fp));
	assert_null(store_open(scratch_path(&s, "junk.db"), &e));
	assert_int_equal(0, symlink("ca.db", scratch_path(&s, "link.db")));
	assert_null(store_open(scratch_path(&s, "link.db"), &e));
}

/* In a process of its own, forked before anybody opened the store: SQLite does not like forks. */
static pid_t
second_writer(int go)
{
	struct store_cert mine = cert(2);
	struct store *other;
	struct err e;
	char byte;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (read(go, &byte, 1) != 1 ||
	    (other = store_open(scratch_path(&s, "ca.db"), &e)) == NULL ||
	    store_begin(other, &e) == -1 || store_add_cert(other, &mine, &e) == -1 ||
	    store_commit(other, &e) == -1)
		_exit(1);
	_exit(0);
}

static void
two_writers_wait_for_each_other(void **state)
{
	struct store *st;
	struct store_cert c = cert(1);
	struct err e;
	int status = 0, go[2];
	pid_t pid;

	(void)state;
	assert_int_equal(0, pipe(go));
	assert_true((pid = second_writer(go[0])) > 0);
	st = reopen();
	assert_int_equal(0, store_begin(st, &e));
	assert_int_equal(0, store_add_cert(st, &c, &e));
	assert_int_equal(1, write(go[1], "x", 1));
	(void)usleep(100000); /* most likely it waits now; if not, the outcome is the same */
	assert_int_equal(0, waitpid(pid, &status, WNOHANG));
	assert_int_equal(0, store_commit(st, &e));
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	assert_int_equal(1, store_find_cert(st, "a1", &c, &e));
	store_cert_done(&c);
	assert_int_equal(1, store_find_cert(st, "a2", &c, &e));
	store_cert_done(&c);
	store_close(st);
	(void)close(go[0]);
	(void)close(go[1]);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_certificate_reads_back_as_it_was_written),
		T(a_serial_or_a_hash_twice_is_refused),
		T(a_writer_that_dies_before_the_commit_leaves_nothing),
		T(every_commit_is_synced_journal_and_folder_included),
		T(a_revocation_is_final_but_for_a_hold),
		T(a_crl_number_never_goes_back),
		T(events_and_certificates_cannot_be_rewritten),
		T(another_schema_or_another_file_is_not_opened),
		T(two_writers_wait_for_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
