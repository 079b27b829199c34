/* sshkey.h - SSH public keys: blob (RFC 4253 section 6.6), text, fingerprint (no OpenSSL here) */
#ifndef SSHKEY_H
#define SSHKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define SSHKEY_BLOB_MAX 4096 /* a 16384-bit RSA key has 2,076 bytes */
#define SSHKEY_TYPE_MAX 64
#define SSHKEY_TEXT_MAX 8192

struct sshkey {
	char type[SSHKEY_TYPE_MAX]; /* "ssh-ed25519"; the name inside the blob */
	uint8_t blob[SSHKEY_BLOB_MAX];
	size_t blob_len;
	uint8_t sha256[32]; /* of the blob */
	uint32_t rsa_bits;  /* of the modulus; 0: no RSA key */
};

/*
 * A blob from outside: the inner name must be one that we know (ssh-ed25519, ssh-rsa,
 * ecdsa-sha2-nistp256/384/521, sk-ssh-ed25519@openssh.com, sk-ecdsa-sha2-nistp256@openssh.com),
 * every length right, nothing left over. Certificate types are refused. -1: ERR_FORMAT.
 */
int sshkey_parse_blob(const uint8_t *p, size_t n, struct sshkey *k, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* "TYPE BASE64[ COMMENT]"; TYPE must equal the name inside the blob. -1: ERR_FORMAT. */
int sshkey_parse_text(const char *text, size_t n, struct sshkey *k, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/*
 * The same of a line that may name a type of which we know nothing, such as that of an SSH
 * certificate: 0; 1 when TYPE is such a one, BASE64 is base64 and its blob begins with TYPE (*k is
 * not written); -1: ERR_FORMAT.
 */
int sshkey_parse_line(const char *text, size_t n, struct sshkey *k, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* How a security key signed: bits of its flags (OpenSSH, PROTOCOL.u2f). */
enum { SSHKEY_TOUCHED = 1, SSHKEY_VERIFIED = 4 };
struct sshkey_security {      /* into the key's blob */
	const uint8_t *point; /* the public key proper */
	size_t npoint;
	const uint8_t *application;
	size_t napplication;
};
/* Whether it is a security key (sk-...), and its parts. */
bool sshkey_security(const struct sshkey *k, struct sshkey_security *s)
    __attribute__((warn_unused_result, nonnull));

#endif
