/* touch.c - between libssh and libcrypto, by the rule of the linker that wire.c explains */
#include <dlfcn.h>
#include <string.h>
#include <sys/types.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sha2.h>

#include "touch.h"

/* OpenSSH, PROTOCOL.u2f: SHA-256(application), flags, u32 counter, SHA-256(what SSH has signed). */
enum { SIGNED_FLAGS = 32, SIGNED_LEN = 32 + 1 + 4 + 32 };
enum { POINT_MAX = 256 };

typedef int verify_fn(EVP_MD_CTX *, const unsigned char *, size_t, const unsigned char *, size_t);

static struct {
	verify_fn *verify; /* libcrypto's */
	unsigned count;
	bool wrong;
	/* the last signature of a security key */
	uint8_t flags;
	uint8_t application[32]; /* its SHA-256 */
	uint8_t point[POINT_MAX];
	size_t npoint;
} touch;

static bool
find_libcryptos(void)
{
	void *f = touch.verify != NULL ? NULL : dlsym(RTLD_NEXT, "EVP_DigestVerify");

	if (f != NULL)
		memcpy(&touch.verify, &f, sizeof(f));
	return touch.verify != NULL;
}

int
touch_init(struct err *e)
{
	if (!find_libcryptos())
		return err_set(e, ERR_SYS, "libcrypto has no EVP_DigestVerify()");
	return 0;
}

void
touch_begin(void)
{
	touch.wrong = false;
	touch.npoint = 0;
}

unsigned
touch_count(void)
{
	return touch.count;
}

/* As it stands in an SSH key: raw, or uncompressed (RFC 5656 section 3.1). */
static size_t
public_point(EVP_PKEY *key, uint8_t to[POINT_MAX])
{
	size_t n = POINT_MAX;
	uint8_t *p = NULL;

	if (EVP_PKEY_get_raw_public_key(key, to, &n) == 1)
		return n;
	n = EVP_PKEY_get1_encoded_public_key(key, &p);
	if (n > POINT_MAX)
		n = 0;
	if (n > 0)
		memcpy(to, p, n);
	OPENSSL_free(p);
	return n;
}

bool
touch_wrong(void)
{
	return touch.wrong;
}

static void
remember(EVP_MD_CTX *ctx, const uint8_t *text)
{
	EVP_PKEY *key = EVP_PKEY_CTX_get0_pkey(EVP_MD_CTX_get_pkey_ctx(ctx));

	touch.npoint = key == NULL ? 0 : public_point(key, touch.point);
	touch.flags = text[SIGNED_FLAGS];
	memcpy(touch.application, text, sizeof(touch.application));
	/* what was no such key is no error of anybody's */
	ERR_clear_error();
}

/* What libssh calls. */
int
EVP_DigestVerify(
    EVP_MD_CTX *ctx, const unsigned char *sig, size_t nsig, const unsigned char *text, size_t n)
{
	int r = find_libcryptos() ? touch.verify(ctx, sig, nsig, text, n) : -1;

	touch.count++;
	touch.wrong |= r != 1;
	if (n == SIGNED_LEN) {
		touch.npoint = 0;
		if (r == 1)
			remember(ctx, text);
	}
	return r;
}

uint32_t
touch_of(const struct sshkey *k)
{
	struct sshkey_security s;
	uint8_t sha256[32];
	SHA2_CTX ctx;

	if (!sshkey_security(k, &s) || touch.npoint == 0 || touch.npoint != s.npoint ||
	    memcmp(touch.point, s.point, s.npoint) != 0)
		return 0;
	SHA256Init(&ctx);
	SHA256Update(&ctx, s.application, s.napplication);
	SHA256Final(sha256, &ctx);
	if (memcmp(touch.application, sha256, sizeof(sha256)) != 0)
		return 0;
	return touch.flags & (SSHKEY_TOUCHED | SSHKEY_VERIFIED);
}
