/* explain.h - alerts and refusals as sentences that say what to do */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/x509.h>

/* What we know about ourselves when the bridge says no. */
struct explain_self {
	int64_t now, not_before, not_after; /* seconds since 1970-01-01 UTC */
	const char *cert_path;
	X509 *leaf;
	bool asked; /* the server asked for a certificate */
};

/* "3 h", "12 min", "40 s", "2 days": the largest unit of which there are at least two. */
#define EXPLAIN_SPAN_SIZE 32
char *explain_span(int64_t seconds, char dst[EXPLAIN_SPAN_SIZE]) __attribute__((nonnull));

/* What a TLS alert (RFC 8446 section 6) from the bridge means here. Returns dst. */
char *explain_alert(int alert, const struct explain_self *s, char *dst, size_t size)
    __attribute__((nonnull));
/*
 * An error of libssl's queue: an alert, a protocol that does not fit, junk. `errnum` is the
 * system's, or 0 where the stream just ended.
 */
char *explain_tls(unsigned long code, int errnum, const struct explain_self *s, char *dst,
    size_t size) __attribute__((nonnull));
/* Why the server's certificate (may be NULL) is not accepted as that of `name`. */
char *explain_verify(long result, X509 *cert, const char *name, char *dst, size_t size)
    __attribute__((nonnull(3, 4)));
/*
 * The first bytes of a server that does not speak TLS (RFC 8446 section 5.1). Returns NULL when
 * they may well be TLS.
 */
char *explain_not_tls(const uint8_t *p, size_t n, char *dst, size_t size) __attribute__((nonnull));
/* Own certificate over, not begun, or over within the hour: a sentence; else NULL. */
char *explain_validity(const struct explain_self *s, char *dst, size_t size)
    __attribute__((nonnull));

#endif
