/* test_crlfiles.c - which files a configuration's `crl` names, and whether they have changed */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sshbridge/monitor/crlfiles.h"

static char folder[64];
static char named[128], inside[128];
static struct conf conf;
static char *paths[2] = { named, inside };

static void
put(const char *name, const char *text)
{
	char path[256], temporary[256];
	FILE *fp;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	(void)snprintf(temporary, sizeof(temporary), "%s/temporary", folder);
	assert_non_null(fp = fopen(temporary, "w"));
	assert_true(fputs(text, fp) >= 0);
	assert_int_equal(0, fclose(fp));
	assert_int_equal(0, rename(temporary, path));
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/crlfiles-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(named, sizeof(named), "%s/named.pem", folder);
	(void)snprintf(inside, sizeof(inside), "%s/crl.d", folder);
	assert_int_equal(0, mkdir(inside, 0755));
	conf.settings.nsections = 1;
	conf.trust[0].crls.v = paths;
	conf.trust[0].crls.n = 2;
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void
a_folder_is_its_regular_files_with_the_right_endings_sorted(void **state)
{
	static const char *const want[] = { "a.der", "b.crl", "c.pem", "z.pem" };
	struct crlfiles f = { .v = NULL };
	struct err e = { 0 };
	char path[256];

	(void)state;
	put("crl.d/z.pem", "z");
	put("crl.d/b.crl", "b");
	put("crl.d/a.der", "a");
	put("crl.d/c.pem", "c");
	put("crl.d/.d.pem", "hidden");
	put("crl.d/e.txt", "other");
	put("crl.d/pem", "other");
	put("crl.d/.pem", "other");
	put("crl.d/f.pem.new", "other");
	(void)snprintf(path, sizeof(path), "%s/g.pem", inside);
	assert_int_equal(0, mkdir(path, 0755));
	(void)snprintf(path, sizeof(path), "%s/h.pem", inside);
	assert_int_equal(0, symlink("c.pem", path));
	(void)snprintf(path, sizeof(path), "%s/i.pem", inside);
	assert_int_equal(0, mkfifo(path, 0644));
	assert_int_equal(0, crlfiles_scan(&conf, &f, &e));
	assert_int_equal(5, f.n);
	assert_true(f.v[0].named && !f.v[0].there); /* a named one need not be there */
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(want[i], strrchr(f.v[i + 1].path, '/') + 1);
		assert_true(!f.v[i + 1].named && f.v[i + 1].there);
	}
	crlfiles_done(&f);
}

static void
each_kind_of_change_is_seen_and_none_where_there_was_none(void **state)
{
	struct crlfiles a = { .v = NULL }, b = { .v = NULL };
	struct err e = { 0 };
	char path[256];

	(void)state;
	put("named.pem", "1");
	put("crl.d/a.pem", "1");
	assert_int_equal(0, crlfiles_scan(&conf, &a, &e));
	assert_int_equal(0, crlfiles_scan(&conf, &b, &e));
	assert_true(crlfiles_same(&a, &b));
	assert_true(crlfile_same(&a.v[0], crlfiles_find(&b, &a.v[0])));
	put("named.pem", "1"); /* the same text, another file */
	assert_int_equal(0, crlfiles_scan(&conf, &b, &e));
	assert_false(crlfiles_same(&a, &b));
	assert_false(crlfile_same(&a.v[0], crlfiles_find(&b, &a.v[0])));
	assert_true(crlfile_same(&a.v[1], crlfiles_find(&b, &a.v[1])));
	assert_int_equal(0, crlfiles_scan(&conf, &a, &e));
	put("crl.d/b.pem", "1");
	assert_int_equal(0, crlfiles_scan(&conf, &b, &e));
	assert_false(crlfiles_same(&a, &b));
	assert_null(crlfiles_find(&a, &b.v[2]));
	(void)snprintf(path, sizeof(path), "%s/b.pem", inside);
	assert_int_equal(0, unlink(path));
	assert_int_equal(0, crlfiles_scan(&conf, &b, &e));
	assert_true(crlfiles_same(&a, &b));
	assert_int_equal(0, chmod(named, 0666));
	assert_int_equal(0, crlfiles_scan(&conf, &b, &e));
	assert_false(crlfiles_same(&a, &b));
	assert_int_equal(0, unlink(named));
	assert_int_equal(0, crlfiles_scan(&conf, &b, &e));
	assert_false(crlfiles_same(&a, &b));
	crlfiles_done(&a);
	crlfiles_done(&b);
}

/* Each would be kept for the other, and so be twice as many after every change. */
static void
a_file_that_is_named_twice_comes_once(void **state)
{
	static char twin[256];
	static char *const before[] = { named, inside };
	struct crlfiles f = { .v = NULL };
	struct err e = { 0 };

	(void)state;
	(void)snprintf(twin, sizeof(twin), "%s/a.pem", inside);
	put("crl.d/a.pem", "1");
	for (int i = 0; i < 2; i++) {
		paths[i] = twin;
		paths[1 - i] = inside;
		assert_int_equal(0, crlfiles_scan(&conf, &f, &e));
		assert_int_equal(1, f.n);
		assert_true(f.v[0].named && f.v[0].there);
	}
	memcpy(paths, before, sizeof(before));
	crlfiles_done(&f);
}

static void
a_folder_that_others_write_or_that_is_too_full_is_refused(void **state)
{
	struct crlfiles f = { .v = NULL };
	struct err e = { 0 };
	char name[32];

	(void)state;
	assert_int_equal(0, chmod(inside, 0775));
	assert_int_equal(-1, crlfiles_scan(&conf, &f, &e));
	assert_non_null(strstr(e.text, "chmod go-w"));
	assert_int_equal(0, chmod(inside, 0755));
	for (int i = 0; i < CRLFILES_FOLDER_MAX; i++) {
		(void)snprintf(name, sizeof(name), "crl.d/%d.pem", i);
		put(name, "x");
	}
	assert_int_equal(0, crlfiles_scan(&conf, &f, &e));
	assert_int_equal(CRLFILES_FOLDER_MAX + 1, f.n);
	put("crl.d/more.pem", "x");
	assert_int_equal(-1, crlfiles_scan(&conf, &f, &e));
	assert_non_null(strstr(e.text, "more than 256 files"));
	/* and what was there before is as it was */
	assert_int_equal(CRLFILES_FOLDER_MAX + 1, f.n);
	crlfiles_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_folder_is_its_regular_files_with_the_right_endings_sorted, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    each_kind_of_change_is_seen_and_none_where_there_was_none, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_file_that_is_named_twice_comes_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_folder_that_others_write_or_that_is_too_full_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
