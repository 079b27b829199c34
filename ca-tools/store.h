/*
 * store.h - the CA's memory: certificates issued, revocations, CRLs, events; one SQLite file
 *
 * Whatever changes the store stands between store_begin() and store_commit(): the event that
 * tells of it and the change itself are one transaction, on the disk when store_commit() returns.
 */
#ifndef CA_STORE_H
#define CA_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define STORE_SERIAL_SIZE 48  /* hex of at most 20 octets, and a NUL */
#define STORE_NAME_SIZE	  256 /* a CN of at most 64 characters is at most 256 bytes */
#define STORE_WORD_SIZE	  16
#define STORE_BUSY_MS	  30000 /* how long one waits for another that writes */

struct store;

struct store_cert {
	int64_t id; /* order of issuing; the store sets it */
	char serial[STORE_SERIAL_SIZE];
	char issuer[STORE_WORD_SIZE];  /* "root", "intermediate" */
	char profile[STORE_WORD_SIZE]; /* "root", "intermediate", "user", "host" */
	char name[STORE_NAME_SIZE];
	int64_t issued, not_before, not_after; /* seconds since 1970-01-01 UTC */
	bool revoked;
	int64_t revoked_at;
	int reason;	    /* CRLReason (RFC 5280 section 5.3.1); 0 unspecified */
	uint8_t sha256[32]; /* of the DER */
	uint8_t *der;
	size_t der_len;
};
void store_cert_done(struct store_cert *c) __attribute__((nonnull)); /* frees der */

struct store_crl {
	char issuer[STORE_WORD_SIZE];
	int64_t number, this_update, next_update;
	uint8_t *der;
	size_t der_len;
};
void store_crl_done(struct store_crl *c) __attribute__((nonnull)); /* frees der */

struct store_event {
	int64_t id, at;
	unsigned uid;
	char what[STORE_WORD_SIZE];
	char serial[STORE_SERIAL_SIZE]; /* "" where there is none */
	char detail[256];
};

/* Make a new store at `path`, which must not exist, or open one. NULL: ERR_SYS, ERR_FORMAT. */
struct store *store_create(const char *path, struct err *e)
    __attribute__((warn_unused_result, nonnull));
struct store *store_open(const char *path, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void store_close(struct store *st); /* what was not committed is gone */

/* One writer at a time: store_begin() waits up to STORE_BUSY_MS for another. */
int store_begin(struct store *st, struct err *e) __attribute__((warn_unused_result, nonnull));
int store_commit(struct store *st, struct err *e) __attribute__((warn_unused_result, nonnull));
void store_rollback(struct store *st) __attribute__((nonnull));

/* -1 also when the serial or the fingerprint is there already. */
int store_add_cert(struct store *st, const struct store_cert *c, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* By serial, or the first with an id above `after`: 1 and *c (then store_cert_done()), 0, or -1. */
int store_find_cert(struct store *st, const char *serial, struct store_cert *c, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int store_next_cert(struct store *st, int64_t after, struct store_cert *c, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The next revoked one of `issuer` above `after`; likewise, but without its DER. */
int store_next_revoked(struct store *st, const char *issuer, int64_t after, struct store_cert *c,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/* Mark as revoked; one that is on hold may get a final reason. -1 when there was nothing to mark.
 */
int store_revoke(struct store *st, const char *serial, int64_t at, int reason, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* The newest CRL of `issuer`: 1 and *c (then store_crl_done()), 0 when none was signed, or -1. */
int store_get_crl(struct store *st, const char *issuer, struct store_crl *c, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Replace it; -1 unless the number is higher than that of the one before. */
int store_put_crl(struct store *st, const struct store_crl *c, struct err *e)
    __attribute__((warn_unused_result, nonnull));

int store_add_event(struct store *st, int64_t at, const char *what, const char *serial,
    const char *detail, struct err *e) __attribute__((warn_unused_result, nonnull));
int store_next_event(struct store *st, int64_t after, struct store_event *ev, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
