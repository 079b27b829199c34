/* test_unixsock.c - listening Unix sockets: 0600 from the start, published by rename, ours to
 * remove */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "sshbridge/monitor/listeners.h"

struct place {
	char dir[64], path[100];
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/unixsock.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->path, sizeof(p->path), "%s/ident.sock", p->dir);
	*state = p;
	return 0;
}

/* The folder must be empty by now. */
static int
teardown(void **state)
{
	struct place *p = *state;
	int r = rmdir(p->dir);

	if (r == -1)
		print_error("%s is not empty\n", p->dir);
	free(p);
	return r;
}

static struct unixsock *
must_open(const char *path)
{
	struct err e = { 0 };
	struct unixsock *u = unixsock_new(path, &e);

	if (u == NULL)
		fail_msg("%s", e.text);
	return u;
}

static void
must_publish(struct unixsock *u)
{
	struct err e = { 0 };

	if (unixsock_publish(u, &e) == -1)
		fail_msg("%s", e.text);
}

/* 0, or the errno of connect(). */
static int
try_connect(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), r;

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	r = connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 ? 0 : errno;
	close(fd);
	return r;
}

static void
it_appears_only_when_published(void **state)
{
	struct place *p = *state;
	struct unixsock *u = must_open(p->path);
	struct stat st;

	assert_int_equal(ENOENT, try_connect(p->path));
	must_publish(u);
	assert_int_equal(0, try_connect(p->path));
	must_publish(u); /* a second time does nothing */
	assert_int_equal(-1, lstat(u->temp, &st));
	assert_int_equal(FD_CLOEXEC, fcntl(u->fd, F_GETFD));
	assert_true((fcntl(u->fd, F_GETFL) & O_NONBLOCK) != 0);
	unixsock_free(u);
	assert_int_equal(ENOENT, try_connect(p->path));
}

static void
only_its_owner_may_connect_from_the_first_moment(void **state)
{
	struct place *p = *state;
	mode_t mask = umask(0);
	struct unixsock *u = must_open(p->path);
	struct stat st;

	assert_int_equal(0, umask(mask)); /* what it was before the call */
	assert_int_equal(0, lstat(u->temp, &st));
	assert_int_equal(S_IFSOCK | 0600, st.st_mode);
	must_publish(u);
	assert_int_equal(0, lstat(p->path, &st));
	assert_int_equal(S_IFSOCK | 0600, st.st_mode);
	unixsock_free(u);
}

static void
one_that_was_never_published_leaves_nothing(void **state)
{
	struct place *p = *state;

	unixsock_free(must_open(p->path));
	unixsock_free(NULL);
	/* teardown() sees that the folder is empty */
}

static void
a_dead_ones_socket_is_taken_over(void **state)
{
	struct place *p = *state;
	struct unixsock *dead = must_open(p->path), *u;

	must_publish(dead);
	close(dead->fd);
	dead->fd = -1;
	assert_int_equal(ECONNREFUSED, try_connect(p->path));
	u = must_open(p->path);
	assert_int_equal(ECONNREFUSED, try_connect(p->path));
	must_publish(u);
	assert_int_equal(0, try_connect(p->path));
	unixsock_free(dead); /* and its end leaves the new one's alone */
	assert_int_equal(0, try_connect(p->path));
	unixsock_free(u);
}

/* As two instances, with names of their own: the pid is part of the temporary one. */
static void
the_older_one_removes_only_what_is_its_own(void **state)
{
	struct place *p = *state;
	struct unixsock *old = must_open(p->path), *new;
	struct stat st, after;

	must_publish(old);
	new = must_open(p->path);
	must_publish(new);
	assert_int_equal(0, lstat(p->path, &st));
	unixsock_free(old);
	assert_int_equal(0, lstat(p->path, &after));
	assert_true(st.st_ino == after.st_ino);
	assert_int_equal(0, try_connect(p->path));
	unixsock_free(new);
	assert_int_equal(-1, lstat(p->path, &after));
}

static void
a_file_that_somebody_put_there_since_stays(void **state)
{
	struct place *p = *state;
	struct unixsock *u = must_open(p->path);
	struct stat st;
	int fd;

	must_publish(u);
	assert_int_equal(0, unlink(p->path));
	fd = open(p->path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	assert_int_not_equal(-1, fd);
	close(fd);
	unixsock_free(u);
	assert_int_equal(0, lstat(p->path, &st));
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(0, unlink(p->path));
}

static void
a_left_over_temporary_name_does_not_matter(void **state)
{
	struct place *p = *state;
	char temp[128];
	struct unixsock *u;
	int fd;

	(void)snprintf(temp, sizeof(temp), "%s.%d", p->path, (int)getpid());
	fd = open(temp, O_CREAT | O_EXCL | O_WRONLY, 0644);
	assert_int_not_equal(-1, fd);
	close(fd);
	u = must_open(p->path);
	must_publish(u);
	assert_int_equal(0, try_connect(p->path));
	unixsock_free(u);
}

static void
its_folder_is_made_where_it_is_missing_but_no_more(void **state)
{
	struct place *p = *state;
	char folder[80], path[100], deep[120];
	struct err e = { 0 };
	struct stat st;
	mode_t mask = umask(022);
	struct unixsock *u;

	(void)snprintf(folder, sizeof(folder), "%s/run", p->dir);
	(void)snprintf(path, sizeof(path), "%s/x.sock", folder);
	(void)snprintf(deep, sizeof(deep), "%s/a/b/x.sock", p->dir);
	u = must_open(path);
	(void)umask(mask);
	assert_int_equal(0, stat(folder, &st));
	assert_int_equal(S_IFDIR | 0755, st.st_mode);
	unixsock_free(u);
	assert_int_equal(0, rmdir(folder));
	assert_null(unixsock_new(deep, &e));
	assert_int_equal(ERR_SYS, e.kind);
	assert_int_equal(ENOENT, e.detail);
}

static void
a_path_that_is_too_long_is_refused_and_its_neighbour_is_not(void **state)
{
	struct place *p = *state;
	char path[200];
	struct err e = { 0 };
	size_t room = sizeof(((struct unixsock *)0)->temp) - 1;
	char pid[16];
	size_t len = room - (size_t)snprintf(pid, sizeof(pid), ".%d", (int)getpid());
	struct unixsock *u;

	(void)memset(path, 'a', sizeof(path));
	memcpy(path, p->dir, strlen(p->dir));
	path[strlen(p->dir)] = '/';
	path[len] = '\0';
	u = must_open(path);
	must_publish(u);
	assert_int_equal(0, try_connect(path));
	unixsock_free(u);
	path[len] = 'a';
	path[len + 1] = '\0';
	assert_null(unixsock_new(path, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	path[len + 1] = 'a';
	path[sizeof(path) - 1] = '\0';
	assert_null(unixsock_new(path, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
}

/* One of another process: its temporary name is another. */
static struct unixsock *
must_open_elsewhere(const char *path)
{
	struct unixsock *u = must_open(path);
	char temp[sizeof(u->temp)];

	(void)snprintf(temp, sizeof(temp), "%s.0", path);
	assert_int_equal(0, rename(u->temp, temp));
	memcpy(u->temp, temp, sizeof(temp));
	return u;
}

/* Both looked before either was there; with and without one that both of them replace. */
static void
of_two_that_begin_at_once_the_second_is_refused_and_the_first_stays(void **state)
{
	struct place *p = *state;

	for (int with_old = 0; with_old <= 1; with_old++) {
		struct unixsock *old = NULL, *one, *two;
		struct stat st, after;
		struct err e = { 0 };

		if (with_old) {
			old = must_open(p->path);
			must_publish(old);
		}
		one = must_open_elsewhere(p->path);
		two = must_open(p->path);
		must_publish(one);
		assert_int_equal(0, lstat(p->path, &st));
		assert_int_equal(-1, unixsock_publish(two, &e));
		assert_int_equal(ERR_REFUSED, e.kind);
		unixsock_free(two);
		unixsock_free(old);
		assert_int_equal(0, lstat(p->path, &after));
		assert_true(st.st_ino == after.st_ino);
		assert_int_equal(0, try_connect(p->path));
		unixsock_free(one);
	}
}

static void
one_that_ended_after_we_looked_is_no_hindrance(void **state)
{
	struct place *p = *state;
	struct unixsock *old = must_open_elsewhere(p->path), *new;

	must_publish(old);
	new = must_open(p->path);
	unixsock_free(old);
	must_publish(new);
	assert_int_equal(0, try_connect(p->path));
	unixsock_free(new);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_appears_only_when_published),
		TEST(only_its_owner_may_connect_from_the_first_moment),
		TEST(one_that_was_never_published_leaves_nothing),
		TEST(a_dead_ones_socket_is_taken_over),
		TEST(the_older_one_removes_only_what_is_its_own),
		TEST(of_two_that_begin_at_once_the_second_is_refused_and_the_first_stays),
		TEST(one_that_ended_after_we_looked_is_no_hindrance),
		TEST(a_file_that_somebody_put_there_since_stays),
		TEST(a_left_over_temporary_name_does_not_matter),
		TEST(its_folder_is_made_where_it_is_missing_but_no_more),
		TEST(a_path_that_is_too_long_is_refused_and_its_neighbour_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
