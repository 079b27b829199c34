/* test_file.c - a file is judged before it is read, and taken only whole */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "file.h"

static const struct file_rules open_to_all = { .max = 100 };
static const struct file_rules secret = { .max = 100, .private = true };

static char dir[64];

static char *
path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* A file of `n` bytes with `mode`. */
static char *
make(const char *name, size_t n, mode_t mode)
{
	char *path = path_of(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd != -1);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(1, write(fd, "x", 1));
	assert_int_equal(0, fchmod(fd, mode));
	assert_int_equal(0, close(fd));
	return path;
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_file.XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "f", "link", "fifo", "loop" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(path_of(names[i]));
	return rmdir(dir);
}

static void
opened(const char *path, const struct file_rules *r)
{
	struct err e = { 0 };
	int fd = file_open(path, r, &e);

	if (fd == -1)
		fail_msg("refused: %s", e.text);
	assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
	assert_int_equal(0, close(fd));
}

static void
refused(const char *path, const struct file_rules *r, enum err_kind kind, const char *want)
{
	struct err e = { 0 };
	int fd = file_open(path, r, &e);

	if (fd != -1)
		fail_msg("opened: %s, not: %s", path, want);
	if (strncmp(e.text, path, strlen(path)) != 0 || strstr(e.text, want) == NULL)
		fail_msg("%s: %s, not: %s", path, e.text, want);
	assert_int_equal(kind, e.kind);
}

static void
a_file_that_others_may_write_is_refused(void **state)
{
	(void)state;
	opened(make("f", 1, 0644), &open_to_all);
	opened(make("f", 1, 0755), &open_to_all);
	opened(make("f", 1, 0400), &open_to_all);
	refused(make("f", 1, 0664), &open_to_all, ERR_FORMAT, "chmod go-w");
	refused(make("f", 1, 0646), &open_to_all, ERR_FORMAT, "mode 0646");
}

static void
what_is_appended_to_is_made_judged_and_never_rewritten(void **state)
{
	char *path = strdup(path_of("f"));
	struct err e = { 0 };
	struct stat st;
	int fd = file_open_append(path, &e);

	(void)state;
	assert_true(fd != -1);
	assert_int_equal(0, fstat(fd, &st));
	assert_int_equal(0600, st.st_mode & 07777);
	assert_int_equal(5, write(fd, "first", 5));
	close(fd);
	fd = file_open_append(path, &e);
	assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
	assert_int_equal(6, write(fd, "second", 6));
	assert_int_equal(1, pwrite(fd, "x", 1, 0)); /* O_APPEND: at the end too */
	assert_int_equal(0, fstat(fd, &st));
	assert_int_equal(12, st.st_size);
	close(fd);
	assert_int_equal(0, chmod(path, 0640));
	assert_true((fd = file_open_append(path, &e)) != -1);
	close(fd);
	assert_int_equal(0, chmod(path, 0660));
	assert_int_equal(-1, file_open_append(path, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_int_equal(0, symlink(path, path_of("link")));
	assert_int_equal(-1, file_open_append(path_of("link"), &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_int_equal(-1, file_open_append("/dev/null", &e));
	assert_non_null(strstr(e.text, "not a regular file"));
	free(path);
}

static void
a_secret_that_others_may_read_is_refused(void **state)
{
	static const mode_t bad[] = { 0640, 0604, 0644, 0610, 0601, 0620 };

	(void)state;
	opened(make("f", 1, 0600), &secret);
	opened(make("f", 1, 0400), &secret);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(make("f", 1, bad[i]), &secret, ERR_FORMAT, "chmod ");
	refused(make("f", 1, 0640), &secret, ERR_FORMAT, "chmod 600");
}

static void
a_file_of_another_user_is_refused(void **state)
{
	char *path = make("f", 1, 0600);

	(void)state;
	if (geteuid() != 0)
		skip();
	opened(path, &open_to_all);
	assert_int_equal(0, chown(path, 65534, 0));
	refused(path, &open_to_all, ERR_FORMAT, "belongs to uid 65534, must belong to root: chown");
	/* the own user's file is good for a process without root, and root's is too */
	assert_int_equal(0, chmod(dir, 0755));
	assert_int_equal(0, seteuid(65534));
	opened(path, &secret);
	opened("/etc/passwd", &(const struct file_rules){ .max = 1 << 20 });
	assert_int_equal(0, seteuid(0));
	assert_int_equal(0, chown(path, 1, 0));
	assert_int_equal(0, chmod(path, 0644));
	assert_int_equal(0, seteuid(65534));
	refused(path, &open_to_all, ERR_FORMAT, "or to the user who runs this");
	assert_int_equal(0, seteuid(0));
}

static void
only_a_regular_file_is_opened_and_nothing_hangs(void **state)
{
	char link[128];

	(void)state;
	assert_int_equal(0, mkfifo(path_of("fifo"), 0600));
	refused(path_of("fifo"), &open_to_all, ERR_FORMAT, "not a regular file");
	refused(dir, &open_to_all, ERR_FORMAT, "not a regular file");
	refused("/dev/null", &open_to_all, ERR_FORMAT, "not a regular file");
	refused(path_of("none"), &open_to_all, ERR_SYS, "No such file");
	make("f", 1, 0600);
	(void)snprintf(link, sizeof(link), "%s", path_of("link"));
	assert_int_equal(0, symlink("f", link));
	refused(
	    link, &open_to_all, ERR_FORMAT, "symbolic link, which is not followed: name the file");
}

static void
size_is_held_on_the_byte(void **state)
{
	(void)state;
	opened(make("f", 0, 0600), &open_to_all);
	opened(make("f", 100, 0600), &open_to_all);
	refused(make("f", 101, 0600), &open_to_all, ERR_FORMAT, "101 bytes, allowed: at most 100");
}

static void
the_whole_file_is_read_whatever_the_offset(void **state)
{
	int fd = open(make("f", 77, 0600), O_RDONLY | O_CLOEXEC);
	struct err e = { 0 };
	uint8_t *p = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(50, lseek(fd, 50, SEEK_SET));
	assert_int_equal(0, file_read(fd, "f", 77, &p, &n, &e));
	assert_int_equal(77, n);
	assert_int_equal('x', p[0]);
	assert_int_equal('x', p[76]);
	assert_int_equal(0, p[77]);
	assert_int_equal(50, lseek(fd, 0, SEEK_CUR));
	free(p);
	p = NULL;
	assert_int_equal(-1, file_read(fd, "f", 76, &p, &n, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_null(p);
	assert_int_equal(0, close(fd));

	fd = open(make("f", 0, 0600), O_RDONLY | O_CLOEXEC);
	assert_int_equal(0, file_read(fd, "f", 76, &p, &n, &e));
	assert_int_equal(0, n);
	free(p);
	assert_int_equal(0, close(fd));
}

static void
what_cannot_be_read_says_why(void **state)
{
	int fd = open(make("f", 5, 0600), O_WRONLY | O_CLOEXEC), pair[2];
	struct err e = { 0 };
	uint8_t *p = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(-1, file_read(fd, "f", 10, &p, &n, &e));
	assert_int_equal(ERR_SYS, e.kind);
	assert_int_equal(EBADF, e.detail);
	assert_int_equal(0, close(fd));
	assert_int_equal(-1, file_read(fd, "f", 10, &p, &n, &e));
	assert_int_equal(ERR_SYS, e.kind);
	assert_int_equal(0, pipe2(pair, O_CLOEXEC));
	assert_int_equal(-1, file_read(pair[0], "f", 10, &p, &n, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_int_equal(0, close(pair[0]) | close(pair[1]));
	assert_null(p);
}

/* More comes than fstat() told, as when a file grows under the reader: /proc always says 0. */
static void
a_file_that_grew_while_it_was_read_is_refused(void **state)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	struct err e = { 0 };
	uint8_t *p = NULL;
	size_t n = 0;

	(void)state;
	assert_true(fd != -1);
	assert_int_equal(-1, file_read(fd, "status", 1 << 20, &p, &n, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_non_null(strstr(e.text, "changed while it was read"));
	assert_null(p);
	assert_int_equal(0, close(fd));
}

static atomic_bool stop;

/* Writes the same bytes over and over: only the times tell. */
static void *
overwrite(void *arg)
{
	int fd = *(int *)arg;

	while (!atomic_load(&stop))
		if (pwrite(fd, "y", 1, 0) != 1)
			abort();
	return NULL;
}

static void
a_file_that_is_written_while_it_is_read_is_refused(void **state)
{
	const size_t size = 8 << 20;
	int fd = open(make("f", 0, 0600), O_RDWR | O_CLOEXEC);
	struct err e = { 0 };
	uint8_t *p = NULL;
	size_t n = 0;
	pthread_t t;
	int rc = 0;

	(void)state;
	assert_int_equal(0, ftruncate(fd, (off_t)size));
	assert_int_equal(0, file_read(fd, "f", size, &p, &n, &e));
	free(p);
	p = NULL;
	atomic_store(&stop, false);
	assert_int_equal(0, pthread_create(&t, NULL, overwrite, &fd));
	/* The reader may be through before the writer runs for the first time: try again. */
	for (int i = 0; i < 1000 && rc == 0; i++) {
		rc = file_read(fd, "f", size, &p, &n, &e);
		if (rc == 0)
			free(p);
		p = NULL;
	}
	atomic_store(&stop, true);
	assert_int_equal(0, pthread_join(t, NULL));
	assert_int_equal(-1, rc);
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_non_null(strstr(e.text, "changed while it was read"));
	assert_int_equal(0, close(fd));
}

static void
two_looks_differ_in_size_and_each_time(void **state)
{
	struct stat a = { .st_ino = 1, .st_size = 5, .st_mtim = { 7, 8 }, .st_ctim = { 9, 10 } }, b;

	(void)state;
	b = a;
	assert_true(file_same(&a, &b));
	b.st_atim.tv_sec = 99; /* reading changes it */
	assert_true(file_same(&a, &b));
	b = a, b.st_size++;
	assert_false(file_same(&a, &b));
	b = a, b.st_ino++;
	assert_false(file_same(&a, &b));
	b = a, b.st_dev++;
	assert_false(file_same(&a, &b));
	b = a, b.st_mtim.tv_sec++;
	assert_false(file_same(&a, &b));
	b = a, b.st_mtim.tv_nsec++;
	assert_false(file_same(&a, &b));
	b = a, b.st_ctim.tv_sec++;
	assert_false(file_same(&a, &b));
	b = a, b.st_ctim.tv_nsec++;
	assert_false(file_same(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_is_appended_to_is_made_judged_and_never_rewritten, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_file_that_others_may_write_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_secret_that_others_may_read_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_of_another_user_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    only_a_regular_file_is_opened_and_nothing_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(size_is_held_on_the_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_whole_file_is_read_whatever_the_offset, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_says_why, setup, teardown),
		cmocka_unit_test(a_file_that_grew_while_it_was_read_is_refused),
		cmocka_unit_test_setup_teardown(
		    a_file_that_is_written_while_it_is_read_is_refused, setup, teardown),
		cmocka_unit_test(two_looks_differ_in_size_and_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
