/*
 * gate_play.h - runs the real gate program; the test plays monitor, ident and clients
 *
 * Nothing here returns an error: what fails is a mistake of the test or of the gate and ends it.
 * Every wait ends after a minute, so that a hang is a failure and not a hang of the suite.
 */
#ifndef GATE_PLAY_H
#define GATE_PLAY_H

#include <stdbool.h>
#include <openssl/ssl.h>

#include "msg.h"
#include "pki.h"
#include "settings.h"

struct play_pki {
	struct pki_cert *root, *inter, *server, *alice, *expired, *revoked, *other_root, *foreign;
};

struct play {
	int		pid, monitor, ident;
	unsigned	port;
	struct settings set;
	struct play_pki pki;
	uint64_t	generation;
};

/* Start the program and see READY 0. nofile 0: as the test has it. */
void play_start(struct play *p, unsigned nofile);
/* Counters, ident's channel, generation 1, one listener on 127.0.0.1. */
void play_serve(struct play *p);
/* Kill it if it still runs, free everything. */
void play_end(struct play *p);
/* Wait until it ended by itself; its exit status, or -signal. */
int play_status(struct play *p);

/* The single steps of play_serve(). */
void play_counters(struct play *p);
void play_peer(struct play *p);
void play_key(struct play *p, uint64_t generation);
void play_generation(struct play *p, uint64_t generation, bool with_other_root);
void play_ready(struct play *p, uint64_t generation, bool ok);
void play_listen(struct play *p);
void play_drain(struct play *p);

/* One message to either channel; fds stay the caller's. */
void play_send(int channel, const struct msg_out *o, const int *fds, size_t nfds);
/* The next message of `type` from a channel; log lines that come before it are kept apart. */
#define PLAY_MESSAGE (MSG_MAX + 64)
size_t play_recv(int channel, unsigned type, uint8_t *buf, int *fd);
/* Read the monitor's channel until a log line has all these words in it (NULL ends). */
void play_log(struct play *p, ...) __attribute__((sentinel));
bool play_quiet(int channel); /* nothing to read there now */

/* OPEN: the gate's number; *name and *from as sent, where not NULL. */
uint32_t play_open(struct play *p, char *name, size_t name_size, char *from, size_t from_size);
/* Answer with one end of a socket pair; the other is returned. */
int play_opened(struct play *p, uint32_t number, uint64_t id, uint32_t idle);
void play_refused(struct play *p, uint32_t number, uint64_t id, const char *text);
struct play_closed {
	uint64_t id, up, down;
	uint32_t number;
	char	 why[256];
};
void play_closed(struct play *p, struct play_closed *c);

/* A TCP connection to the gate; a TLS client on it (not shaken hands yet). */
int play_connect(struct play *p);
SSL *play_client(struct play *p, const struct pki_cert *cert, const char *server_name);
/* The same on a socket that there is, with more certificates to send. */
SSL *play_client_on(int fd, const struct pki_cert *cert, STACK_OF(X509) *more,
    const char *server_name, int version);
void play_client_free(SSL *ssl); /* closes its socket too */
/* Shake hands and read: the alert (SSL_AD_*) by which the gate refuses; -1: none came. */
int play_alert(SSL *ssl);

#endif
