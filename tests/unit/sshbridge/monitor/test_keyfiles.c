/* test_keyfiles.c - files of authorized keys and host keys as the monitor reads them */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authkeys.h"
#include "sshbridge/monitor/hostkeys.h"
#include "sshbridge/monitor/keyfiles.h"
#include "tests/unit/sshbridge/monitor/conf_help.h"

static char dir[] = "/tmp/test_keyfiles.XXXXXX";

static void
write_file(const char *name, const char *text, mode_t mode)
{
	char path[200];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_not_equal(-1, fd);
	assert_int_equal((ssize_t)strlen(text), write(fd, text, strlen(text)));
	assert_int_equal(0, fchmod(fd, mode));
	assert_int_equal(0, close(fd));
}

static int
setup(void **state)
{
	char path[200];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/keys", dir);
	return mkdir(path, 0755);
}

static int
teardown(void **state)
{
	char command[200];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? 0 : -1;
}

/* A configuration with one jump target that has `options`, in `dir`. */
static struct conf *
conf_of(const char *options)
{
	char text[1000], path[200];
	struct err e;
	struct conf *c;

	(void)snprintf(text, sizeof(text),
	    LISTEN TLS TRUST MAP "target \"first\" { address = \"127.0.0.1:22\" }\n"
				 "target \"jump\" { mode = \"jump\" %s }\n",
	    options);
	(void)snprintf(path, sizeof(path), "%s/sshbridge.conf", dir);
	if ((c = conf_parse(path, (const uint8_t *)text, strlen(text), &e)) == NULL)
		fail_msg("%s", e.text);
	return c;
}

static char skipped[4000];
static void
leave_out(void *arg, const char *why)
{
	(void)arg;
	(void)snprintf(skipped + strlen(skipped), sizeof(skipped) - strlen(skipped), "%s\n", why);
}

/* "TARGET NAME TEXT;" of each record. */
static void
seal(char *got, size_t size)
{
	struct conf *c = conf_of("host-keys = {\"k\"} authorized-keys = \"keys/%u\"");
	struct err e = { 0 };
	struct sealed s;
	struct record r;
	size_t pos = 0;
	int fd;

	skipped[0] = got[0] = '\0';
	if ((fd = keyfiles_seal(c, leave_out, NULL, &e)) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(0, sealed_map(fd, AUTHKEYS_TEXT_MAX, &s, &e));
	while (records_next(&s, &pos, &r, &e) == 1) {
		const char *path = (const char *)r.p;
		size_t head = strlen(path) + 1;

		assert_int_equal(RECORD_AUTHFILE, r.kind);
		(void)snprintf(got + strlen(got), size - strlen(got), "%u %s %.*s;", r.section,
		    strrchr(path, '/') + 1, (int)(r.n - head), path + head);
	}
	sealed_unmap(&s);
	close(fd);
	conf_free(c);
}

static void
each_file_of_the_folder_comes_whole_and_in_order(void **state)
{
	char got[1000];

	(void)state;
	write_file("keys/bob", "B", 0644);
	write_file("keys/alice", "A\n", 0600);
	write_file("keys/empty", "", 0644);
	write_file("keys/.alice.swp", "no", 0644);
	seal(got, sizeof(got));
	assert_string_equal("1 alice A\n;1 bob B;1 empty ;", got);
	assert_string_equal("", skipped);
}

static void
a_file_that_is_none_is_left_out_and_named(void **state)
{
	static const char *const names[] = { "alice~", "a b", "dave.rpmsave@x" };
	char got[1000], path[200], to[200];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "keys/%s", names[i]);
		write_file(path, "x", 0644);
	}
	write_file("keys/group", "x", 0664);
	write_file("keys/others", "x", 0646);
	(void)snprintf(path, sizeof(path), "%s/keys/folder", dir);
	assert_int_equal(0, mkdir(path, 0755));
	(void)snprintf(path, sizeof(path), "%s/keys/link", dir);
	(void)snprintf(to, sizeof(to), "%s/keys/alice", dir);
	assert_int_equal(0, symlink(to, path));
	(void)snprintf(path, sizeof(path), "%s/keys/fifo", dir);
	assert_int_equal(0, mkfifo(path, 0600));
	seal(got, sizeof(got));
	assert_string_equal("1 alice A\n;1 bob B;1 empty ;", got);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "/keys/%s: no account can be called so", names[i]);
		assert_non_null(strstr(skipped, path));
	}
	assert_non_null(strstr(skipped, "/keys/group"));
	assert_non_null(strstr(skipped, "/keys/others"));
	assert_non_null(strstr(skipped, "/keys/folder"));
	assert_non_null(strstr(skipped, "/keys/link"));
	assert_non_null(strstr(skipped, "/keys/fifo"));
	assert_null(strstr(skipped, "/keys/alice:"));
}

static void
a_folder_where_nobody_looks_is_not_read(void **state)
{
	struct conf *c = conf_of("host-keys = {\"k\"} authorized-keys = \"none/%u\" "
				 "ssh-keys = \"certificate\"");
	struct sealed s;
	struct err e;
	int fd = keyfiles_seal(c, leave_out, NULL, &e);

	(void)state;
	assert_int_not_equal(-1, fd);
	assert_int_equal(0, sealed_map(fd, AUTHKEYS_TEXT_MAX, &s, &e));
	assert_int_equal(0, s.n);
	close(fd);
	conf_free(c);
}

static void
a_file_of_more_than_256_KiB_is_left_out(void **state)
{
	char got[1000], *big = malloc(AUTHKEYS_FILE_MAX + 2);

	(void)state;
	assert_non_null(big);
	memset(big, '\n', AUTHKEYS_FILE_MAX + 1);
	big[AUTHKEYS_FILE_MAX + 1] = '\0';
	write_file("keys/big", big, 0644);
	seal(got, sizeof(got));
	assert_null(strstr(got, "big"));
	assert_non_null(strstr(skipped, "/keys/big"));
	free(big);
}

static void
refused_folder(const char *options, const char *why)
{
	struct conf *c = conf_of(options);
	struct err e = { 0 };

	assert_int_equal(-1, keyfiles_seal(c, leave_out, NULL, &e));
	if (strstr(e.text, why) == NULL)
		fail_msg("%s", e.text);
	conf_free(c);
}

static void
a_folder_that_others_write_or_that_is_none_is_refused(void **state)
{
	char path[200];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/open", dir);
	assert_int_equal(0, mkdir(path, 0755));
	refused_folder("host-keys = {\"k\"} authorized-keys = \"none/%u\"", "No such file");
	write_file("file", "x", 0644);
	refused_folder("host-keys = {\"k\"} authorized-keys = \"file/%u\"", "Not a directory");
	assert_int_equal(0, chmod(path, 0775));
	refused_folder("host-keys = {\"k\"} authorized-keys = \"open/%u\"",
	    "must belong to root and be written by nobody else");
	assert_int_equal(0, chmod(path, 0777 | S_ISVTX));
	refused_folder("host-keys = {\"k\"} authorized-keys = \"open/%u\"", "must belong to root");
}

static void
a_folder_has_at_most_1024_files(void **state)
{
	struct conf *c;
	struct err e;
	char path[200];
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/many", dir);
	assert_int_equal(0, mkdir(path, 0755));
	for (int i = 0; i < AUTHKEYS_FILES_MAX; i++) {
		(void)snprintf(path, sizeof(path), "many/u%d", i);
		write_file(path, "", 0644);
	}
	c = conf_of("host-keys = {\"k\"} authorized-keys = \"many/%u\"");
	assert_int_not_equal(-1, fd = keyfiles_seal(c, leave_out, NULL, &e));
	close(fd);
	write_file("many/one-more", "", 0644);
	assert_int_equal(-1, keyfiles_seal(c, leave_out, NULL, &e));
	assert_non_null(strstr(e.text, "more than 1024 files"));
	conf_free(c);
}

/* ---- host keys ------------------------------------------------------------------------------ */
static void
host_keys_are_read_as_they_stand_for_their_target(void **state)
{
	struct generation g = { .number = 1 };
	struct err e = { 0 };

	(void)state;
	write_file("ed", "ED25519", 0600);
	write_file("rsa", "RSA\n", 0400);
	g.conf = conf_of("host-keys = {\"ed\", \"rsa\"}");
	if (hostkeys_read(&g, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(2, g.nhost_keys);
	for (size_t i = 0; i < 2; i++) {
		const char *want = i == 0 ? "ED25519" : "RSA\n";

		assert_int_equal(1, g.host_keys[i].target);
		assert_int_equal(strlen(want), g.host_keys[i].len);
		assert_memory_equal(want, g.host_keys[i].data, strlen(want));
	}
	hostkeys_free(&g);
	assert_int_equal(0, g.nhost_keys);
	conf_free(g.conf);
}

static void
a_host_key_that_others_read_is_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0644, 0660 };
	struct generation g = { .number = 1 };
	struct err e;

	(void)state;
	g.conf = conf_of("host-keys = {\"ed\", \"rsa\"}");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		write_file("rsa", "RSA\n", modes[i]);
		assert_int_equal(-1, hostkeys_read(&g, &e));
		assert_non_null(strstr(e.text, "target \"jump\": host-keys: "));
		assert_non_null(strstr(e.text, "/rsa"));
		hostkeys_free(&g);
	}
	conf_free(g.conf);
	g.conf = conf_of("host-keys = {\"none\"}");
	assert_int_equal(-1, hostkeys_read(&g, &e));
	assert_non_null(strstr(e.text, "/none"));
	hostkeys_free(&g);
	conf_free(g.conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_of_the_folder_comes_whole_and_in_order),
		cmocka_unit_test(a_file_that_is_none_is_left_out_and_named),
		cmocka_unit_test(a_folder_where_nobody_looks_is_not_read),
		cmocka_unit_test(a_file_of_more_than_256_KiB_is_left_out),
		cmocka_unit_test(a_folder_that_others_write_or_that_is_none_is_refused),
		cmocka_unit_test(a_folder_has_at_most_1024_files),
		cmocka_unit_test(host_keys_are_read_as_they_stand_for_their_target),
		cmocka_unit_test(a_host_key_that_others_read_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
