/* agentkey.c - --key agent:[FINGERPRINT] */
#include <stdlib.h>
#include <string.h>

#include "agentkey.h"
#include "agentprov.h"
#include "spki.h"
#include "text.h"

#define PREFIX	    "agent:"
#define FINGERPRINT "SHA256:"

bool
agentkey_named(const char *key)
{
	return strncmp(key, PREFIX, strlen(PREFIX)) == 0;
}

static const char *
fingerprint_of(const char *key)
{
	return key + strlen(PREFIX);
}

int
agentkey_check(const char *key, struct err *e)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const char *f = fingerprint_of(key);
	size_t n = strlen(FINGERPRINT);

	if (*f == '\0')
		return 0;
	if (strncmp(f, FINGERPRINT, n) != 0 || strlen(f) != TEXT_SHA256_SIZE - 1 ||
	    strspn(f + n, base64) != strlen(f + n))
		return err_set(e, ERR_FORMAT,
		    "after \"agent:\" stands nothing, or a fingerprint as ssh-add -l prints it "
		    "(SHA256:...)");
	return 0;
}

/* The kinds that only a file can serve, and why. */
static int
kind_refuse(EVP_PKEY *pub, struct err *e)
{
	if (EVP_PKEY_is_a(pub, "RSA"))
		return err_set(e, ERR_FORMAT,
		    "the certificate's key is RSA, for which ssh-agent makes PKCS#1 v1.5 "
		    "signatures and TLS 1.3 takes PSS only; give its file, or get a certificate "
		    "for an Ed25519 or ECDSA P-256 or P-384 key");
	return err_set(e, ERR_FORMAT,
	    "--key agent: signs with Ed25519 and ECDSA P-256 and P-384, and the certificate's key "
	    "is of another kind; give its file");
}

static EVP_PKEY *
key_take(const struct agent *a, const struct agentkind *k, const struct sshkey *ssh, EVP_PKEY *pub,
    struct err *e)
{
	char print[TEXT_SHA256_SIZE];
	size_t keys = 0;
	int r = agent_holds(a, ssh->blob, ssh->blob_len, &keys, e);

	if (r == 1)
		return agentprov_key(a, k, ssh, pub, e);
	(void)text_sha256(print, ssh->sha256);
	if (r == 0 && keys == 0)
		(void)err_set(e, ERR_REFUSED,
		    "ssh-agent holds no key, or is locked (ssh-add -X); the certificate's is %s: "
		    "type ssh-add and its file",
		    print);
	else if (r == 0)
		(void)err_set(e, ERR_REFUSED,
		    "ssh-agent holds %zu key%s but not the certificate's, %s: type ssh-add and its "
		    "file",
		    keys, keys == 1 ? "" : "s", print);
	return NULL;
}

EVP_PKEY *
agentkey_open(const char *key, X509 *cert, struct err *e)
{
	EVP_PKEY *pub = X509_get0_pubkey(cert);
	char print[TEXT_SHA256_SIZE];
	const struct agentkind *kind;
	struct sshkey ssh;
	struct agent a;
	int r;

	if (agentkey_check(key, e) == -1)
		return NULL;
	if (pub == NULL) {
		(void)err_set(e, ERR_FORMAT, "the certificate's public key cannot be read");
		return NULL;
	}
	if ((r = spki_to_sshkey(pub, &ssh, e)) == -1)
		return NULL;
	if (r == 1 || (kind = agentkind_of(ssh.type)) == NULL) {
		(void)kind_refuse(pub, e);
		return NULL;
	}
	(void)text_sha256(print, ssh.sha256);
	if (*fingerprint_of(key) != '\0' && strcmp(fingerprint_of(key), print) != 0) {
		(void)err_set(e, ERR_FORMAT, "the certificate is for the key %s, not for %s", print,
		    fingerprint_of(key));
		return NULL;
	}
	/* secure_getenv() would be no safer: this program runs as who started it. */
	if (agent_init(&a, getenv("SSH_AUTH_SOCK"), e) == -1)
		return NULL;
	return key_take(&a, kind, &ssh, pub, e);
}
