/* main.c - sshbridge: options, signals, start and end */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jumps.h"
#include "listeners.h"
#include "locks.h"
#include "monitor.h"

#define DEFAULT_CONF "/etc/sshbridge/sshbridge.conf"
#define RESOLV_CONF  "/etc/resolv.conf"
#define KEYS_GROUP   "_sshbridge-keys"

static const char usage_text[] =
    "usage: sshbridge [-f CONF] [-t | -T | --explain CERT [--account A] [--service S]\n"
    "                 [--from ADDR]]\n"
    "\n"
    "  -f CONF         configuration (" DEFAULT_CONF ")\n"
    "  -t              check the configuration and every file that it names, and each\n"
    "                  process's self-test; binds nothing, writes nothing\n"
    "  -T              print the configuration in force, defaults included\n"
    "  --explain CERT  what this certificate (PEM) may do, and every rule that says so\n"
    "  --account A     with --explain: may it log in as A?\n"
    "  --service S     with --explain: for this PAM service (sshd)\n"
    "  --from ADDR     with --explain: from this address (127.0.0.1)\n"
    "  -V, --version   print the version\n"
    "  -h, --help      print this\n"
    "\n"
    "Runs in the foreground. SIGHUP takes all files anew, SIGTERM drains, SIGINT ends at once.\n";

static int
usage(const char *why)
{
	(void)fprintf(stderr, "sshbridge: %s\n%s", why, usage_text);
	return 2;
}

/* ---- signals and the clock ---------------------------------------------------------------- */

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct monitor *m = arg;
	struct err e = { 0 };

	(void)what;
	switch (sig) {
	case SIGCHLD:
		kids_reap(m);
		break;
	case SIGHUP:
		if (m->candidate != NULL || m->current == NULL) {
			m->again = true;
			break;
		}
		notify_reloading(m);
		if (generation_start(m, false, &e) == -1)
			audit_reload_refused(m, e.text);
		break;
	case SIGTERM:
		if (m->draining)
			monitor_stop(m, 0);
		else
			drain_start(m);
		break;
	default:
		monitor_stop(m, sig == SIGINT && m->mode != MODE_RUN ? 130 : 0);
		break;
	}
}

/* A resolver reads resolv.conf once: it is started again when the file changes. */
static int64_t
resolv_stamp(void)
{
	struct stat st;

	if (stat(RESOLV_CONF, &st) == -1)
		return 0;
	return st.st_mtim.tv_sec * 1000003 + st.st_mtim.tv_nsec + (int64_t)st.st_ino;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct monitor *m = arg;
	int64_t stamp = resolv_stamp();
	uint8_t buf[64];
	struct msg_out o;

	(void)fd;
	(void)what;
	kids_reap(m);
	watch_look(m);
	audit_check(m);
	if (stamp != m->resolv_stamp && m->resolve.state == KID_UP) {
		m->resolv_stamp = stamp;
		msg_start(&o, buf, sizeof(buf), MSG_RELOAD, 0);
		kid_send(&m->resolve, &o, NULL, 0);
	}
}

static int
add_events(struct monitor *m, struct err *e)
{
	static const int signals[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT };
	static const struct timeval five = { 5, 0 };
	struct event *ev;

	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if ((ev = evsignal_new(m->base, signals[i], on_signal, m)) == NULL ||
		    evsignal_add(ev, NULL) == -1)
			return err_nomem(e, "signals");
	m->resolv_stamp = resolv_stamp();
	if ((m->tick = event_new(m->base, -1, EV_PERSIST, on_tick, m)) == NULL ||
	    event_add(m->tick, &five) == -1)
		return err_nomem(e, "clock");
	return 0;
}

/* ---- where the programs are, and as whom they run ------------------------------------------ */

static int
find_programs(struct monitor *m, struct err *e)
{
	char self[3000];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return err_sys(e, errno, "/proc/self/exe");
	self[n] = '\0';
	/* PREFIX/sbin/sshbridge -> PREFIX */
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(self, '/');

		if (slash == NULL)
			return err_set(e, ERR_FORMAT, "%s: not in an sbin folder", self);
		*slash = '\0';
	}
	(void)snprintf(m->libexec, sizeof(m->libexec), "%s/libexec/sshbridge", self);
	(void)snprintf(m->empty, sizeof(m->empty), "%s/empty", m->libexec);
	return 0;
}

static bool
has_entries(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	bool found = d == NULL;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			found = true;
	if (d != NULL)
		(void)closedir(d);
	return found;
}

/* What children are locked into: root's, for nobody to write, and nothing in it. */
static int
check_empty(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return err_sys(e, errno, "%s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022) != 0)
		return err_set(e, ERR_FORMAT,
		    "%s must be a folder of root's that nobody else "
		    "may write: children are locked into it (chown root, chmod 555)",
		    path);
	if (has_entries(path))
		return err_set(e, ERR_FORMAT, "%s must be empty", path);
	return 0;
}

static int
find_user(const char *name, const char *option, uid_t *uid, gid_t *gid, struct err *e)
{
	struct passwd *pw;

	errno = 0;
	if ((pw = getpwnam(name)) == NULL)
		return err_set(e, ERR_FORMAT,
		    "%s: there is no user \"%s\": systemd-sysusers "
		    "makes it from the installed sysusers.d file",
		    option, name);
	if (pw->pw_uid == 0)
		return err_set(e, ERR_FORMAT, "%s: \"%s\" is root", option, name);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

static int
find_keys_group(gid_t *gid, struct err *e)
{
	struct group *gr;

	errno = 0;
	if ((gr = getgrnam(KEYS_GROUP)) == NULL)
		return err_set(e, ERR_FORMAT,
		    "keys-socket: there is no group \"" KEYS_GROUP "\": systemd-sysusers makes it "
		    "from the installed sysusers.d file");
	if (gr->gr_gid == 0)
		return err_set(e, ERR_FORMAT, "keys-socket: \"" KEYS_GROUP "\" is root's group");
	*gid = gr->gr_gid;
	return 0;
}

static int
find_ids(struct monitor *m, const struct conf *c, struct err *e)
{
	if (!m->root) {
		m->uid = m->ident_uid = getuid();
		m->gid = m->ident_gid = m->keys_gid = getgid();
		return 0;
	}
	if (find_user(c->user, "user", &m->uid, &m->gid, e) == -1 ||
	    find_user(c->ident_user, "ident-user", &m->ident_uid, &m->ident_gid, e) == -1)
		return -1;
	if (m->uid == m->ident_uid)
		return err_set(e, ERR_FORMAT,
		    "user and ident-user must be two: what a gate could "
		    "do as its user must not reach ident");
	if (c->keys_socket != NULL && find_keys_group(&m->keys_gid, e) == -1)
		return -1;
	return check_empty(m->empty, e);
}

static int
make_counters(struct monitor *m, struct err *e)
{
	if ((m->counters_fd = counters_new(m->ngates, e)) == -1)
		return -1;
	return counters_map(m->counters_fd, m->ngates, m->ngates, &m->counters, e);
}

static int
open_keys_socket(struct monitor *m, const char *path, struct err *e)
{
	if (path == NULL)
		return 0;
	if ((m->keys_sock = unixsock_new(path, e)) == NULL)
		return -1;
	/* without root there is one user only, and no group to give it to */
	return m->root ? unixsock_group(m->keys_sock, m->keys_gid, e) : 0;
}

static int
open_sockets(struct monitor *m, const struct conf *c, struct err *e)
{
	struct event *ev;

	/* first what stands at the paths now, then who that is: see unixsock_publish() */
	if ((m->ident_sock = unixsock_new(c->ident_socket, e)) == NULL ||
	    (m->control_sock = unixsock_new(c->control_socket, e)) == NULL ||
	    open_keys_socket(m, c->keys_socket, e) == -1 ||
	    takeover_ask(c->control_socket, &m->older, e) == -1)
		return -1;
	if ((ev = event_new(
		 m->base, m->control_sock->fd, EV_READ | EV_PERSIST, control_accept, m)) == NULL ||
	    event_add(ev, NULL) == -1)
		return err_nomem(e, "control-socket");
	return 0;
}

static unsigned
count_workers(const struct monitor *m, const struct conf *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = m->mode != MODE_RUN ? 1
		     : c->workers != 0	 ? c->workers
		     : cores < 1	 ? 1
					 : (unsigned)cores;

	return n > GATES_MAX ? GATES_MAX : n;
}

static int
start(struct monitor *m, struct err *e)
{
	struct conf *c = conf_load(m->conf_path, e);
	int r = -1;

	if (c == NULL)
		return -1;
	m->ngates = count_workers(m, c);
	kid_init(m, &m->log, KID_LOG, 0);
	kid_init(m, &m->load, KID_LOAD, 0);
	kid_init(m, &m->explainer, KID_EXPLAIN, 0);
	kid_init(m, &m->ident, KID_IDENT, 0);
	kid_init(m, &m->resolve, KID_RESOLVE, 0);
	for (unsigned i = 0; i < m->ngates; i++)
		kid_init(m, &m->gates[i], KID_GATE, i);
	if (find_programs(m, e) == 0 && find_ids(m, c, e) == 0 && add_events(m, e) == 0 &&
	    make_counters(m, e) == 0 && audit_init(m, e) == 0 &&
	    (m->mode != MODE_RUN || open_sockets(m, c, e) == 0) &&
	    /* after TAKEOVER: who drains writes them no more */
	    (m->mode == MODE_EXPLAIN || locks_open(m, c->locks, e) == 0) &&
	    generation_start(m, true, e) == 0)
		r = 0;
	conf_free(c);
	if (r == 0)
		monitor_advance(m);
	return r;
}

/* Everything goes at once: the children end with their channels. */
static void
end(struct monitor *m)
{
	struct timespec nap = { 0, 20000000 };

	for (unsigned i = 0; i < m->ngates; i++)
		kid_end(&m->gates[i]);
	kid_end(&m->ident);
	kid_end(&m->resolve);
	kid_end(&m->load);
	kid_end(&m->explainer);
	jumps_end(m);
	control_close_all(m);
	watch_stop(m);
	locks_close(m);
	unixsock_free(m->ident_sock);
	unixsock_free(m->control_sock);
	unixsock_free(m->keys_sock);
	if (m->mode == MODE_RUN && m->ready && !m->draining)
		audit_stop(m, CHILD_NOTICE, "ended");
	kid_end(&m->log);
	/* a moment for their last words; who does not go is not waited for */
	for (int i = 0; i < 50 && (m->log.pid > 0 || m->ident.pid > 0); i++) {
		kids_reap(m);
		(void)nanosleep(&nap, NULL);
	}
	generation_free(m->candidate);
	generation_free(m->current);
}

static int
run(struct monitor *m)
{
	struct err e = { 0 };

	m->root = geteuid() == 0;
	m->older = m->counters_fd = -1;
	m->notify_socket = getenv("NOTIFY_SOCKET");
	/* a key in memory: no core file, no debugger of another process of this user */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if ((m->base = event_base_new()) == NULL) {
		(void)fprintf(stderr, "sshbridge: no event loop\n");
		return 1;
	}
	if (start(m, &e) == -1) {
		(void)fprintf(stderr, "sshbridge: %s\n", e.text);
		m->stopping = true;
		m->status = 1;
	}
	if (!m->stopping)
		(void)event_base_dispatch(m->base);
	end(m);
	return m->status;
}

static int
print_conf(const char *path)
{
	struct err e = { 0 };
	struct conf *c = conf_load(path, &e);

	if (c == NULL) {
		(void)fprintf(stderr, "sshbridge: %s\n", e.text);
		return 1;
	}
	conf_print(c, stdout);
	conf_free(c);
	return fflush(stdout) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	enum { OPT_EXPLAIN = 256, OPT_ACCOUNT, OPT_SERVICE, OPT_FROM };
	static const struct option options[] = {
		{ "explain", required_argument, NULL, OPT_EXPLAIN },
		{ "account", required_argument, NULL, OPT_ACCOUNT },
		{ "service", required_argument, NULL, OPT_SERVICE },
		{ "from", required_argument, NULL, OPT_FROM },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct monitor m = { .conf_path = DEFAULT_CONF,
		.explain = { .service = "sshd", .from = "127.0.0.1" } };
	bool print = false, narrowed = false;
	int c;

	while ((c = getopt_long(argc, argv, "f:tTVh", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			m.conf_path = optarg;
			break;
		case 't':
			m.mode = MODE_TEST;
			break;
		case 'T':
			print = true;
			break;
		case OPT_EXPLAIN:
			m.mode = MODE_EXPLAIN;
			m.explain.file = optarg;
			break;
		case OPT_ACCOUNT:
			m.explain.account = optarg;
			narrowed = true;
			break;
		case OPT_SERVICE:
			m.explain.service = optarg;
			narrowed = true;
			break;
		case OPT_FROM:
			m.explain.from = optarg;
			narrowed = true;
			break;
		case 'V':
			(void)printf("sshbridge %s\n", VERSION);
			return 0;
		case 'h':
			(void)fputs(usage_text, stdout);
			return 0;
		default:
			return usage("unknown option");
		}
	}
	if (optind < argc)
		return usage("nothing may stand behind the options");
	if (narrowed && m.mode != MODE_EXPLAIN)
		return usage("--account, --service and --from go with --explain");
	return print ? print_conf(m.conf_path) : run(&m);
}
