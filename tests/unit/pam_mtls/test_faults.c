/*
 * test_faults.c - each call that can fail is made to: the n-th of its kind, for every n there is
 *
 * The functions below stand before libc's and libpam's: libpam loads the module into this program,
 * whose own symbols come first. Only the thread under test is armed.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <net/if.h>
#include <pwd.h>
#include <time.h>

#include <security/pam_ext.h>
#include <security/pam_modutil.h>

#include "stack.h"

#define EVERY 0 /* not the n-th alone */

static _Thread_local struct {
	const char *call; /* NULL: nothing fails */
	unsigned nth, count;
	int error;
	bool open; /* from the module's first call of libpam to its last: libpam has faults too */
	bool hit;
} fault;

/* What others do meanwhile: to the path, before connect(); to a number, before it is duplicated. */
static _Thread_local const char *moved_path;
static _Thread_local int turned_to = -1;

static bool
fails(const char *call)
{
	if (fault.call == NULL || !fault.open || strcmp(fault.call, call) != 0)
		return false;
	fault.count++;
	if (fault.nth != EVERY && fault.count != fault.nth)
		return false;
	fault.hit = true;
	errno = fault.error;
	return true;
}

#define REAL(name) ((__typeof__(name) *)real(#name))
static void *
real(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (p == NULL)
		abort();
	return p;
}

int
socket(int domain, int type, int protocol)
{
	return fails("socket") ? -1 : REAL(socket)(domain, type, protocol);
}

int
connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t n)
{
	char aside[130];

	if (moved_path != NULL) {
		(void)snprintf(aside, sizeof(aside), "%s.aside", moved_path);
		(void)rename(moved_path, aside);
		moved_path = NULL;
	}
	return fails("connect") ? -1 : REAL(connect)(fd, addr, n);
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	return fails("sendmsg") ? -1 : REAL(sendmsg)(fd, m, flags);
}

ssize_t
recvmsg(int fd, struct msghdr *m, int flags)
{
	return fails("recvmsg") ? -1 : REAL(recvmsg)(fd, m, flags);
}

int
poll(struct pollfd *p, nfds_t n, int ms)
{
	return fails("poll") ? -1 : REAL(poll)(p, n, ms);
}

int
getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict n)
{
	if (fails(name == SO_PEERCRED ? "getsockopt(SO_PEERCRED)" : "getsockopt"))
		return -1;
	return REAL(getsockopt)(fd, level, name, value, n);
}

int
getsockname(int fd, __SOCKADDR_ARG addr, socklen_t *restrict n)
{
	return fails("getsockname") ? -1 : REAL(getsockname)(fd, addr, n);
}

int
getpeername(int fd, __SOCKADDR_ARG addr, socklen_t *restrict n)
{
	return fails("getpeername") ? -1 : REAL(getpeername)(fd, addr, n);
}

DIR *
opendir(const char *name)
{
	return fails("opendir") ? NULL : REAL(opendir)(name);
}

struct dirent *
readdir(DIR *d)
{
	return fails("readdir") ? NULL : REAL(readdir)(d);
}

int
fcntl(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	if (command == F_DUPFD_CLOEXEC && fails("fcntl(F_DUPFD_CLOEXEC)"))
		return -1;
	if (command == F_DUPFD_CLOEXEC && turned_to != -1)
		fd = turned_to;
	return REAL(fcntl)(fd, command, arg);
}

int
openat(int fd, const char *name, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return fails("openat") ? -1 : REAL(openat)(fd, name, flags, mode);
}

int
open(const char *name, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return (flags & O_PATH) != 0 && fails("open") ? -1 : REAL(open)(name, flags, mode);
}

int
fstat(int fd, struct stat *st)
{
	return fails("fstat") ? -1 : REAL(fstat)(fd, st);
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	return fails("clock_gettime") ? -1 : REAL(clock_gettime)(clock, ts);
}

int
pam_set_item(pam_handle_t *h, int item, const void *value)
{
	return fails("pam_set_item") ? PAM_BUF_ERR : REAL(pam_set_item)(h, item, value);
}

int
pam_putenv(pam_handle_t *h, const char *line)
{
	int r = fails("pam_putenv") ? PAM_BUF_ERR : REAL(pam_putenv)(h, line);

	if (strncmp(line, "MTLS_CONNECTION=", 16) == 0)
		fault.open = false;
	return r;
}

int
pam_get_item(const pam_handle_t *h, int item, const void **value)
{
	if (item == PAM_USER && fails("pam_get_item(PAM_USER)"))
		return PAM_BAD_ITEM;
	if (item == PAM_SERVICE && fails("pam_get_item(PAM_SERVICE)")) {
		*value = NULL; /* as it is when nobody named a service */
		return PAM_SUCCESS;
	}
	return REAL(pam_get_item)(h, item, value);
}

const char *
pam_getenv(pam_handle_t *h, const char *name)
{
	if (strcmp(name, "SSH_CONNECTION") != 0)
		return REAL(pam_getenv)(h, name);
	fault.open = true;
	return fails("pam_getenv") ? NULL : REAL(pam_getenv)(h, name);
}

struct passwd *
pam_modutil_getpwnam(pam_handle_t *h, const char *name)
{
	struct passwd *pw = NULL;
	bool open = fault.open;

	if (fails("getpwnam"))
		return NULL;
	/* NSS passes over a source that fails to the next one: what is seen is "no such account" */
	fault.open = false;
	pw = REAL(pam_modutil_getpwnam)(h, name);
	fault.open = open;
	return pw;
}

#ifndef SANITIZED
/* A sanitizer's allocator cannot be stood before; dlsym() itself allocates, hence libc's names. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *
malloc(size_t n)
{
	return fails("malloc") ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails("malloc") ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return fails("malloc") ? NULL : __libc_realloc(p, n);
}
#endif

/* ---- one hook with one fault ------------------------------------------------------------------
 */
static int
hook_with_fault(struct login *l, int hook, const char *call, unsigned nth, int error)
{
	struct seen s;
	size_t before = descriptors();
	pam_handle_t *h;

	fake_start(&l->fake, l->sock);
	h = handle_start(l, &s);
	log_text = s.logged;
	log_size = sizeof(s.logged);
	fault.count = 0;
	fault.nth = nth;
	fault.error = error;
	fault.hit = fault.open = false;
	fault.call = call;
	s.code = handle_call(h, hook, 0);
	fault.call = NULL;
	log_text = NULL;
	(void)pam_end(h, s.code);
	fake_stop(&l->fake);
	MUST(unlink(l->sock) == 0);
	if (descriptors() != before)
		fail_msg("%s %u in %s: %zu descriptors, before it %zu", call, nth, hook_names[hook],
		    descriptors(), before);
	return s.code;
}

static void
login_ready(struct login *l, const char *timeout)
{
	char args[200];

	login_start(l);
	(void)snprintf(args, sizeof(args), "socket=%s timeout=%s", l->sock, timeout);
	service_write(l, "required", args, NULL);
}

static const struct lasting {
	const char *call;
	int error;
	unsigned least; /* how many such calls there are at least in one hook */
} lasting[] = {
	{ "socket", EMFILE, 1 },
	{ "connect", ECONNREFUSED, 1 },
	{ "connect", EACCES, 1 },
	{ "sendmsg", EPIPE, 1 },
	{ "sendmsg", ETOOMANYREFS, 1 },
	{ "recvmsg", ECONNRESET, 1 },
	{ "poll", ENOMEM, 1 },
	{ "getsockopt(SO_PEERCRED)", EINVAL, 1 },
	{ "opendir", EMFILE, 1 },
	{ "fcntl(F_DUPFD_CLOEXEC)", EMFILE, 1 },
	{ "open", ENFILE, 1 },
	{ "openat", EMFILE, 3 },
	{ "openat", ENOENT, 3 },
	{ "fstat", EIO, 4 },
	{ "pam_set_item", 0, 1 },
	{ "pam_putenv", 0, 8 },
	{ "pam_get_item(PAM_USER)", 0, 1 },
	{ "pam_get_item(PAM_SERVICE)", 0, 1 },
	{ "pam_getenv", 0, 1 },
	{ "getpwnam", ENOMEM, 1 },
	{ "getpwnam", EMFILE, 1 },
	{ "getpwnam", ENFILE, 1 },
	{ "getpwnam", EIO, 1 },
#ifndef SANITIZED
	{ "malloc", ENOMEM, 11 } /* a stream of names, the question, nine items */,
#endif
};

/* One row of the table: as many runs as there are such calls, and one in which all succeed. */
static void
denies(void **state)
{
	const struct lasting *f = *state;
	struct login l;
	unsigned nth;
	int code;

	login_ready(&l, "60000");
	for (int hook = AUTH; hook <= SESSION; hook++) {
		for (nth = 1; nth < 1000; nth++) {
			code = hook_with_fault(&l, hook, f->call, nth, f->error);
			if (!fault.hit)
				break;
			if (code == PAM_SUCCESS || code == PAM_IGNORE)
				fail_msg("%s %u failed (%s) and %s returned %d", f->call, nth,
				    strerror(f->error), hook_names[hook], code);
		}
		if (code != PAM_SUCCESS || nth <= f->least)
			fail_msg("without a fault %s returned %d after %u × %s", hook_names[hook],
			    code, nth - 1, f->call);
	}
	login_end(&l);
}

/* Calls that may fail for one of many descriptors, but not for all of them. */
static void
a_call_that_always_fails_denies(void **state)
{
	static const char *const calls[] = { "getsockopt", "getsockname", "getpeername", "readdir",
		"clock_gettime" };
	struct login l;

	(void)state;
	login_ready(&l, "60000");
	for (size_t i = 0; i < nitems(calls); i++)
		for (int hook = AUTH; hook <= SESSION; hook++) {
			assert_int_not_equal(
			    PAM_SUCCESS, hook_with_fault(&l, hook, calls[i], EVERY, EIO));
			assert_true(fault.hit);
		}
	login_end(&l);
}

static void
what_passes_is_waited_for(void **state)
{
	static const struct {
		const char *call;
		int error;
	} passing[] = {
		{ "connect", EAGAIN },
		{ "connect", EINTR },
		{ "sendmsg", EAGAIN },
		{ "sendmsg", EINTR },
		{ "recvmsg", EAGAIN },
		{ "recvmsg", EINTR },
		{ "poll", EINTR },
	};
	struct login l;

	(void)state;
	login_ready(&l, "60000");
	for (size_t i = 0; i < nitems(passing); i++) {
		assert_int_equal(PAM_SUCCESS,
		    hook_with_fault(&l, ACCOUNT, passing[i].call, 1, passing[i].error));
		assert_true(fault.hit);
	}
	login_end(&l);
}

static void
what_never_passes_ends_at_the_timeout(void **state)
{
	static const char *const calls[] = { "connect", "sendmsg", "recvmsg" };
	struct timespec from, to;
	struct login l;

	(void)state;
	login_ready(&l, "100");
	for (size_t i = 0; i < nitems(calls); i++) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		assert_int_equal(
		    PAM_AUTHINFO_UNAVAIL, hook_with_fault(&l, ACCOUNT, calls[i], EVERY, EAGAIN));
		clock_gettime(CLOCK_MONOTONIC, &to);
		assert_true(
		    (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 >= 99);
	}
	login_end(&l);
}

/* "No such account" is an answer, and the daemon's to judge. */
static void
an_account_that_is_not_there_is_asked_about(void **state)
{
	static const int absent[] = { 0, ENOENT, ESRCH, EPERM };
	struct login l;

	(void)state;
	login_ready(&l, "60000");
	for (size_t i = 0; i < nitems(absent); i++) {
		assert_int_equal(
		    PAM_SUCCESS, hook_with_fault(&l, ACCOUNT, "getpwnam", 1, absent[i]));
		assert_int_equal(0, l.fake.last.has_uid);
	}
	login_end(&l);
}

/* The path is somebody else's once it was judged: the daemon that was judged is the one asked. */
static void
a_path_that_moves_before_connect_changes_nothing(void **state)
{
	struct login l;
	struct seen s;
	char aside[130];

	(void)state;
	login_ready(&l, "60000");
	fake_start(&l.fake, l.sock);
	moved_path = l.sock;
	assert_int_equal(PAM_SUCCESS, login_call(&l, ACCOUNT, &s));
	assert_null(moved_path);
	assert_int_equal(1, l.fake.asked);
	fake_stop(&l.fake);
	(void)snprintf(aside, sizeof(aside), "%s.aside", l.sock);
	assert_int_equal(0, unlink(aside));
	login_end(&l);
}

/* Another thread closes the connection, and the number becomes another's: it is not shown. */
static void
a_descriptor_that_turns_into_another_is_not_shown(void **state)
{
	struct login l, m;
	struct seen s;
	size_t before;

	(void)state;
	login_ready(&l, "60000");
	login_start(&m);
	before = descriptors();
	fake_start(&l.fake, l.sock);
	turned_to = m.conn;
	assert_int_equal(PAM_AUTHINFO_UNAVAIL, login_call(&l, ACCOUNT, &s));
	assert_int_equal(0, l.fake.asked);
	turned_to = -1;
	assert_int_equal(PAM_SUCCESS, login_call(&l, ACCOUNT, &s));
	fake_stop(&l.fake);
	assert_int_equal(before, descriptors());
	login_end(&m);
	login_end(&l);
}

int
main(void)
{
	struct CMUnitTest tests[nitems(lasting) + 6] = {
		cmocka_unit_test(a_path_that_moves_before_connect_changes_nothing),
		cmocka_unit_test(a_descriptor_that_turns_into_another_is_not_shown),
		cmocka_unit_test(a_call_that_always_fails_denies),
		cmocka_unit_test(what_passes_is_waited_for),
		cmocka_unit_test(what_never_passes_ends_at_the_timeout),
		cmocka_unit_test(an_account_that_is_not_there_is_asked_about),
	};
	static char names[nitems(lasting)][100];

	for (size_t i = 0; i < nitems(lasting); i++) {
		(void)snprintf(names[i], sizeof(names[i]),
		    "%s that fails (%s) denies in every hook", lasting[i].call,
		    lasting[i].error == 0 ? "PAM" : strerror(lasting[i].error));
		tests[i + 6] = (struct CMUnitTest){ .name = names[i],
			.test_func = denies,
			.initial_state = (void *)(uintptr_t)&lasting[i] };
	}
	return cmocka_run_group_tests_name("faults under pam_mtls", tests, NULL, NULL);
}
