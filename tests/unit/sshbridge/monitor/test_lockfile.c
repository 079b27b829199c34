/* test_lockfile.c - the file of locks: whole or not at all, and nobody else's */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sshbridge/monitor/lockfile.h"

#define ALICE "corp/email:alice@corp.example"

struct place {
	char dir[64], path[96], temp[104];
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/lockfile.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->path, sizeof(p->path), "%s/deep/locks", p->dir);
	(void)snprintf(p->temp, sizeof(p->temp), "%s.new", p->path);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	char deep[80];

	(void)unlink(p->path);
	(void)rmdir(p->path);
	(void)unlink(p->temp);
	(void)rmdir(p->temp);
	(void)snprintf(deep, sizeof(deep), "%s/deep", p->dir);
	(void)rmdir(deep);
	assert_int_equal(0, rmdir(p->dir));
	free(p);
	return 0;
}

static void
put(const struct place *p, const char *text, size_t n, mode_t mode)
{
	int fd;

	(void)unlink(p->path);
	fd = open(p->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_not_equal(-1, fd);
	assert_int_equal(n, write(fd, text, n));
	assert_int_equal(0, fchmod(fd, mode));
	close(fd);
}

static void
write_one(const struct place *p)
{
	struct lockset s = { 0 };
	struct err e;

	assert_int_equal(1, lockset_add(&s, ALICE, "why", 5, &e));
	assert_int_equal(0, lockfile_write(p->path, &s, &e));
	lockset_done(&s);
}

static void
a_file_that_is_not_there_is_empty(void **state)
{
	struct place *p = *state;
	struct lockset s;
	struct err e;

	assert_int_equal(0, lockfile_read(p->path, &s, &e));
	assert_int_equal(0, s.n);
}

static void
what_was_written_is_read_and_nobody_elses(void **state)
{
	struct place *p = *state;
	struct lockset s;
	struct stat st;
	struct err e;
	mode_t mask = umask(0);

	write_one(p);
	(void)umask(mask);
	assert_int_equal(0, stat(p->path, &st));
	assert_int_equal(0600, st.st_mode & 07777);
	assert_int_equal(-1, stat(p->temp, &st));
	assert_int_equal(0, lockfile_read(p->path, &s, &e));
	assert_int_equal(1, s.n);
	assert_string_equal("why", lockset_find(&s, ALICE)->reason);
	lockset_done(&s);
}

static void
one_that_others_may_read_or_write_is_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0660, 0602 };
	struct place *p = *state;
	struct lockset s;
	struct err e;

	write_one(p);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(0, chmod(p->path, modes[i]));
		assert_int_equal(-1, lockfile_read(p->path, &s, &e));
		assert_int_equal(ERR_FORMAT, e.kind);
	}
	assert_int_equal(0, chmod(p->path, 0400));
	assert_int_equal(0, lockfile_read(p->path, &s, &e));
	lockset_done(&s);
}

static void
one_that_is_cut_anywhere_is_refused_by_its_name(void **state)
{
	struct place *p = *state;
	char text[256];
	struct lockset s;
	struct err e;
	ssize_t n;
	int fd;

	write_one(p);
	fd = open(p->path, O_RDONLY);
	n = read(fd, text, sizeof(text));
	close(fd);
	assert_true(n > 40);
	for (size_t i = 0; i < (size_t)n; i++) {
		put(p, text, i, 0600);
		assert_int_equal(-1, lockfile_read(p->path, &s, &e));
		assert_int_equal(0, strncmp(e.text, "locks: ", 7));
		assert_non_null(strstr(e.text, p->path));
	}
	put(p, text, (size_t)n, 0600);
	assert_int_equal(0, lockfile_read(p->path, &s, &e));
	lockset_done(&s);
}

static void
a_folder_a_link_or_a_fifo_is_refused(void **state)
{
	struct place *p = *state;
	struct lockset s;
	struct err e;

	write_one(p);
	assert_int_equal(0, rename(p->path, p->temp));
	assert_int_equal(0, symlink(p->temp, p->path));
	assert_int_equal(-1, lockfile_read(p->path, &s, &e));
	assert_int_equal(0, unlink(p->path));
	assert_int_equal(0, mkfifo(p->path, 0600));
	assert_int_equal(-1, lockfile_read(p->path, &s, &e));
	assert_int_equal(0, unlink(p->path));
	assert_int_equal(0, mkdir(p->path, 0700));
	assert_int_equal(-1, lockfile_read(p->path, &s, &e));
}

static void
what_cannot_be_written_leaves_the_old_one(void **state)
{
	struct place *p = *state;
	struct lockset s = { 0 };
	struct err e;

	write_one(p);
	assert_int_equal(0, mkdir(p->temp, 0700));
	assert_int_equal(-1, lockfile_write(p->path, &s, &e));
	assert_int_equal(ERR_SYS, e.kind);
	assert_int_equal(0, lockfile_read(p->path, &s, &e));
	assert_int_equal(1, s.n);
	lockset_done(&s);
	assert_int_equal(0, rmdir(p->temp));
	/* what a crash left half-written is in nobody's way */
	close(open(p->temp, O_WRONLY | O_CREAT, 0644));
	assert_int_equal(0, lockfile_write(p->path, &s, &e));
	assert_int_equal(0, lockfile_read(p->path, &s, &e));
	assert_int_equal(0, s.n);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_file_that_is_not_there_is_empty),
		T(what_was_written_is_read_and_nobody_elses),
		T(one_that_others_may_read_or_write_is_refused),
		T(one_that_is_cut_anywhere_is_refused_by_its_name),
		T(a_folder_a_link_or_a_fifo_is_refused),
		T(what_cannot_be_written_leaves_the_old_one),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
