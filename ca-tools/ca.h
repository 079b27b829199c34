/* ca.h - one CA: its folder, its two certificates, its store, its keys */
#ifndef CA_CA_H
#define CA_CA_H

#include <stdbool.h>
#include <stdint.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "cmd.h"
#include "files.h"
#include "passphrase.h"
#include "profile.h"
#include "store.h"

#define BACKDATE      300 /* notBefore and thisUpdate lie back, for clocks that are behind */
#define CERT_FILE_MAX 262144

struct ca {
	char path[FILE_PATH_MAX]; /* absolute, without symbolic links */
	int dirfd;
	struct store *store;
	X509 *root, *intermediate;
};

/*
 * Open the CA in `dir`: a folder of this uid's that others may not write, with a store whose
 * certificates are those of root.pem and intermediate.pem. -1: ERR_SYS, ERR_FORMAT.
 */
int ca_open(struct ca *ca, const char *dir, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void ca_close(struct ca *ca) __attribute__((nonnull));

/*
 * The private key of the root or the intermediate, which fits its certificate; the caller frees.
 * NULL: ERR_SYS (detail ENOENT: the key is not in the folder), ERR_FORMAT, ERR_REFUSED.
 */
EVP_PKEY *ca_key(struct ca *ca, enum profile which, struct passphrase *p, struct env *env,
    struct err *e) __attribute__((warn_unused_result, nonnull));

/* Make a whole CA in `dir`, which is not there or is an empty folder; all of it or nothing. */
struct ca_plan {
	const char *dir, *name;
	const NAME_CONSTRAINTS *permit;	     /* or NULL */
	const struct passphrase *passphrase; /* or NULL: keys in the clear */
	int64_t now;
};
int ca_create(const struct ca_plan *plan, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* A certificate as a row of the store; c->der is malloc'ed: store_cert_done(). */
int ca_row(X509 *cert, enum profile p, const char *name, int64_t now, struct store_cert *c,
    struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * Within a transaction: sign the next CRL of the root or the intermediate from what the store
 * holds, and store it with its event. An entry stays until a CRL after the certificate's end has
 * told of it (RFC 5280 section 3.3).
 */
int ca_crl_make(struct store *st, enum profile which, X509 *issuer, EVP_PKEY *key, int64_t now,
    int64_t next_update, struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * The certificate that `word` means: a serial in hex, or a PEM file whose first certificate is
 * one that this CA issued, bit for bit. 0 and *c (store_cert_done()), or -1 ERR_FORMAT, ERR_SYS.
 */
int ca_find(struct ca *ca, const char *word, struct store_cert *c, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* -1 when `path` names one of the CA's own files (export --out DIR/root.key …). */
int ca_may_write(const struct ca *ca, const char *path, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* Certificates (NULL: one less) as one PEM text; the caller frees with OPENSSL_free(). */
int certs_to_pem(X509 *first, X509 *second, char **pem, size_t *n, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 3, 4, 5)));

#endif
