/* authkeys.h - SSH keys that may log in to a jump: the format of sshd's authorized_keys */
#ifndef AUTHKEYS_H
#define AUTHKEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "err.h"
#include "sealed.h"

#define AUTHKEYS_LINE_MAX    8192
#define AUTHKEYS_ACCOUNT_MAX 32		  /* portable user name (POSIX 3.437) */
#define AUTHKEYS_FILE_MAX    (256U << 10) /* bytes of one account's file */
#define AUTHKEYS_FILES_MAX   1024	  /* of one target's folder */
#define AUTHKEYS_KEYS_MAX    100000	  /* of all files */
#define AUTHKEYS_TEXT_MAX    (32U << 20)  /* bytes of all files */
#define AUTHKEYS_BYTES_MAX   (64U << 20)  /* of the set as sealed memory */

/* ---- one line ------------------------------------------------------------------------------- */
struct authkeys_line {
	uint8_t sha256[32]; /* of the key's blob */
	bool opens;	    /* may open targets at all: neither restrict nor no-port-forwarding */
	bool no_touch;	    /* a security key need not be touched */
	bool verify;	    /* … has to have verified its user */
	int64_t expires;    /* the last second at which it may log in; INT64_MAX: no end */
	/* lists with commas, checked and in lower case; "" where the line says nothing of it */
	char from[AUTHKEYS_LINE_MAX];
	char permitopen[AUTHKEYS_LINE_MAX]; /* HOST:PORT, without brackets */
};
/*
 * A line of the file, without its newline: [OPTIONS] TYPE BASE64 [COMMENT]. 0; 1: empty or a
 * comment; -1: ERR_FORMAT with the reason, and nobody may log in by it: a key that is not taken (no
 * certificates, RSA of less than 2048 bits), an option that is unknown or that cannot be held here.
 * Times without Z are in the time zone of the process.
 */
int authkeys_parse_line(const char *text, size_t n, struct authkeys_line *l, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* ---- the set -------------------------------------------------------------------------------- */
struct authkey {
	struct authkey *next;
	const char *account;
	const char *from, *permitopen; /* "": anywhere; anything */
	int64_t expires;
	uint32_t target; /* index in the settings */
	uint32_t line;
	uint8_t sha256[32];
	bool opens, no_touch, verify;
	char text[];
};
struct authkeys;
struct authkeys *authkeys_new(struct err *e) __attribute__((warn_unused_result, nonnull));
void authkeys_free(struct authkeys *k);
size_t authkeys_count(const struct authkeys *k) __attribute__((nonnull)); /* lines taken */
/* A portable user name (POSIX 3.437) of at most 32 bytes, no dot first: what a file may be called.
 */
bool authkeys_account(const char *name) __attribute__((nonnull));
/*
 * Add the text of the file of an account. `refused` gets each line that is not taken, with its
 * reason. -1: ERR_NOMEM; ERR_FORMAT: too large, more than AUTHKEYS_KEYS_MAX in all.
 */
int authkeys_add(struct authkeys *k, uint32_t target, const char *account, const uint8_t *text,
    size_t n, void (*refused)(void *arg, unsigned line, const char *why), void *arg, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 3, 4, 6, 8)));
/* The set as records in sealed memory (the descriptor is the caller's), and back. */
int authkeys_seal(const struct authkeys *k, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* NULL: ERR_PEER (no such records), ERR_NOMEM. The memory may go afterwards. */
struct authkeys *authkeys_open(const struct sealed *s, struct err *e)
    __attribute__((warn_unused_result, nonnull));

enum authkeys_verdict {
	AUTHKEYS_YES,
	AUTHKEYS_NOT_LISTED, /* the account's file does not have the key */
	AUTHKEYS_EXPIRED,    /* … has it, but its expiry-time is over */
	AUTHKEYS_FROM,	     /* … has it, but not from this address */
	AUTHKEYS_UNTOUCHED,  /* … has it, but a security key has to be touched */
	AUTHKEYS_UNVERIFIED, /* … has it, but it has to verify its user */
};
/* What a security key left out when it signed; nothing where there is no such key or signature. */
struct authkeys_use {
	bool untouched, unverified;
};
struct authkeys_query {
	uint32_t target;
	const char *account;
	const uint8_t *sha256;	     /* of the key's blob: 32 bytes */
	const struct sockaddr *from; /* the client's real address, folded (addr_fold()) */
	int64_t now;
	struct authkeys_use use;
};
/*
 * Whether the key may log in now, from there. Of several lines with the same key the first whose
 * expiry-time and from hold counts, as for sshd, and it alone says how a security key has to be
 * used; *found is it, good as long as the set, or NULL where the key may not.
 */
enum authkeys_verdict authkeys_find(const struct authkeys *k, const struct authkeys_query *q,
    const struct authkey **found) __attribute__((warn_unused_result, nonnull));
const char *authkeys_verdict_text(enum authkeys_verdict v); /* "the SSH key is not listed …" */
/*
 * Whether the line lets its login open a connection to what the client calls `host`. permitopen
 * compares names as the client gives them, addresses as such; it looks nothing up.
 */
bool authkey_opens(const struct authkey *a, const char *host, uint16_t port)
    __attribute__((warn_unused_result, nonnull));

#endif
