/* agentkind.c - the kinds of key with which an ssh-agent can sign TLS, and their signatures */
#include <string.h>
#include <openssl/bn.h>
#include <openssl/ec.h>

#include "agentkind.h"
#include "sshread.h"

static const struct agentkind kinds[] = {
	{ "ssh-ed25519", "ED25519", NULL, 32 },
	{ "ecdsa-sha2-nistp256", "EC", "SHA256", 32 },
	{ "ecdsa-sha2-nistp384", "EC", "SHA384", 48 },
};

const struct agentkind *
agentkind_of(const char *ssh)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].ssh, ssh) == 0)
			return &kinds[i];
	return NULL;
}

static int
damaged(struct err *e)
{
	return err_set(e, ERR_PEER, "ssh-agent's signature is damaged");
}

/* r and s as two mpints (RFC 5656 section 3.1.2), to a SEQUENCE of two INTEGERs. */
static int
ecdsa_der(
    const struct agentkind *k, struct sshread body, uint8_t *sig, size_t *sig_n, struct err *e)
{
	struct sshread r, s;
	ECDSA_SIG *es = NULL;
	BIGNUM *br = NULL, *bs = NULL;
	int n, ret = -1;

	if (!sshread_positive(&body, &r) || !sshread_positive(&body, &s) || body.n != 0 ||
	    r.n > k->part || s.n > k->part)
		return damaged(e);
	if ((es = ECDSA_SIG_new()) == NULL || (br = BN_bin2bn(r.p, (int)r.n, NULL)) == NULL ||
	    (bs = BN_bin2bn(s.p, (int)s.n, NULL)) == NULL || ECDSA_SIG_set0(es, br, bs) != 1) {
		BN_free(br);
		BN_free(bs);
		(void)err_nomem(e, "ssh-agent");
		goto out;
	}
	n = i2d_ECDSA_SIG(es, NULL);
	if (n <= 0 || n > AGENTKIND_SIG_MAX || i2d_ECDSA_SIG(es, &sig) != n) {
		(void)damaged(e);
		goto out;
	}
	*sig_n = (size_t)n;
	ret = 0;
out:
	ECDSA_SIG_free(es);
	return ret;
}

int
agentkind_signature(const struct agentkind *k, const uint8_t *blob, size_t n,
    uint8_t sig[AGENTKIND_SIG_MAX], size_t *sig_n, struct err *e)
{
	struct sshread r = { blob, n }, type, body;

	if (!sshread_string(&r, &type) || !sshread_is(&type, k->ssh) ||
	    !sshread_string(&r, &body) || r.n != 0)
		return damaged(e);
	if (k->digest != NULL)
		return ecdsa_der(k, body, sig, sig_n, e);
	if (body.n != 2 * k->part)
		return damaged(e);
	memcpy(sig, body.p, body.n);
	*sig_n = body.n;
	return 0;
}
