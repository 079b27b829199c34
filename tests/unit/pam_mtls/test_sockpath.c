/* test_sockpath.c - which paths of the daemon's socket are trusted */
#include <fcntl.h>

#include "sockpath.h"
#include "stack.h"

#define ANOTHER 65534

/* dir/a/b/s, where s is a listening socket; all belong to the own uid. */
struct place {
	char dir[64], a[80], b[96], s[112];
	int listener;
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	MUST(p != NULL);
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/sockpath.XXXXXX");
	MUST(mkdtemp(p->dir) != NULL);
	(void)snprintf(p->a, sizeof(p->a), "%s/a", p->dir);
	(void)snprintf(p->b, sizeof(p->b), "%s/b", p->a);
	(void)snprintf(p->s, sizeof(p->s), "%s/s", p->b);
	MUST(mkdir(p->a, 0755) == 0 && mkdir(p->b, 0755) == 0);
	p->listener = fake_listen(p->s, 4);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;

	close(p->listener);
	(void)nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(p);
	return 0;
}

static void
trusted(const char *path, uid_t self)
{
	size_t before = descriptors();
	struct err e = { 0 };
	struct stat st;
	int fd = sockpath_open(path, self, &e);

	if (fd == -1)
		fail_msg("%s: %s", path, e.text);
	assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
	MUST(fstat(fd, &st) == 0);
	assert_true(S_ISSOCK(st.st_mode));
	close(fd);
	assert_int_equal(before, descriptors());
}

/* Refused with these words in its text. */
static void
refused(const char *path, uid_t self, const char *words)
{
	size_t before = descriptors();
	struct err e = { 0 };

	assert_int_equal(-1, sockpath_open(path, self, &e));
	if (strstr(e.text, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, e.text);
	assert_int_equal(before, descriptors());
}

static void
folders_of_ones_own_are_trusted_and_writable_ones_refused(void **state)
{
	static const mode_t bad[] = { 0777, 0757, 0775, 0722, 0733 };
	struct place *p = *state;
	const char *folders[] = { p->dir, p->a, p->b };

	trusted(p->s, geteuid());
	for (size_t i = 0; i < nitems(folders); i++) {
		for (size_t k = 0; k < nitems(bad); k++) {
			MUST(chmod(folders[i], bad[k]) == 0);
			refused(p->s, geteuid(), "writable by others");
		}
		MUST(chmod(folders[i], 0755) == 0);
	}
	trusted(p->s, geteuid());
}

/* rename(2): in a sticky folder an entry goes only by its owner's hand. */
static void
sticky_folder_is_trusted_over_own_entries(void **state)
{
	struct place *p = *state;

	MUST(chmod(p->a, 01777) == 0);
	trusted(p->s, geteuid());
	MUST(chmod(p->a, 01775) == 0);
	trusted(p->s, geteuid());
	if (geteuid() != 0)
		return;
	/* the entry below is another's: he may rename it away and put his own there */
	MUST(chown(p->b, ANOTHER, ANOTHER) == 0);
	refused(p->s, 0, "belongs to uid 65534");
	MUST(chown(p->b, 0, 0) == 0);
	/* the sticky folder is another's: sticky or not, it is his to rearrange */
	MUST(chown(p->a, ANOTHER, ANOTHER) == 0);
	refused(p->s, 0, "belongs to uid 65534");
}

static void
socket_in_a_sticky_folder_has_one_name_only(void **state)
{
	struct place *p = *state;
	char other[130];

	(void)snprintf(other, sizeof(other), "%s2", p->s);
	MUST(chmod(p->b, 01777) == 0);
	trusted(p->s, geteuid());
	MUST(link(p->s, other) == 0);
	refused(p->s, geteuid(), "several names");
	refused(other, geteuid(), "several names");
	/* where only root may write, a second name is root's own doing */
	MUST(chmod(p->b, 0755) == 0);
	trusted(p->s, geteuid());
	MUST(chmod(p->b, 01777) == 0 && unlink(other) == 0);
	trusted(p->s, geteuid());
}

static void
root_and_the_own_uid_are_trusted_and_no_third(void **state)
{
	struct place *p = *state;
	const char *parts[] = { p->dir, p->a, p->b, p->s };

	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < nitems(parts); i++) {
		MUST(chown(parts[i], ANOTHER, ANOTHER) == 0);
		refused(p->s, 0, "belongs to uid 65534");
		refused(p->s, 1000, "belongs to uid 65534");
		trusted(p->s, ANOTHER);
		MUST(chown(parts[i], 0, 0) == 0);
	}
}

static void
no_symbolic_link_is_followed(void **state)
{
	struct place *p = *state;
	char real[130];
	const char *parts[] = { p->s, p->b, p->a };

	for (size_t i = 0; i < nitems(parts); i++) {
		(void)snprintf(real, sizeof(real), "%s.real", parts[i]);
		MUST(rename(parts[i], real) == 0 && symlink(real, parts[i]) == 0);
		refused(p->s, geteuid(), "symbolic link");
		MUST(unlink(parts[i]) == 0 && rename(real, parts[i]) == 0);
		trusted(p->s, geteuid());
	}
	MUST(unlink(p->s) == 0 && symlink("/nowhere", p->s) == 0);
	refused(p->s, geteuid(), "symbolic link");
}

static void
only_a_socket_will_do(void **state)
{
	struct place *p = *state;
	char below[130];

	(void)snprintf(below, sizeof(below), "%s/x", p->s);
	refused(below, geteuid(), "is not a folder");
	refused(p->b, geteuid(), "is not a socket");
	MUST(unlink(p->s) == 0);
	refused(p->s, geteuid(), "No such file");
	MUST(mkfifo(p->s, 0600) == 0); /* and does not block */
	refused(p->s, geteuid(), "is not a socket");
	MUST(unlink(p->s) == 0);
	write_file(p->b, "s", "");
	refused(p->s, geteuid(), "is not a socket");
	refused("/", geteuid(), "not absolute");
	refused("s", geteuid(), "not absolute");
}

/* What was checked is what is connected to, though the path leads elsewhere by then. */
static void
the_inode_that_was_judged_is_the_one_that_is_reached(void **state)
{
	struct place *p = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct err e = { 0 };
	int checked = sockpath_open(p->s, geteuid(), &e), fd, other, conn;

	assert_int_not_equal(-1, checked);
	MUST(unlink(p->s) == 0);
	other = fake_listen(p->s, 4);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/thread-self/fd/%d", checked);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	MUST(connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	MUST(
	    fcntl(p->listener, F_SETFL, O_NONBLOCK) == 0 && fcntl(other, F_SETFL, O_NONBLOCK) == 0);
	assert_int_equal(-1, accept(other, NULL, NULL));
	assert_int_not_equal(-1, conn = accept(p->listener, NULL, NULL));
	close(conn);
	close(fd);
	close(other);
	close(checked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(folders_of_ones_own_are_trusted_and_writable_ones_refused),
		T(sticky_folder_is_trusted_over_own_entries),
		T(socket_in_a_sticky_folder_has_one_name_only),
		T(root_and_the_own_uid_are_trusted_and_no_third),
		T(no_symbolic_link_is_followed),
		T(only_a_socket_will_do),
		T(the_inode_that_was_judged_is_the_one_that_is_reached),
	};

	return cmocka_run_group_tests_name("the path of the daemon's socket", tests, NULL, NULL);
}
