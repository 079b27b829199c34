/* stage.h - a test plays the monitor of one child process, and the peers of ident */
#ifndef STAGE_H
#define STAGE_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "audit.h"
#include "authkeys.h"
#include "msg.h"
#include "settings.h"

/* A child on a channel. As root it runs under another uid, in an empty root (resolve: in "/"). */
struct stage {
	pid_t pid;
	int monitor;		   /* the channel's other end */
	char root[64], last[4096]; /* the line of the last LOG or AUDIT */
	struct audit audit;	   /* the last AUDIT; what points into the message is gone */
	bool force;		   /* of every GENERATION to ident */
	bool revoked;		   /* its CRL has the serial of stage_open(); else there is none */
	const struct authkeys *keys; /* SSH keys of jump targets; NULL: none */
};
void stage_start(struct stage *p, const char *program);
/* A fork of the test in its place, with the channel where a child has it; run() says READY. */
void stage_start_here(struct stage *p, void (*run)(void));
/* Close the channel and wait: the child must end by itself with status 0. */
void stage_end(struct stage *p);
/* The wait status of a child that has ended or is about to. */
int stage_wait(struct stage *p);
/* Seconds as ident sees them: time() lags by up to a tick of the kernel's. */
time_t stage_clock(void);

/* One received message; fails the test when none comes for a very long time. */
struct got {
	uint8_t buf[MSG_MAX];
	struct msg_in m;
	int fds[MSG_FDS_MAX];
	size_t nfds;
	bool end; /* the peer has closed */
};
void stage_recv(int fd, struct got *g);
void stage_expect(int fd, struct got *g, unsigned type); /* of this type, without LOG between */
void stage_expect_end(int fd);
void stage_send(int fd, const struct msg_out *o, const int *fds, size_t nfds);
/* Messages from the monitor's side; wait for READY, or a line of LOG or AUDIT that begins with
 * `word`. */
bool stage_ready(struct stage *p, uint64_t number, char *why, size_t size);
const char *stage_log(struct stage *p, const char *word);
/* A SEQPACKET pair: one end goes with PEER, the other is returned. */
int stage_peer(struct stage *p, unsigned kind, unsigned index);

/* ---- for ident ------------------------------------------------------------------------------ */
#define STAGE_ANCHOR 0xa0      /* first byte of the SHA-256 of the anchor that "corp" trusts */
extern const char stage_map[]; /* {user}@corp.example may be user; mallory is denied; … */

void stage_settings(struct settings *s, uint16_t target_port);
/* GENERATION; does not wait. */
void stage_generation(struct stage *p, uint64_t number, const struct settings *s,
    const uint8_t *anchor_bytes, size_t nanchors, const char *map);
/* A generation in force with one section, the anchor and stage_map. */
void stage_in_force(struct stage *p, uint64_t number, const struct settings *s);

/* OPEN as a gate sends it; stage_open() fills in a good one of alice's. */
struct stage_open {
	uint32_t number;
	const char *server_name, *email, *cn, *client, *serial;
	const char *sections[3];       /* up to the first NULL */
	uint8_t leaf, anchor;	       /* first bytes of the SHA-256s */
	int64_t not_before, not_after; /* of the leaf; the anchor's are wide */
	bool no_fingerprint, stray_section;
	const char *ssh_key; /* the certificate's key as "TYPE BASE64"; NULL: it has no such form */
	const char *lists;   /* fingerprint of the SSH key in its extension; NULL: no extension */
};
struct stage_open stage_open(uint32_t number);
void stage_open_put(const struct stage_open *a, struct msg_out *o, uint8_t *buf, size_t size);
void stage_open_send(int gate, const struct stage_open *a);
/* RENEW with the certificate of `a`, and the answer to one that is taken: its renew-at. */
void stage_renew_put(
    const struct stage_open *a, uint64_t conn, struct msg_out *o, uint8_t *buf, size_t size);
void stage_renew_send(int gate, uint64_t conn, const struct stage_open *a);
uint64_t stage_renewed(int gate, uint32_t number, uint64_t conn);
void stage_closed(int gate, uint64_t conn, uint32_t number);

/* OPENED: returns the socket. */
int stage_opened(int gate, uint32_t number, uint64_t *conn);
int stage_opened_until(int gate, uint32_t number, uint64_t *conn, uint64_t *renew_at);
/* CUT of this connection: returns its code. */
unsigned stage_cut(int gate, uint32_t number, uint64_t conn);
/* REFUSED: returns its code. */
unsigned stage_refused(int gate, uint32_t number);

/* A listener on 127.0.0.1 and the port it has. */
int stage_listener(uint16_t *port);

/* ident.sock in a folder of its own; the listener goes to ident. */
struct stage_sock {
	char dir[64], path[80];
};
/* The log process' word on a record. */
void stage_audited(struct stage *p, uint64_t number, uint32_t written);
void stage_listen(struct stage *p, struct stage_sock *s);
void stage_listen_index(struct stage *p, struct stage_sock *s, uint32_t index); /* 1: keys-socket */
void stage_listen_done(struct stage_sock *s);
int stage_ask_connect(const struct stage_sock *s);
/* WHO with these descriptors on `fd`; hook 1 auth, 2 account, 3 open_session. */
void stage_who(int fd, unsigned hook, const char *account, const int *fds, size_t nfds);
void stage_who_info(int fd, unsigned hook, const char *account, const char *info, int sock);
/* As of a line with bind=session (`promise` 1), or anything else that is none. */
void stage_who_bind(
    int fd, unsigned hook, const char *account, const char *info, unsigned promise, int sock);
/* Connect, ask, take the answer: MSG_IS or MSG_NO, with its kind in *kind. */
unsigned stage_ask(
    const struct stage_sock *s, unsigned hook, const char *account, int sock, unsigned *kind);

#endif
