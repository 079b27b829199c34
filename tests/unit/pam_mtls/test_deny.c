/* test_deny.c - each kind of failure, in each hook, in each kind of stack: denied, by exact codes
 */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "stack.h"

/* What the daemon's side is in one case. */
enum scene {
	FAKE,	    /* a daemon that does as `mode` and `reply` say */
	NOBODY,	    /* no socket */
	REFUSING,   /* a socket on which nobody listens */
	A_FILE,	    /* a plain file in its place */
	LINKED,	    /* a symbolic link to the socket */
	LINKED_DIR, /* a symbolic link to its folder */
	OPEN_DIR,   /* others may write its folder */
	GROUP_DIR,  /* the group may */
	THEIR_DIR,  /* the folder belongs to another */
	THEIR_SOCK, /* the socket does */
	THEIR_PROC, /* who listens does */
};

struct failure {
	const char *name;
	enum { REFUSED, UNAVAILABLE, OPTIONS } kind;
	enum scene scene;
	const char *args;
	enum fake_mode mode;
	size_t (*reply)(uint8_t *, size_t); /* NULL: a good yes */
	void (*login)(struct login *);	    /* NULL: all is there */
	bool root;			    /* only root can set the scene */
};

static const int codes[3][4] = {
	[REFUSED] = { 0, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR },
	[UNAVAILABLE] = { 0, PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL, PAM_SESSION_ERR },
	[OPTIONS] = { 0, PAM_SERVICE_ERR, PAM_SERVICE_ERR, PAM_SERVICE_ERR },
};

/* ---- answers -----------------------------------------------------------------------------------
 */
static size_t
no_evidence(uint8_t *b, size_t n)
{
	return no_message(b, n, 0, 1, "no certificate came with this connection");
}

static size_t
no_for_cause(uint8_t *b, size_t n)
{
	return no_message(b, n, 1, 2, "this certificate may not use this account");
}

static size_t
no_of_no_kind(uint8_t *b, size_t n)
{
	return no_message(b, n, 1, 0, "?");
}

static size_t
no_of_kind_three(uint8_t *b, size_t n)
{
	return no_message(b, n, 1, 3, "?");
}

static size_t
empty_packet(uint8_t *b, size_t n)
{
	(void)b;
	(void)n;
	return 0;
}

static size_t
one_byte_more(uint8_t *b, size_t n)
{
	size_t len = is_message(b, n, 1, "corp/cn:a", "192.0.2.1");

	b[len] = 0;
	return len + 1;
}

static size_t
one_byte_less(uint8_t *b, size_t n)
{
	return is_message(b, n, 1, "corp/cn:a", "192.0.2.1") - 1;
}

static size_t
header_only(uint8_t *b, size_t n)
{
	return is_message(b, n, 1, "corp/cn:a", "192.0.2.1") > MSG_HEADER ? MSG_HEADER : 0;
}

static size_t
other_version(uint8_t *b, size_t n)
{
	size_t len = is_message(b, n, 1, "corp/cn:a", "192.0.2.1");

	b[3] = 2;
	return len;
}

static size_t
other_type(uint8_t *b, size_t n)
{
	size_t len = is_message(b, n, 1, "corp/cn:a", "192.0.2.1");

	b[1] = MSG_OPENED;
	return len;
}

static size_t
no_connection(uint8_t *b, size_t n)
{
	return is_message(b, n, 0, "corp/cn:a", "192.0.2.1");
}

static size_t
no_identity(uint8_t *b, size_t n)
{
	return is_message(b, n, 1, "", "192.0.2.1");
}

static size_t
address_by_name(uint8_t *b, size_t n)
{
	return is_message(b, n, 1, "corp/cn:a", "localhost");
}

static size_t
no_address(uint8_t *b, size_t n)
{
	return is_message(b, n, 1, "corp/cn:a", "");
}

static size_t
another_question(uint8_t *b, size_t n)
{
	size_t len = is_message(b, n, 1, "corp/cn:a", "192.0.2.1");

	b[1] = MSG_WHO;
	return len;
}

/* ---- logins ------------------------------------------------------------------------------------
 */
static void
no_hint(struct login *l)
{
	l->hint[0] = '\0';
}

static void
forged_hint(struct login *l)
{
	char port[80];

	/* the same ends but for the client's port, which nobody has */
	end_text(l->conn, false, port, sizeof(port));
	(void)snprintf(l->hint, sizeof(l->hint), "127.0.0.1 1 %s", port);
}

static void
swapped_hint(struct login *l)
{
	hint_of(l->client, l->hint);
	/* which names the client's end; only the server's is to be in this process */
	close(l->client);
	l->client = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
garbled_hint(struct login *l)
{
	(void)snprintf(l->hint, sizeof(l->hint), "127.0.0.1 x 127.0.0.1 22");
}

static void
sshd_without_a_socket(struct login *l)
{
	(void)snprintf(l->hint, sizeof(l->hint), "UNKNOWN 65535 UNKNOWN 65535");
}

static void
udp_hint(struct login *l)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* a connected datagram socket with just the ends that the hint names */
	login_disconnect(l);
	l->conn = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	MUST(bind(other, (struct sockaddr *)&a, sizeof(a)) == 0);
	MUST(bind(l->conn, (struct sockaddr *)&a, sizeof(a)) == 0);
	MUST(getsockname(other, (struct sockaddr *)&a, &n) == 0);
	MUST(connect(l->conn, (struct sockaddr *)&a, sizeof(a)) == 0);
	hint_of(l->conn, l->hint);
	l->client = other;
	l->listener = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
listener_hint(struct login *l)
{
	char end[80];

	end_text(l->listener, false, end, sizeof(end));
	(void)snprintf(l->hint, sizeof(l->hint), "0.0.0.0 1 %s", end);
}

static void
no_user(struct login *l)
{
	l->user = NULL;
}

static void
empty_user(struct login *l)
{
	l->user = "";
}

static void
long_info(struct login *l)
{
	static char info[16385];

	memset(info, 'A', sizeof(info) - 1);
	l->auth_info = info;
}

static const struct failure failures[] = {
	{ "no evidence", REFUSED, .reply = no_evidence },
	{ "NO for cause", REFUSED, .reply = no_for_cause },
	{ "no PAM_USER", REFUSED, .login = no_user },
	{ "empty PAM_USER", REFUSED, .login = empty_user },
	{ "SSH_AUTH_INFO_0 too long", REFUSED, .login = long_info },
	{ "no daemon", UNAVAILABLE, NOBODY },
	{ "nobody listens", UNAVAILABLE, REFUSING },
	{ "hung daemon", UNAVAILABLE, .args = "timeout=100", .mode = FAKE_SILENT },
	{ "daemon that accepts nobody", UNAVAILABLE, .args = "timeout=100", .mode = FAKE_DEAF },
	{ "hang-up after the question", UNAVAILABLE, .mode = FAKE_HANGUP },
	{ "hang-up at once", UNAVAILABLE, .mode = FAKE_HANGUP_AT_ONCE },
	{ "empty packet", UNAVAILABLE, .reply = empty_packet },
	{ "yes with a descriptor", UNAVAILABLE, .mode = FAKE_REPLY_FD },
	{ "NO of kind 0", UNAVAILABLE, .reply = no_of_no_kind },
	{ "NO of kind 3", UNAVAILABLE, .reply = no_of_kind_three },
	{ "one byte more", UNAVAILABLE, .reply = one_byte_more },
	{ "one byte less", UNAVAILABLE, .reply = one_byte_less },
	{ "header only", UNAVAILABLE, .reply = header_only },
	{ "other version", UNAVAILABLE, .reply = other_version },
	{ "other type", UNAVAILABLE, .reply = other_type },
	{ "another question", UNAVAILABLE, .reply = another_question },
	{ "yes without a connection", UNAVAILABLE, .reply = no_connection },
	{ "yes without an identity", UNAVAILABLE, .reply = no_identity },
	{ "yes with a name for an address", UNAVAILABLE, .reply = address_by_name },
	{ "yes without an address", UNAVAILABLE, .reply = no_address },
	{ "file in place of the socket", UNAVAILABLE, A_FILE },
	{ "linked socket", UNAVAILABLE, LINKED },
	{ "linked folder", UNAVAILABLE, LINKED_DIR },
	{ "folder that others may write", UNAVAILABLE, OPEN_DIR },
	{ "folder that the group may write", UNAVAILABLE, GROUP_DIR },
	{ "another's folder", UNAVAILABLE, THEIR_DIR, .root = true },
	{ "another's socket", UNAVAILABLE, THEIR_SOCK, .root = true },
	{ "another's daemon", UNAVAILABLE, THEIR_PROC, .root = true },
	{ "no SSH_CONNECTION", UNAVAILABLE, .login = no_hint },
	{ "forged SSH_CONNECTION", UNAVAILABLE, .login = forged_hint },
	{ "SSH_CONNECTION with its ends swapped", UNAVAILABLE, .login = swapped_hint },
	{ "garbled SSH_CONNECTION", UNAVAILABLE, .login = garbled_hint },
	{ "SSH_CONNECTION of a pipe", UNAVAILABLE, .login = sshd_without_a_socket },
	{ "SSH_CONNECTION of a UDP socket", UNAVAILABLE, .login = udp_hint },
	{ "SSH_CONNECTION of a listener", UNAVAILABLE, .login = listener_hint },
	{ "unknown option", OPTIONS, .args = "colour=red" },
	{ "option by half its name", OPTIONS, .args = "time=300" },
	{ "option in capitals", OPTIONS, .args = "DEBUG" },
	{ "repeated option", OPTIONS, .args = "timeout=300 timeout=300" },
	{ "repeated source", OPTIONS, .args = "source=bridge" },
	{ "repeated socket", OPTIONS, .args = "socket=/run/other.sock" },
	{ "timeout=99", OPTIONS, .args = "timeout=99" },
	{ "timeout=60001", OPTIONS, .args = "timeout=60001" },
	{ "timeout with a unit", OPTIONS, .args = "timeout=300ms" },
	{ "timeout in octal", OPTIONS, .args = "timeout=0300" },
	{ "negative timeout", OPTIONS, .args = "timeout=-300" },
	{ "timeout that overflows", OPTIONS, .args = "timeout=4294967596" },
	{ "empty timeout", OPTIONS, .args = "timeout=" },
	{ "timeout without a value", OPTIONS, .args = "timeout" },
	{ "bind=same-key", OPTIONS, .args = "bind=same-key" },
	{ "empty bind", OPTIONS, .args = "bind=" },
	{ "max-age", OPTIONS, .args = "max-age=300" },
	{ "debug with a value", OPTIONS, .args = "debug=1" },
};

/* ---- scenes ------------------------------------------------------------------------------------
 */
/* A listening socket at l->sock, which root bound and uid 65534 listens on; returns its process. */
static pid_t
foreign_listener(struct login *l)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), ready[2];
	char c;
	pid_t pid;

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", l->sock);
	MUST(fd != -1 && bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	MUST(pipe2(ready, O_CLOEXEC) == 0);
	if ((pid = fork()) == 0) {
		if (setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0 &&
		    prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && listen(fd, 8) == 0 &&
		    write(ready[1], "", 1) == 1)
			for (int conn; (conn = accept(fd, NULL, NULL)) != -1; close(conn))
				if (fake_read(conn, &l->fake.last))
					fake_send(conn, l->fake.reply, l->fake.reply_len, false);
		_exit(1);
	}
	MUST(pid != -1 && read(ready[0], &c, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	close(fd);
	return pid;
}

static void
rename_to_link(const char *path)
{
	char real[200];

	(void)snprintf(real, sizeof(real), "%s.real", path);
	MUST(rename(path, real) == 0 && symlink(real, path) == 0);
}

/* Sets the daemon's side up; returns a process to end, or 0. The folder run/ is the socket's. */
static pid_t
scene_set(struct login *l, const struct failure *f)
{
	char run[80];

	(void)snprintf(run, sizeof(run), "%s/run", l->dir);
	(void)snprintf(l->sock, sizeof(l->sock), "%s/ident.sock", run);
	MUST(mkdir(run, 0755) == 0);
	if (f->scene == NOBODY)
		return 0;
	if (f->scene == A_FILE) {
		write_file(run, "ident.sock", "");
		return 0;
	}
	if (f->scene == REFUSING) {
		close(fake_listen(l->sock, 1));
		return 0;
	}
	if (f->scene == THEIR_PROC)
		return foreign_listener(l);
	if (f->mode == FAKE_DEAF)
		fake_start_on(&l->fake, fake_listen(l->sock, 0));
	else
		fake_start(&l->fake, l->sock);
	if (f->scene == LINKED)
		rename_to_link(l->sock);
	else if (f->scene == LINKED_DIR)
		rename_to_link(run);
	else if (f->scene == OPEN_DIR)
		MUST(chmod(run, 0757) == 0);
	else if (f->scene == GROUP_DIR)
		MUST(chmod(run, 0775) == 0);
	else if (f->scene == THEIR_DIR)
		MUST(chown(run, 65534, 65534) == 0);
	else if (f->scene == THEIR_SOCK)
		MUST(chown(l->sock, 65534, 65534) == 0);
	return 0;
}

static void
scene_end(struct login *l, const struct failure *f, pid_t pid)
{
	if (pid != 0) {
		MUST(kill(pid, SIGKILL) == 0);
		MUST(waitpid(pid, NULL, 0) == pid);
	} else if (f->scene != NOBODY && f->scene != A_FILE && f->scene != REFUSING) {
		fake_stop(&l->fake);
	}
}

/* Connections that wait in a queue nobody takes from, so that the next connect() finds it full. */
static void
queue_fill(const struct login *l, int fds[2])
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", l->sock);
	for (int i = 0; i < 2; i++) {
		fds[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (struct sockaddr *)&sun, sizeof(sun));
	}
}

/* ---- the table ---------------------------------------------------------------------------------
 */
/* Stacks in which our line alone stands between the login and success. */
static const struct stack {
	const char *control, *after;
} stacks[] = {
	{ "required", NULL },
	{ "required", "required pam_permit.so" },
	{ "requisite", "required pam_permit.so" },
	{ "sufficient", NULL },
	{ "sufficient", "required pam_deny.so" },
	{ "[success=ok default=bad]", "required pam_permit.so" },
	{ "[success=done default=die]", "required pam_permit.so" },
};

static void
deny_everywhere(struct login *l, const struct failure *f)
{
	char args[400];
	struct seen s;

	(void)snprintf(args, sizeof(args), "source=bridge socket=%s %s", l->sock,
	    f->args == NULL ? "" : f->args);
	for (int hook = AUTH; hook <= SESSION; hook++)
		for (size_t i = 0; i < nitems(stacks); i++) {
			service_write(l, stacks[i].control, args, stacks[i].after);
			(void)login_call(l, hook, &s);
			if (s.code == PAM_SUCCESS || s.code == PAM_IGNORE ||
			    (i == 0 && s.code != codes[f->kind][hook]))
				fail_msg("%s, %s, %s %s: code %d (wanted %d)", f->name,
				    hook_names[hook], stacks[i].control,
				    stacks[i].after == NULL ? "" : stacks[i].after, s.code,
				    codes[f->kind][hook]);
			if (s.rhost[0] != '\0' || s.env[0][0] != '\0' || s.logged[0] == '\0' ||
			    s.said[0] == '\0')
				fail_msg("%s, %s: log \"%s\", said \"%s\"", f->name,
				    hook_names[hook], s.logged, s.said);
		}
}

static void
run_failure(const struct failure *f)
{
	struct login l;
	size_t before;
	int waiting[2] = { -1, -1 };
	pid_t pid;

	login_start(&l);
	l.fake.mode = f->mode;
	if (f->reply != NULL)
		l.fake.reply_len = f->reply(l.fake.reply, sizeof(l.fake.reply));
	if (f->login != NULL)
		f->login(&l);
	before = descriptors();
	pid = scene_set(&l, f);
	if (f->mode == FAKE_DEAF)
		queue_fill(&l, waiting);
	deny_everywhere(&l, f);
	if (f->mode == FAKE_DEAF) {
		close(waiting[0]);
		close(waiting[1]);
	}
	scene_end(&l, f, pid);
	if (descriptors() != before)
		fail_msg("%s: %zu descriptors, before it %zu", f->name, descriptors(), before);
	login_end(&l);
}

static void
nearest_neighbour_of_all_failures_succeeds_in_every_stack(void **state)
{
	static const struct failure none = { .name = "none" };
	struct login l;
	struct seen s;
	char args[200];

	(void)state;
	login_start(&l);
	(void)scene_set(&l, &none);
	(void)snprintf(args, sizeof(args), "source=bridge socket=%s timeout=60000", l.sock);
	for (int hook = AUTH; hook <= SESSION; hook++)
		for (size_t i = 0; i < nitems(stacks); i++) {
			service_write(&l, stacks[i].control, args, stacks[i].after);
			if (login_call(&l, hook, &s) != PAM_SUCCESS)
				fail_msg("%s, %s: code %d, %s", hook_names[hook], stacks[i].control,
				    s.code, s.logged);
		}
	scene_end(&l, &none, 0);
	login_end(&l);
}

/* Each kind of failure by itself, so that the report names it. */
static void
denied(void **state)
{
	const struct failure *f = *state;

	if (f->root && geteuid() != 0)
		skip();
	run_failure(f);
}

int
main(void)
{
	struct CMUnitTest tests[nitems(failures) + 1] = {
		cmocka_unit_test(nearest_neighbour_of_all_failures_succeeds_in_every_stack),
	};
	static char names[nitems(failures)][100];

	for (size_t i = 0; i < nitems(failures); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "%s: denied in every hook and stack",
		    failures[i].name);
		tests[i + 1] = (struct CMUnitTest){ .name = names[i],
			.test_func = denied,
			.initial_state = (void *)(uintptr_t)&failures[i] };
	}
	return cmocka_run_group_tests_name("what pam_mtls denies", tests, NULL, NULL);
}
