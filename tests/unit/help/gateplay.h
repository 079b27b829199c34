/*
 * gateplay.h - runs the real gate program; the test plays monitor, ident and clients
 *
 * Nothing here returns an error: what fails is a mistake of the test or of the gate and ends it.
 * Every wait ends after a minute, so that a hang is a failure and not a hang of the suite.
 */
#ifndef GATEPLAY_H
#define GATEPLAY_H

#include <stdbool.h>
#include <openssl/ssl.h>

#include "msg.h"
#include "tests/unit/help/pki.h"
#include "settings.h"

struct gateplay_pki {
	struct pki_cert *root, *inter, *server, *alice, *expired, *revoked, *other_root, *foreign;
};

struct gateplay {
	int pid, monitor, ident;
	unsigned port;
	struct settings set;
	struct gateplay_pki pki;
	uint64_t generation;
};

/* Start the program and see READY 0. nofile 0: as the test has it. */
void gateplay_start(struct gateplay *p, unsigned nofile);
/* Counters, ident's channel, generation 1, one listener on 127.0.0.1. */
void gateplay_serve(struct gateplay *p);
/* Kill it if it still runs, free everything. */
void gateplay_end(struct gateplay *p);
/* Wait until it ended by itself; its exit status, or -signal. */
int gateplay_status(struct gateplay *p);

/* The single steps of gateplay_serve(). */
void gateplay_counters(struct gateplay *p);
void gateplay_peer(struct gateplay *p);
void gateplay_key(struct gateplay *p, uint64_t generation);
void gateplay_generation(struct gateplay *p, uint64_t generation, bool with_other_root);
void gateplay_ready(struct gateplay *p, uint64_t generation, bool ok);
void gateplay_listen(struct gateplay *p);
void gateplay_drain(struct gateplay *p);

/* One message to either channel; fds stay the caller's. */
void gateplay_send(int channel, const struct msg_out *o, const int *fds, size_t nfds);
/* The next message of `type` from a channel; log lines before it are passed over. */
#define GATEPLAY_MESSAGE (MSG_MAX + 64)
size_t gateplay_recv(int channel, unsigned type, uint8_t *buf);
/* Read the monitor's channel until a log line has all these words in it (NULL ends). */
void gateplay_log(struct gateplay *p, ...) __attribute__((sentinel));
/* How many CLOSED of earlier connections were passed over while an OPEN was waited for. */
extern unsigned gateplay_closed_before;
bool gateplay_quiet(int channel); /* nothing to read there now */

/* OPEN: the gate's number; *name and *from as sent, where not NULL. */
uint32_t gateplay_open(
    struct gateplay *p, char *name, size_t name_size, char *from, size_t from_size);
/* Answer with one end of a socket pair; the other is returned. */
int gateplay_opened(struct gateplay *p, uint32_t number, uint64_t id, uint32_t idle);
/* The same, and the client is to be asked for a new certificate at that time. */
int gateplay_opened_until(
    struct gateplay *p, uint32_t number, uint64_t id, uint32_t idle, uint64_t renew_at);
/* The same with a socket of the caller's, who keeps his descriptor. */
void gateplay_opened_with(
    struct gateplay *p, uint32_t number, uint64_t id, uint32_t idle, uint64_t renew_at, int fd);
void gateplay_renewed(struct gateplay *p, uint32_t number, uint64_t id, uint64_t renew_at);
void gateplay_cut(struct gateplay *p, uint32_t number, uint64_t id, const char *text);
void gateplay_refused(struct gateplay *p, uint32_t number, uint64_t id, const char *text);
struct gateplay_closed {
	uint64_t id, up, down;
	uint32_t number;
	char why[256];
};
void gateplay_closed(struct gateplay *p, struct gateplay_closed *c);

/* A TCP connection to the gate; a TLS client on it (not shaken hands yet). */
int gateplay_connect(struct gateplay *p);
int gateplay_try_connect(struct gateplay *p); /* -1: nobody listens */
SSL *gateplay_client(struct gateplay *p, const struct pki_cert *cert, const char *server_name);
/* The same on a socket that there is, with more certificates to send. */
SSL *gateplay_client_on(int fd, const struct pki_cert *cert, STACK_OF(X509) * more,
    const char *server_name, int version);
void gateplay_client_free(SSL *ssl); /* closes its socket too */
/* Shake hands and read: the alert (SSL_AD_*) by which the gate refuses; -1: none came. */
int gateplay_alert(SSL *ssl);

#endif
