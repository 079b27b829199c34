/* session.c - SSH host keys, and libssh sessions that use them */
#include <errno.h>
#include <fcntl.h>
#include <libssh/server.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

enum { RSA_BITS_MIN = 2048 };
/* New keys after so much or so long (RFC 4253 section 9). */
#define REKEY_BYTES   (1ULL << 30)
#define REKEY_SECONDS 3600U

/* Types of host keys; of a kind libssh holds one. */
static int
kind_of(enum ssh_keytypes_e type)
{
	switch (type) {
	case SSH_KEYTYPE_ED25519:
		return 1;
	case SSH_KEYTYPE_ECDSA_P256:
	case SSH_KEYTYPE_ECDSA_P384:
	case SSH_KEYTYPE_ECDSA_P521:
		return 2;
	case SSH_KEYTYPE_RSA:
		return 3;
	default:
		return 0;
	}
}

static int
add_key(struct hostkeys *h, uint32_t target, ssh_key key, struct err *e)
{
	const char *name = ssh_key_type_to_char(ssh_key_type(key));
	int kind = kind_of(ssh_key_type(key));

	if (kind == 0)
		return err_set(e, ERR_FORMAT, "a host key of type %s is not taken",
		    name == NULL ? "unknown" : name);
	if (h->n[target] == SETTINGS_HOST_KEYS_MAX)
		return err_set(e, ERR_FORMAT, "more than %d host keys", SETTINGS_HOST_KEYS_MAX);
	for (uint32_t i = 0; i < h->n[target]; i++)
		if (kind_of(ssh_key_type(h->of[target][i])) == kind)
			return err_set(e, ERR_FORMAT, "two host keys of one kind (%s)", name);
	h->of[target][h->n[target]++] = key;
	return 0;
}

int
hostkeys_add(struct hostkeys *h, uint32_t target, const uint8_t *text, size_t n, struct err *e)
{
	char *copy;
	ssh_key key = NULL;
	int r;

	if (target >= SETTINGS_TARGETS_MAX)
		return err_set(e, ERR_PEER, "host key of target %u", target);
	if (memchr(text, '\0', n) != NULL)
		return err_set(e, ERR_FORMAT, "not a text");
	if ((copy = malloc(n + 1)) == NULL)
		return err_nomem(e, "host key");
	memcpy(copy, text, n);
	copy[n] = '\0';
	r = ssh_pki_import_privkey_base64(copy, NULL, NULL, NULL, &key);
	explicit_bzero(copy, n);
	free(copy);
	if (r != SSH_OK)
		return err_set(e, ERR_FORMAT, "no private key is in it, or one with a passphrase");
	if (add_key(h, target, key, e) == -1) {
		ssh_key_free(key);
		return -1;
	}
	return 0;
}

static void
forget(struct hostkeys *h, uint32_t target)
{
	for (uint32_t i = 0; i < h->n[target]; i++) {
		ssh_key_free(h->of[target][i]);
		h->of[target][i] = NULL;
	}
	h->n[target] = 0;
}

void
hostkeys_keep(struct hostkeys *h, uint32_t target)
{
	for (uint32_t i = 0; i < SETTINGS_TARGETS_MAX; i++)
		if (i != target)
			forget(h, i);
}

void
hostkeys_done(struct hostkeys *h)
{
	hostkeys_keep(h, SETTINGS_TARGETS_MAX);
}

/* The functions that read a queued message are marked deprecated; 0.12 still has them. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
bool
session_proven(ssh_message msg)
{
	return ssh_message_subtype(msg) == (int)SSH_AUTH_METHOD_PUBLICKEY &&
	       ssh_message_auth_publickey_state(msg) == SSH_PUBLICKEY_STATE_VALID;
}

ssh_key
session_key(ssh_message msg)
{
	return ssh_message_auth_pubkey(msg);
}
#pragma GCC diagnostic pop

/* ---- algorithms -------------------------------------------------------------------------------
 */

/*
 * No group exchange (it would read /etc/ssh/moduli), no P-256 (its seeds are nobody's that can be
 * named), no SHA-1. MACs over the plaintext come last, for clients that know no others (libssh2
 * before 1.11, Twisted): with ciphers in counter mode and a sequence number in each MAC they hold,
 * and who has better ones takes those, for the client's order decides.
 */
#define KEX	     "curve25519-sha256,curve25519-sha256@libssh.org"
#define CIPHERS_GCM  "aes256-gcm@openssh.com,aes128-gcm@openssh.com,"
#define CIPHERS(gcm) "chacha20-poly1305@openssh.com," gcm "aes256-ctr,aes128-ctr"
#define MACS                                                           \
	"hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com," \
	"hmac-sha2-256,hmac-sha2-512"
#define HOST_KEYS                                                                  \
	"ssh-ed25519,ecdsa-sha2-nistp521,ecdsa-sha2-nistp384,ecdsa-sha2-nistp256," \
	"rsa-sha2-512,rsa-sha2-256"

static int
set_bind(ssh_bind b, const struct settings_target *t, struct err *e)
{
	static const bool no;
	static const int rsa_min = RSA_BITS_MIN;
	const char *ciphers = t->aes_gcm != 0 ? CIPHERS(CIPHERS_GCM) : CIPHERS("");
	const struct {
		enum ssh_bind_options_e option;
		const void *value;
	} options[] = {
		/* first: else it reads a file of the system's */
		{ SSH_BIND_OPTIONS_PROCESS_CONFIG, &no },
		{ SSH_BIND_OPTIONS_RSA_MIN_SIZE, &rsa_min },
		{ SSH_BIND_OPTIONS_KEY_EXCHANGE, KEX },
		{ SSH_BIND_OPTIONS_CIPHERS_C_S, ciphers },
		{ SSH_BIND_OPTIONS_CIPHERS_S_C, ciphers },
		{ SSH_BIND_OPTIONS_HMAC_C_S, MACS },
		{ SSH_BIND_OPTIONS_HMAC_S_C, MACS },
		{ SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, HOST_KEYS },
		{ SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, SESSION_USER_KEYS },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (ssh_bind_options_set(b, options[i].option, options[i].value) != SSH_OK)
			return err_set(e, ERR_FORMAT, "SSH option %d: %s", (int)options[i].option,
			    ssh_get_error(b));
	return 0;
}

static int
set_session(ssh_session s, struct err *e)
{
	static const uint64_t bytes = REKEY_BYTES;
	static const uint32_t seconds = REKEY_SECONDS;
	static const int on = 1;
	const struct {
		enum ssh_options_e option;
		const void *value;
	} options[] = {
		{ SSH_OPTIONS_COMPRESSION_C_S, "none" },
		{ SSH_OPTIONS_COMPRESSION_S_C, "none" },
		{ SSH_OPTIONS_REKEY_DATA, &bytes },
		{ SSH_OPTIONS_REKEY_TIME, &seconds },
		{ SSH_OPTIONS_NODELAY, &on },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (ssh_options_set(s, options[i].option, options[i].value) != SSH_OK)
			return err_set(e, ERR_FORMAT, "SSH option %d: %s", (int)options[i].option,
			    ssh_get_error(s));
	/* for methods that libssh refuses by itself; it would name "password" beside it */
	ssh_set_auth_methods(s, SSH_AUTH_METHOD_PUBLICKEY);
	ssh_set_blocking(s, 0);
	return 0;
}

/* The bind owns the copies. */
static int
give_keys(ssh_bind b, const struct hostkeys *h, uint32_t target, struct err *e)
{
	if (h->n[target] == 0)
		return err_set(e, ERR_FORMAT, "no host key");
	for (uint32_t i = 0; i < h->n[target]; i++) {
		ssh_key copy = ssh_key_dup(h->of[target][i]);

		if (copy == NULL)
			return err_nomem(e, "host key");
		if (ssh_bind_options_set(b, SSH_BIND_OPTIONS_IMPORT_KEY, copy) != SSH_OK) {
			ssh_key_free(copy);
			return err_set(e, ERR_FORMAT, "host key: %s", ssh_get_error(b));
		}
	}
	return 0;
}

/* libssh leaves the descriptor as it is: one send of a long buffer would stop everything. */
static int
accept_fd(ssh_bind b, ssh_session s, int fd, struct err *e)
{
	if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == -1)
		return err_sys(e, errno, "SSH session");
	if (ssh_bind_accept_fd(b, s, fd) != SSH_OK)
		return err_set(e, ERR_SYS, "SSH session: %s", ssh_get_error(b));
	return 0;
}

ssh_session
session_new(const struct hostkeys *h, uint32_t target, const struct settings_target *t, int fd,
    struct err *e)
{
	ssh_bind b = ssh_bind_new();
	ssh_session s = ssh_new(), ret = NULL;

	if (b == NULL || s == NULL)
		err_nomem(e, "SSH session");
	else if (set_bind(b, t, e) == 0 && set_session(s, e) == 0 &&
		 give_keys(b, h, target, e) == 0 && (fd == -1 || accept_fd(b, s, fd, e) == 0)) {
		ret = s;
		s = NULL;
	}
	ssh_free(s);
	ssh_bind_free(b);
	return ret;
}
