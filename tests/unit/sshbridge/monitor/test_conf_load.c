/* test_conf_load.c - the file of a configuration, and from where its paths begin */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/sshbridge/monitor/conf_help.h"

static char dir[64], old[1024];

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_conf.XXXXXX");
	if (getcwd(old, sizeof(old)) == NULL || mkdtemp(dir) == NULL)
		return -1;
	return chdir(dir);
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink("a.conf");
	(void)unlink("link.conf");
	return chdir(old) == -1 ? -1 : rmdir(dir);
}

static void
put_file(const char *text, mode_t mode)
{
	FILE *fp = fopen("a.conf", "we");

	assert_non_null(fp);
	assert_true(fputs(text, fp) >= 0);
	assert_int_equal(0, fchmod(fileno(fp), mode));
	assert_int_equal(0, fclose(fp));
}

static void
refused_file(const char *path, enum err_kind kind, const char *want)
{
	struct err e = { 0 };
	struct conf *c = conf_load(path, &e);

	if (c != NULL || e.kind != kind || strstr(e.text, want) == NULL) {
		conf_free(c);
		fail_msg("%s: %s, not: %s", path, e.text, want);
	}
}

static void
paths_are_absolute_whatever_name_the_file_has(void **state)
{
	char path[128], want[128];
	const char *names[] = { "a.conf", "./a.conf", path };
	struct err e = { 0 };

	(void)state;
	put_file(LEAST, 0644);
	(void)snprintf(path, sizeof(path), "%s/a.conf", dir);
	for (size_t i = 0; i < 3; i++) {
		struct conf *c = conf_load(names[i], &e);

		if (c == NULL)
			fail_msg("%s: %s", names[i], e.text);
		(void)snprintf(want, sizeof(want), "%s/%sserver.key", dir, i == 1 ? "./" : "");
		assert_string_equal(want, c->key);
		conf_free(c);
	}
}

static void
a_file_that_cannot_be_trusted_is_refused(void **state)
{
	char want[128];

	(void)state;
	refused_file("a.conf", ERR_SYS, "No such file");
	put_file(LEAST, 0664);
	refused_file("a.conf", ERR_FORMAT, "chmod go-w");
	put_file(LEAST, 0644);
	assert_int_equal(0, symlink("a.conf", "link.conf"));
	refused_file("link.conf", ERR_FORMAT, "symbolic link");
	refused_file(".", ERR_FORMAT, "not a regular file");
	put_file(LEAST "workers = 65\n", 0644);
	(void)snprintf(want, sizeof(want), "%s/a.conf:6: workers: ", dir);
	refused_file("a.conf", ERR_FORMAT, want);
	put_file("", 0644);
	refused_file("a.conf", ERR_FORMAT, "cut off");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    paths_are_absolute_whatever_name_the_file_has, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_file_that_cannot_be_trusted_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
