/*
 * jumpplay.h - runs the real jump program; the test plays monitor, ident, pam and clients
 *
 * Nothing here returns an error: what fails is a mistake of the test or of the program and ends it.
 */
#ifndef JUMPPLAY_H
#define JUMPPLAY_H

#include <libssh/libssh.h>
#include <stdbool.h>

#include "settings.h"
#include "tests/unit/help/stage.h"

enum { JUMPPLAY_NO, JUMPPLAY_YES, JUMPPLAY_PAM }; /* as in LOGGED */

struct jumpplay {
	struct stage stage;
	int ident, pam; /* the other ends of its channels; -1 */
	struct settings set;
	ssh_key host;

	/* what ident will say */
	unsigned probe, proven;	 /* verdicts */
	const char *text;	 /* with them */
	bool silent;		 /* LOGIN is not answered */
	bool about_waits;	 /* ABOUT is not, until jumpplay_about() */
	int listener;		 /* who connects there is the client; -1: none */
	int target;		 /* DIAL: this socket, a duplicate of it each time; -1: refused */
	bool pam_asks, pam_says; /* one prompt; the verdict */
	const char *want;	 /* answer that PAM wants */

	/* what it was asked */
	unsigned logins, dials, abouts, closed;
	bool last_proven;
	uint32_t flags;	       /* of a security key's signature */
	uint32_t about_number; /* of the last */
	char account[256];
	uint8_t blob[4096];
	size_t blob_len;
};

/* Start it; the settings have one jump target and one ed25519 host key. */
void jumpplay_start(struct jumpplay *p);
/* With a fork of the test as the process (stage_start_here()). */
void jumpplay_start_here(struct jumpplay *p, void (*run)(void));
/* PEER, HOSTKEY, GENERATION 1: it is ready for a connection then. */
void jumpplay_ready(struct jumpplay *p);
void jumpplay_hostkey(struct jumpplay *p, uint64_t generation, uint32_t target, ssh_key key);
/* The same with what stands in the file /test/key. */
void jumpplay_hostkey_text(
    struct jumpplay *p, uint64_t generation, uint32_t target, const char *text);
void jumpplay_generation(struct jumpplay *p, uint64_t generation);
/* START: returns the client's end; or with an end that there is, which is closed here. */
#define JUMPPLAY_CONN 0x1234abcdULL
int jumpplay_connect(struct jumpplay *p);
void jumpplay_give(struct jumpplay *p, int fd);
/* Kill it if it still runs; free everything. */
void jumpplay_end(struct jumpplay *p);
/* It must end by itself; its exit status, or -signal. */
int jumpplay_status(struct jumpplay *p);

/* Answer what ident and pam are asked, until nothing comes for `ms`. False: its channel ended. */
bool jumpplay_answer(struct jumpplay *p, int ms);
void jumpplay_about(struct jumpplay *p);
void jumpplay_cut(struct jumpplay *p, const char *text);
/* Read log lines until one has both words in it; fails the test at the end of the channel. */
void jumpplay_log(struct jumpplay *p, const char *word, const char *second);

/* A client of libssh's on `fd`, key exchange done, not authenticated. */
ssh_session jumpplay_client(struct jumpplay *p, int fd, const char *user);
ssh_session jumpplay_client_with(struct jumpplay *p, int fd, const char *user, const char *ciphers);
/* SSH_AUTH_*; user NULL: the session's. */
int jumpplay_publickey(struct jumpplay *p, ssh_session s, const char *user, ssh_key key);
int jumpplay_offer(struct jumpplay *p, ssh_session s, const char *user, ssh_key key);
int jumpplay_none(struct jumpplay *p, ssh_session s);
int jumpplay_password(struct jumpplay *p, ssh_session s);
/* Wait until it disconnects this client: the text that it gave; "" for none. */
const char *jumpplay_farewell(struct jumpplay *p, ssh_session s);
ssh_key jumpplay_key(enum ssh_keytypes_e type, int parameter);
/* Run a command while ident is played; its exit status, what it printed in `out`. */
int jumpplay_run(struct jumpplay *p, char *const argv[], int keep_fd, char *out, size_t size);

#endif
