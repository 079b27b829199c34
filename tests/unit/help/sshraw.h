/*
 * sshraw.h - an SSH client that sends whatever a test wants (RFC 4253, 4252, 4254)
 *
 * One set of algorithms: curve25519-sha256, ssh-ed25519, aes128-gcm@openssh.com, no compression.
 * The server's signature is not checked: it is ours. Key exchange, then packets as the test
 * writes them; nothing is answered by itself but a key exchange that the server begins.
 * The descriptor is not blocking: what cannot go out waits in the client.
 */
#ifndef SSHRAW_H
#define SSHRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sshraw;

/* Takes fd over. It sends its version and KEXINIT at once; sshraw_next() goes on. NULL: no memory
 */
struct sshraw *sshraw_new(int fd);
void sshraw_free(struct sshraw *s);
int sshraw_fd(const struct sshraw *s);
bool sshraw_unsent(const struct sshraw *s); /* something waits to go out */
bool sshraw_ready(const struct sshraw *s);  /* the first key exchange is done */

/* Write what waits. -1: the server has closed. */
int sshraw_flush(struct sshraw *s);
/*
 * Read and decrypt; at most one packet of the server's that is not the transport's own. Its
 * payload, *n bytes, until the next call; NULL with *end false: nothing yet; with true: closed.
 */
const uint8_t *sshraw_next(struct sshraw *s, size_t *n, bool *end);
/* A packet with this payload, encrypted once the key exchange is done. */
void sshraw_send(struct sshraw *s, const void *payload, size_t n);
/* Bytes as they are, in place of a packet. */
void sshraw_bytes(struct sshraw *s, const void *bytes, size_t n);
/* The next packet is sent with one bit of its tag turned round. */
void sshraw_break_tag(struct sshraw *s);
/* Begin a key exchange anew. */
void sshraw_rekey(struct sshraw *s);
/* One that the server begins from now on is not answered: its KEXINIT comes from sshraw_next(). */
void sshraw_no_rekey(struct sshraw *s);

/* ---- payloads ---------------------------------------------------------------------------------
 */

/* Built from: 'b' byte, 'u' u32, 's' string (NUL-terminated), 'n' bytes and size_t as a string */
struct sshraw_payload {
	uint8_t buf[70000];
	size_t n;
};
void sshraw_pack(struct sshraw_payload *p, const char *format, ...);
void sshraw_sendf(struct sshraw *s, const char *format, ...);
/* The public key of the one user that this client ever is, as a blob; its signature over `text`
 * and the session's id as SSH has it. */
size_t sshraw_blob(uint8_t *blob, size_t size);
void sshraw_userauth(struct sshraw *s, const char *user);

uint32_t sshraw_u32(const uint8_t *p);

#endif
