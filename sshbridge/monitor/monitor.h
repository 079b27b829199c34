/*
 * monitor.h - the process that the service manager knows: it opens files and sockets, and keeps
 * the others running. It never reads a byte that a client sent, but bounded log lines.
 */
#ifndef MONITOR_H
#define MONITOR_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "audit.h"
#include "child.h"
#include "conf.h"
#include "counters.h"
#include "crlfiles.h"
#include "msgq.h"

#define GATES_MAX    64
#define KEY_MAX	     32768
#define CONTROLS_MAX 8

enum kid_kind {
	KID_LOG,
	KID_LOAD,
	KID_IDENT,
	KID_RESOLVE,
	KID_GATE,
	KID_EXPLAIN,
	KID_JUMP, /* these two: in the lists of struct jumps */
	KID_PAM
};
enum kid_state { KID_DOWN, KID_STARTING, KID_UP };

struct monitor;

/* One child process. */
struct kid {
	struct monitor *m;
	enum kid_kind kind;
	unsigned index;
	char tag[16]; /* "gate-0": goes before its log lines */
	enum kid_state state;
	pid_t pid;	/* 0: none */
	pid_t parent;	/* who started it: not us in a draining copy */
	struct msgq *q; /* NULL: none */
	struct msg_seen seen;
	uint64_t sent, taken;	/* generation */
	uint64_t answered;	/* the last one that it said READY to, in either way */
	uint64_t listening;	/* number of the listener set that it has */
	bool wired;		/* it has its pair to ident (ident: to resolve) */
	bool idle;		/* a draining gate without connections */
	struct event *restart;	/* delay before it is started again */
	struct event *deadline; /* to take a generation */
	int64_t started_ms;
	unsigned failures; /* short lives in a row */
	unsigned lines;	   /* log lines in this second, and how many were left out */
	unsigned lines_lost;
	int64_t lines_second;
	unsigned records;      /* for the audit trail, in this second */
	uint64_t first_record; /* number of the first that this process may have sent */
	/* jump and pam */
	LIST_ENTRY(kid) entry;
	bool taken_by_ident; /* jump: it has its connection */
	bool dropped;	     /* nobody wants it any more: its end is no news */
};
LIST_HEAD(kid_list, kid);

/* The processes of which each serves one connection: jumps.c, pams.c. */
struct jumps {
	struct kid_list pool;  /* starting, or ready for a connection */
	struct kid_list taken; /* each has its connection */
	struct kid_list pams;
	struct kid_list ended; /* their channels are closed, the processes are to be waited for */
	unsigned npool, npams;
	uint32_t last;	       /* number of the process that was started last */
	unsigned failures;     /* rounds of starts in a row that came to nothing */
	struct event *restart; /* delay before the next */
	uint64_t tried;	       /* the last generation that a process has taken for a trial */
};

/* One set of all files. Index of fds: docs/PROTOCOL.md, GENERATION from load. */
enum { GEN_SETTINGS, GEN_TRUST, GEN_ANCHORS, GEN_MAP, GEN_CHAIN, GEN_CRLS, GEN_AUTHKEYS, GEN_FDS };
struct listeners; /* listeners.h */
/* Something of a generation that ends: what as in docs/PROTOCOL.md, message ENDS. */
#define ENDINGS_MAX 256
#define ENDS_SERVER 4 /* what: the server's certificate */
struct ending {
	uint32_t what;
	uint64_t from, until; /* seconds since 1970-01-01 UTC; until 0: no end is known */
	char name[160];
};
/* An SSH host key of a jump target, as its file stands; locked into memory. */
struct host_key {
	uint32_t target;  /* index in the settings */
	const char *path; /* the configuration's, for messages */
	size_t len;
	uint8_t *data;
};
struct generation {
	uint64_t number;
	bool crls_only; /* until it is committed conf, key and listeners are those in force */
	struct crlfiles crls;
	struct conf *conf;
	int fds[GEN_FDS];
	uint32_t nrules;
	uint8_t *key; /* KEY_MAX bytes, locked into memory */
	size_t key_len;
	struct host_key *host_keys;
	size_t nhost_keys;
	struct ending *ends; /* NULL until load told them */
	size_t nends;
	struct listeners *listeners;
};

/* The audit trail, as far as the monitor keeps it: audit.c. */
struct trail {
	bool wanted;	   /* the configuration has a destination */
	bool on;	   /* and the log process has it */
	uint64_t number;   /* of the last record */
	uint64_t lost;	   /* records that nobody has been told of yet */
	uint64_t waiting;  /* with the log process, which has not said what became of them */
	uint64_t telling;  /* number of the `lost` record under way; 0: none */
	uint64_t told;	   /* and the count in it */
	bool failing;	   /* the last one was not written: that has been said */
	char instance[17]; /* 16 hex digits: numbers are counted within it */
	dev_t dev;	   /* of the file */
	ino_t ino;
};

enum monitor_mode { MODE_RUN, MODE_TEST, MODE_EXPLAIN };

struct explain {
	const char *file, *account, *service, *from;
};

struct monitor {
	enum monitor_mode mode;
	const char *conf_path;
	struct event_base *base;
	char libexec[4096];
	char empty[4160]; /* the folder to chroot into */
	bool root;
	uid_t uid, ident_uid;
	gid_t gid, ident_gid, keys_gid;

	struct kid log, load, explainer, ident, resolve, gates[GATES_MAX];
	unsigned ngates;
	struct jumps jumps;
	int counters_fd; /* the gates' shared memory, -1 */
	struct counters counters;

	struct generation *current, *candidate;
	uint64_t last_number;
	bool force;	     /* the candidate was asked for with --force */
	bool offered;	     /* the candidate is with ident */
	bool again;	     /* a reload was asked for while one was under way */
	bool again_force;    /* with --force */
	struct watch *watch; /* of CRL files; NULL: none */
	bool ready;	     /* was up once */
	bool awaited;	     /* somebody waits for a whole generation to be in force everywhere */
	char failure[512];   /* why the last candidate failed */

	struct unixsock *ident_sock, *control_sock, *keys_sock; /* the last may be NULL */
	struct control *controls;				/* clients of control-socket */
	int older;	 /* pair to an older ident, to be given to ours; -1 */
	bool has_older;	 /* an older ident is there, and ours is who can ask it */
	pid_t successor; /* a newer instance that has taken over; 0: none */
	struct locks *locks;
	bool draining;
	bool stopping;
	int status; /* exit status once the loop ends */
	struct explain explain;
	struct event *tick;
	uint64_t lines_lost; /* could not be handed to log */
	struct trail trail;
	bool log_is_stderr;
	int64_t resolv_stamp;
	const char *notify_socket;
};

/* monitor.c: what to do next, given the state of all children and the generation. */
void monitor_advance(struct monitor *m) __attribute__((nonnull));
void monitor_stop(struct monitor *m, int status) __attribute__((nonnull)); /* end at once */
/* A fault that the daemon cannot run with: said on stderr and in the log; ends with status 1. */
void monitor_fatal(struct monitor *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), nonnull(1, 2)));
int64_t monitor_now_ms(void); /* monotonic */

/* logging.c */
void monitor_log(struct monitor *m, enum child_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), nonnull(1, 3)));
void monitor_log_line(struct monitor *m, enum child_level level, const char *tag, const char *line)
    __attribute__((nonnull));
/* Open the configured destinations and hand them to the log process; again after SIGHUP. */
void logging_open(struct monitor *m) __attribute__((nonnull));
/* For -t: whether log and trail could be written where they are files; none is made. */
int logging_look(const struct conf *c, struct err *e) __attribute__((warn_unused_result, nonnull));
/* "stderr", "syslog" or a file, which `open_file` opens. Returns the descriptor, -1 and *e. */
int logging_destination(const char *to, int (*open_file)(const char *, struct err *),
    uint32_t *kind, struct err *e) __attribute__((warn_unused_result, nonnull));

/* audit.c: records to the log process, which renders them as a line and for the audit trail */
int audit_init(struct monitor *m, struct err *e) __attribute__((warn_unused_result, nonnull));
/* Open the configured destination and hand it to the log process. */
void audit_open(struct monitor *m, const struct conf *c) __attribute__((nonnull));
/* Can it be opened? -1: *e. */
int audit_try(const struct conf *c, struct err *e) __attribute__((warn_unused_result, nonnull));
/* The file was renamed away (logrotate): open the one that has to be there now. */
void audit_check(struct monitor *m) __attribute__((nonnull));
/* The log process ended: what it had not settled is lost. */
void audit_log_ended(struct monitor *m) __attribute__((nonnull));
/* A record of the monitor's own. */
void audit_record(struct monitor *m, enum child_level level, const struct logline *l)
    __attribute__((nonnull));
/* Said in the log, the audit trail and to the service manager. */
void audit_reload_refused(struct monitor *m, const char *why) __attribute__((nonnull));
void audit_stop(struct monitor *m, enum child_level level, const char *why)
    __attribute__((nonnull));
/* Messages: AUDIT of a child, AUDITED of the log process; ctx is a struct kid. */
int audit_on_audit(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 5)));
int audit_on_audited(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 5)));

/* kids.c: start and death */
int kid_start(struct kid *k, struct err *e) __attribute__((warn_unused_result, nonnull));
void kid_init(struct monitor *m, struct kid *k, enum kid_kind kind, unsigned index)
    __attribute__((nonnull));
void kid_free(struct kid *k) __attribute__((nonnull)); /* jump, pam: no channel, no process */
void kid_kill(struct kid *k, const char *why) __attribute__((nonnull)); /* why "": say nothing */
void kid_end(struct kid *k) __attribute__((nonnull)); /* close its channel: it ends by itself */
void kids_reap(struct monitor *m) __attribute__((nonnull)); /* after SIGCHLD */
/* May this child have one more line in the log in this second? The rest is counted. */
bool kid_may_log(struct kid *k) __attribute__((warn_unused_result, nonnull));
/* Send; a failure is the kid's end. Descriptors pass to the queue. */
void kid_send(struct kid *k, const struct msg_out *o, const int *fds, size_t nfds)
    __attribute__((nonnull(1, 2)));
/* jump or pam: in the lists of struct jumps, and freed when it has ended */
bool kid_is_of_many(const struct kid *k) __attribute__((warn_unused_result, nonnull));
/* How long to wait before the next try after so many short lives in a row. */
struct timeval kid_delay(unsigned failures);
/* Give the two the ends of a new pair; kinds as in PEER. */
int kids_wire(struct kid *ident, uint32_t ident_kind, uint32_t index, struct kid *other,
    uint32_t other_kind) __attribute__((warn_unused_result, nonnull));

/* kidmsg.c: a message of a child; arg is its struct kid */
int kid_on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 6)));

/* spawn.c: fork and exec of one program; *channel is the monitor's end */
int spawn(struct monitor *m, const char *program, unsigned index, uid_t uid, gid_t gid,
    const char *root, pid_t *pid, int *channel, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 7, 8, 9)));

/* generation.c */
/* Begin a new candidate: open all files, start load. -1: *e says what is wrong; nothing changed. */
int generation_start(struct monitor *m, bool force, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The same for CRLs alone; everything else stays as it is. */
int generation_start_crls(struct monitor *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void generation_loaded(struct monitor *m, uint32_t nrules, int *fds) __attribute__((nonnull));
void generation_fail(struct monitor *m, const char *why) __attribute__((nonnull));
/* Give the candidate up, and say nothing of it. */
void generation_drop(struct monitor *m) __attribute__((nonnull));
void generation_commit(struct monitor *m) __attribute__((nonnull));
void generation_free(struct generation *g);
/* Around the fork by which a draining copy begins: it hands the key out with new CRLs. */
void generation_keep_key(struct generation *g, bool over_fork) __attribute__((nonnull));
void generation_to_ident(struct monitor *m, struct generation *g) __attribute__((nonnull));
void generation_to_gate(struct monitor *m, struct kid *gate, struct generation *g)
    __attribute__((nonnull));
void generation_to_jump(struct kid *jump, struct generation *g) __attribute__((nonnull));

/* files.c: to a load process that was just started. -1: *e, and nothing more is sent. */
int files_send(struct monitor *m, struct generation *g, bool force, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int files_send_crls(struct monitor *m, struct generation *g, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* watch.c: CRL files are taken when they change */
void watch_start(struct monitor *m) __attribute__((nonnull)); /* anew, for m->current */
void watch_look(struct monitor *m) __attribute__((nonnull));  /* now and then: has one changed? */
void watch_idle(struct monitor *m) __attribute__((nonnull));  /* no candidate is under way */
void watch_stop(struct monitor *m) __attribute__((nonnull));
/* These were not taken: not to be tried again before they change. Moved out of *f. */
void watch_failed(struct monitor *m, struct crlfiles *f) __attribute__((nonnull));

/* limits.c: descriptors, and what they leave of `connections` */
void limits_apply(struct monitor *m, struct conf *c, unsigned workers) __attribute__((nonnull));

/* drain.c */
void drain_start(struct monitor *m) __attribute__((nonnull));
void drain_check(struct monitor *m) __attribute__((nonnull));

/* control.c: the server of control-socket */
void control_accept(evutil_socket_t fd, short what, void *arg);
void control_reloaded(struct monitor *m, bool ok, const char *text) __attribute__((nonnull));
void control_close_all(struct monitor *m) __attribute__((nonnull));

/* explain.c */
int explain_file(struct monitor *m, struct err *e) __attribute__((warn_unused_result, nonnull));
/* What the process that explains says: a line, its verdict. */
void explain_text(struct monitor *m, uint32_t level, const char *line) __attribute__((nonnull));
void explain_done(struct monitor *m, bool yes, const char *why) __attribute__((nonnull));

/* status.c: ENDS from load. -1: malformed, or out of phase */
int status_ends(struct monitor *m, struct msg_in *in, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* takeover.c: asking an older, draining instance; *pair is -1 when there is none */
int takeover_ask(const char *path, int *pair, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* notify.c: sd_notify(3) without its library */
void notify(struct monitor *m, const char *state) __attribute__((nonnull));
void notify_reloading(struct monitor *m) __attribute__((nonnull));

#endif
