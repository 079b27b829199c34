/*
 * stack.h - one login as PAM sees it: a folder with service files and the daemon's socket, a TCP
 * connection with both its ends in this process, and libpam, which loads the module of this build
 */
#ifndef STACK_H
#define STACK_H

#include <arpa/inet.h>
#include <dirent.h>
#include <ftw.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <syslog.h>
#include <cmocka.h>
#include <security/pam_appl.h>

#include "fake_daemon.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

enum { AUTH = 1, ACCOUNT, SESSION, SETCRED, CLOSE, CHAUTHTOK };
static const char *const hook_names[] = { "", "auth", "account", "session", "setcred", "close",
	"chauthtok" };

struct login {
	char dir[64], sock[96], confdir[96];
	int conn, client, listener; /* the server's end, the client's, and where it was accepted */
	char hint[160];		    /* SSH_CONNECTION; "" for none */
	const char *user, *auth_info, *args;
	int flags;
	struct fake fake;
};

/* What one call left behind. */
struct seen {
	int code;
	char said[1024];   /* pam_error() */
	char logged[4096]; /* syslog() */
	char rhost[256], user[256];
	char env[9][1200]; /* MTLS_* in the order of mtls_names */
};
static const char *const mtls_names[] = { "MTLS_IDENTITY", "MTLS_SUBJECT", "MTLS_ISSUER",
	"MTLS_SERIAL", "MTLS_FINGERPRINT", "MTLS_NOT_AFTER", "MTLS_RULE", "MTLS_CONNECTION" };

/* ---- the log: libpam's calls of syslog() end here -------------------------------------------- */
static _Thread_local char *log_text;
static _Thread_local size_t log_size;

static inline void log_take(int priority, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
static inline void
log_take(int priority, const char *fmt, va_list ap)
{
	size_t n = log_text == NULL ? 0 : strlen(log_text);

	if (log_text == NULL || log_size - n < 8)
		return;
	n += (size_t)snprintf(log_text + n, log_size - n, "<%d>", LOG_PRI(priority));
	(void)vsnprintf(log_text + n, log_size - n, fmt, ap);
}

void __syslog_chk(int priority, int flag, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void
__syslog_chk(int priority, int flag, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, fmt);
	log_take(priority, fmt, ap);
	va_end(ap);
}

/* ---- folders and connections ------------------------------------------------------------------
 */
/* Where this build is: tests/unit/pam_mtls/test_x below it. */
static inline const char *
build_dir(char buf[4096])
{
	ssize_t n = readlink("/proc/self/exe", buf, 4095);
	int up = 4;

	MUST(n > 0);
	for (buf[n] = '\0'; up > 0; up--)
		*strrchr(buf, '/') = '\0';
	return buf;
}

static inline const char *
module_path(char buf[4200])
{
	char dir[4096];

	(void)snprintf(buf, 4200, "%s/lib/security/pam_mtls.so", build_dir(dir));
	return buf;
}

static inline void
write_file(const char *dir, const char *name, const char *text)
{
	char path[4400];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	MUST(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static inline int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
end_text(int fd, bool peer, char *dst, size_t size)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	char addr[64] = "", scope[16] = "";

	MUST((peer ? getpeername : getsockname)(fd, (struct sockaddr *)&ss, &n) == 0);
	if (ss.ss_family == AF_INET) {
		memcpy(&in, &ss, sizeof(in));
		inet_ntop(AF_INET, &in.sin_addr, addr, sizeof(addr));
		(void)snprintf(dst, size, "%s %u", addr, ntohs(in.sin_port));
		return;
	}
	memcpy(&in6, &ss, sizeof(in6));
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) /* as sshd folds it */
		inet_ntop(AF_INET, in6.sin6_addr.s6_addr + 12, addr, sizeof(addr));
	else
		inet_ntop(AF_INET6, &in6.sin6_addr, addr, sizeof(addr));
	if (in6.sin6_scope_id != 0)
		(void)snprintf(scope, sizeof(scope), "%%%u", in6.sin6_scope_id);
	(void)snprintf(dst, size, "%s%s %u", addr, scope, ntohs(in6.sin6_port));
}

/* SSH_CONNECTION as sshd writes it for the server's end `fd`. */
static inline void
hint_of(int fd, char dst[160])
{
	char remote[80], local[80];

	end_text(fd, true, remote, sizeof(remote));
	end_text(fd, false, local, sizeof(local));
	(void)snprintf(dst, 160, "%s %s", remote, local);
}

/* Listen on `on`, connect to `to`, the port of which is filled in. */
static inline void
login_connect(struct login *l, struct sockaddr *on, struct sockaddr *to, socklen_t n, socklen_t m)
{
	struct sockaddr_storage ss;
	socklen_t k = sizeof(ss);
	int one = 1, off = 0;

	l->listener = socket(on->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(l->listener != -1);
	if (on->sa_family == AF_INET6)
		MUST(setsockopt(l->listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0);
	MUST(setsockopt(l->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
	MUST(bind(l->listener, on, n) == 0 && listen(l->listener, 1) == 0);
	MUST(getsockname(l->listener, (struct sockaddr *)&ss, &k) == 0);
	/* the port lies at the same place in both address structures */
	((struct sockaddr_in *)(void *)to)->sin_port =
	    ((struct sockaddr_in *)(void *)&ss)->sin_port;
	l->client = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(l->client != -1 && connect(l->client, to, m) == 0);
	l->conn = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC);
	MUST(l->conn != -1);
	hint_of(l->conn, l->hint);
}

static inline void
login_connect4(struct login *l)
{
	struct sockaddr_in on = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in to = on;

	login_connect(l, (struct sockaddr *)&on, (struct sockaddr *)&to, sizeof(on), sizeof(to));
}

static inline void
login_disconnect(struct login *l)
{
	close(l->conn);
	close(l->client);
	close(l->listener);
}

static inline void
login_start(struct login *l)
{
	memset(l, 0, sizeof(*l));
	(void)snprintf(l->dir, sizeof(l->dir), "/tmp/pam_mtls.XXXXXX");
	MUST(mkdtemp(l->dir) != NULL);
	(void)snprintf(l->sock, sizeof(l->sock), "%s/ident.sock", l->dir);
	(void)snprintf(l->confdir, sizeof(l->confdir), "%s/pam.d", l->dir);
	MUST(mkdir(l->confdir, 0700) == 0);
	l->user = "root";
	l->args = "";
	login_connect4(l);
	l->fake.mode = FAKE_REPLY;
	l->fake.reply_len = is_message(l->fake.reply, sizeof(l->fake.reply), 0x0123456789abcdef,
	    "corp/email:alice@corp.example", "198.51.100.7");
}

static inline void
login_end(struct login *l)
{
	login_disconnect(l);
	(void)nftw(l->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- libpam ------------------------------------------------------------------------------------
 */
/* A service file in which each hook has the lines `before`, the module under `control`, `after`. */
static inline void
service_write(struct login *l, const char *control, const char *args, const char *after)
{
	static const char *const types[] = { "auth", "account", "session", "password" };
	char so[4200], text[24000] = "";
	size_t n = 0;

	(void)module_path(so);
	for (size_t i = 0; i < nitems(types); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %s %s %s\n%s %s\n", types[i],
		    control, so, args, after == NULL ? "#" : types[i], after == NULL ? "" : after);
	write_file(l->confdir, "svc", text);
}

static inline int
converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
	struct seen *s = data;

	*resp = calloc((size_t)n, sizeof(**resp));
	for (int i = 0; i < n; i++) {
		size_t have = strlen(s->said);

		(void)snprintf(s->said + have, sizeof(s->said) - have, "<%d>%s", msg[i]->msg_style,
		    msg[i]->msg);
	}
	return *resp == NULL ? PAM_BUF_ERR : PAM_SUCCESS;
}

static inline pam_handle_t *
handle_start(struct login *l, struct seen *s)
{
	struct pam_conv conv = { .conv = converse, .appdata_ptr = s };
	pam_handle_t *h = NULL;
	char line[20000];

	memset(s, 0, sizeof(*s));
	MUST(pam_start_confdir("svc", l->user, &conv, l->confdir, &h) == PAM_SUCCESS);
	if (l->hint[0] != '\0') {
		(void)snprintf(line, sizeof(line), "SSH_CONNECTION=%s", l->hint);
		MUST(pam_putenv(h, line) == PAM_SUCCESS);
	}
	if (l->auth_info != NULL) {
		(void)snprintf(line, sizeof(line), "SSH_AUTH_INFO_0=%s", l->auth_info);
		MUST(pam_putenv(h, line) == PAM_SUCCESS);
	}
	return h;
}

static inline int
handle_call(pam_handle_t *h, int hook, int flags)
{
	switch (hook) {
	case AUTH:
		return pam_authenticate(h, flags);
	case ACCOUNT:
		return pam_acct_mgmt(h, flags);
	case SESSION:
		return pam_open_session(h, flags);
	case SETCRED:
		return pam_setcred(h, flags | (int)PAM_ESTABLISH_CRED);
	case CLOSE:
		return pam_close_session(h, flags);
	default:
		return pam_chauthtok(h, flags);
	}
}

/* One hook on a handle; the code and everything that is to be seen from outside. */
static inline int
handle_run(struct login *l, pam_handle_t *h, int hook, struct seen *s)
{
	const void *p = NULL;
	const char *v;

	log_text = s->logged;
	log_size = sizeof(s->logged);
	s->code = handle_call(h, hook, l->flags);
	log_text = NULL;
	if (pam_get_item(h, PAM_RHOST, &p) == PAM_SUCCESS && p != NULL)
		(void)snprintf(s->rhost, sizeof(s->rhost), "%s", (const char *)p);
	p = NULL;
	if (pam_get_item(h, PAM_USER, &p) == PAM_SUCCESS && p != NULL)
		(void)snprintf(s->user, sizeof(s->user), "%s", (const char *)p);
	for (size_t i = 0; i < nitems(mtls_names); i++)
		if ((v = pam_getenv(h, mtls_names[i])) != NULL)
			(void)snprintf(s->env[i], sizeof(s->env[i]), "%s", v);
	return s->code;
}

/* A handle of its own for one call; the service file is there. */
static inline int
login_call(struct login *l, int hook, struct seen *s)
{
	pam_handle_t *h = handle_start(l, s);

	(void)handle_run(l, h, hook, s);
	(void)pam_end(h, s->code);
	return s->code;
}

/* The module alone, `required`: its code is the stack's. */
static inline int
login_run(struct login *l, int hook, struct seen *s)
{
	char args[20200];

	(void)snprintf(args, sizeof(args), "source=bridge socket=%s %s", l->sock, l->args);
	service_write(l, "required", args, NULL);
	return login_call(l, hook, s);
}

static inline size_t
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	MUST(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

#endif
