/* test_files.c - files judged before they are read, and written by rename */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <openssl/crypto.h>

#include "ca-tools/files.h"
#include "scratch.h"

static struct scratch s;

static int
setup(void **state)
{
	(void)state;
	return scratch_make(&s);
}

static int
teardown(void **state)
{
	(void)state;
	scratch_gone(&s);
	return 0;
}

static void
put(const char *name, const char *text, mode_t mode)
{
	FILE *fp = fopen(scratch_path(&s, name), "w");

	assert_non_null(fp);
	assert_int_equal((int)strlen(text), fprintf(fp, "%s", text));
	assert_int_equal(0, fclose(fp));
	assert_int_equal(0, chmod(scratch_path(&s, name), mode));
}

/* How many names the folder has besides . and .. */
static int
entries(void)
{
	DIR *d = opendir(s.dir);
	int n = -2;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

static int
try(const char *name, size_t max, enum file_care care, struct err *e)
{
	char *data = NULL;
	size_t n = 0;
	int r = infile_read(AT_FDCWD, scratch_path(&s, name), max, care, &data, &n, e);

	if (r == 0) {
		assert_int_equal('\0', data[n]);
		OPENSSL_clear_free(data, n);
	}
	return r;
}

static void
size_is_held_to_the_byte(void **state)
{
	struct err e;

	(void)state;
	put("f", "0123456789", 0600);
	assert_int_equal(0, try("f", 10, FILE_SECRET, &e));
	assert_int_equal(-1, try("f", 9, FILE_SECRET, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	put("empty", "", 0600);
	assert_int_equal(0, try("empty", 9, FILE_ANY, &e));
	/* a device has no size beforehand and no end */
	assert_int_equal(-1, try("../../dev/zero", 5000, FILE_ANY, &e));
	assert_non_null(strstr(e.text, "more than 5000 bytes"));
}

static void
a_secret_is_ours_alone(void **state)
{
	static const mode_t open_modes[] = { 0604, 0640, 0602, 0620, 0601, 0610 };
	struct err e;

	(void)state;
	put("f", "x", 0600);
	assert_int_equal(0, try("f", 9, FILE_SECRET, &e));
	assert_int_equal(0, chmod(scratch_path(&s, "f"), 0400));
	assert_int_equal(0, try("f", 9, FILE_SECRET, &e));
	for (size_t i = 0; i < sizeof(open_modes) / sizeof(open_modes[0]); i++) {
		assert_int_equal(0, chmod(scratch_path(&s, "f"), open_modes[i]));
		assert_int_equal(-1, try("f", 9, FILE_SECRET, &e));
		assert_int_equal(ERR_FORMAT, e.kind);
	}
	assert_int_equal(0, chmod(scratch_path(&s, "f"), 0644));
	assert_int_equal(0, try("f", 9, FILE_OWN, &e));
	assert_int_equal(0, chmod(scratch_path(&s, "f"), 0664));
	assert_int_equal(-1, try("f", 9, FILE_OWN, &e));
	assert_int_equal(0, try("f", 9, FILE_ANY, &e));
	if (geteuid() == 0) {
		put("theirs", "x", 0600);
		assert_int_equal(0, chown(scratch_path(&s, "theirs"), 65534, 65534));
		assert_int_equal(-1, try("theirs", 9, FILE_SECRET, &e));
		assert_non_null(strstr(e.text, "belongs to uid 65534"));
	}
}

static void
a_secret_is_no_link_no_pipe_no_folder(void **state)
{
	struct err e;

	(void)state;
	put("f", "x", 0600);
	assert_int_equal(0, symlink("f", scratch_path(&s, "link")));
	assert_int_equal(-1, try("link", 9, FILE_SECRET, &e));
	assert_int_equal(ELOOP, e.detail);
	assert_int_equal(0, try("link", 9, FILE_ANY, &e));
	assert_int_equal(0, mkfifo(scratch_path(&s, "pipe"), 0600));
	assert_int_equal(-1, try("pipe", 9, FILE_SECRET, &e)); /* and does not wait for a writer */
	assert_int_equal(-1, try(".", 9, FILE_ANY, &e));
	assert_int_equal(-1, try("none", 9, FILE_SECRET, &e));
	assert_int_equal(ENOENT, e.detail);
}

static void
what_is_written_has_its_mode_and_leaves_nothing_beside(void **state)
{
	struct stat st;
	struct err e;

	(void)state;
	(void)umask(077);
	assert_int_equal(0, outfile_write(scratch_path(&s, "k"), 0600, "key", 3, &e));
	assert_int_equal(0, stat(scratch_path(&s, "k"), &st));
	assert_int_equal(0600, st.st_mode & 07777);
	assert_int_equal(3, st.st_size);
	assert_int_equal(0, outfile_write(scratch_path(&s, "k"), 0644, "longer", 6, &e));
	assert_int_equal(0, stat(scratch_path(&s, "k"), &st));
	assert_int_equal(0644, st.st_mode & 07777);
	assert_int_equal(6, st.st_size);
	assert_int_equal(1, entries());
}

static void
before_the_commit_the_old_file_stands(void **state)
{
	struct outfile o;
	struct stat st;
	struct err e;

	(void)state;
	put("k", "old", 0600);
	assert_int_equal(0, outfile_prepare(&o, scratch_path(&s, "k"), 0600, "newer", 5, &e));
	assert_int_equal(2, entries());
	assert_int_equal(0, stat(scratch_path(&s, "k"), &st));
	assert_int_equal(3, st.st_size);
	outfile_discard(&o);
	outfile_discard(&o);
	assert_int_equal(1, entries());
	assert_int_equal(0, outfile_prepare(&o, scratch_path(&s, "k"), 0600, "newer", 5, &e));
	assert_int_equal(0, outfile_commit(&o, &e));
	assert_int_equal(0, stat(scratch_path(&s, "k"), &st));
	assert_int_equal(5, st.st_size);
	assert_int_equal(1, entries());
}

static void
a_link_a_device_or_a_folder_is_not_replaced(void **state)
{
	struct err e;

	(void)state;
	put("f", "x", 0600);
	assert_int_equal(0, symlink("f", scratch_path(&s, "link")));
	assert_int_equal(-1, outfile_write(scratch_path(&s, "link"), 0600, "y", 1, &e));
	assert_int_equal(0, mkfifo(scratch_path(&s, "pipe"), 0600));
	assert_int_equal(-1, outfile_write(scratch_path(&s, "pipe"), 0600, "y", 1, &e));
	assert_int_equal(0, mkdir(scratch_path(&s, "dir"), 0700));
	assert_int_equal(-1, outfile_write(scratch_path(&s, "dir"), 0600, "y", 1, &e));
	assert_int_equal(-1, outfile_write(scratch_path(&s, "dir/"), 0600, "y", 1, &e));
	assert_int_equal(-1, outfile_write(scratch_path(&s, "none/f"), 0600, "y", 1, &e));
	assert_int_equal(4, entries());
}

static void
a_folder_that_others_may_write_is_refused(void **state)
{
	struct err e;
	int fd;

	(void)state;
	assert_int_equal(0, chmod(s.dir, 0755));
	assert_true((fd = folder_open(s.dir, &e)) >= 0);
	(void)close(fd);
	assert_int_equal(0, chmod(s.dir, 0770));
	assert_int_equal(-1, folder_open(s.dir, &e));
	assert_int_equal(0, chmod(s.dir, 01777));
	assert_int_equal(-1, folder_open(s.dir, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_int_equal(0, chmod(s.dir, 0700));
	if (geteuid() == 0) {
		assert_int_equal(0, chown(s.dir, 65534, 65534));
		assert_int_equal(-1, folder_open(s.dir, &e));
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(size_is_held_to_the_byte),
		T(a_secret_is_ours_alone),
		T(a_secret_is_no_link_no_pipe_no_folder),
		T(what_is_written_has_its_mode_and_leaves_nothing_beside),
		T(before_the_commit_the_old_file_stands),
		T(a_link_a_device_or_a_folder_is_not_replaced),
		T(a_folder_that_others_may_write_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
