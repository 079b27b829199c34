/*
 * tls.c - the TLS context of one generation
 *
 * TLS 1.3 (RFC 8446), or 1.2 with ECDHE and AEAD where the administrator asks for it. Never:
 * renegotiation, compression, 0-RTT, resumption in any form. The proof of the client's key is
 * thereby fresh on every connection.
 */
#include <limits.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include "notice.h"
#include "tls.h"
#include "wire.h"

#define SIGALGS                                                 \
	"ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:" \
	"RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512"
/* AES-128 first: as safe here, and a quarter cheaper than AES-256 for every byte. */
#define SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SUITES_12 "ECDHE+AESGCM:ECDHE+CHACHA20"

/*
 * Not the finite fields (RFC 7919) that OpenSSL takes by itself: one ClientHello of 1.2 kB with
 * ffdhe8192 costs a third of a second, before any certificate. From 3.5 on there is ML-KEM; between
 * slashes stands what is preferred even if the client has to be asked for a key share of it.
 */
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
#define GROUPS "X25519MLKEM768 / X25519:secp256r1 / X448:secp384r1:secp521r1"
#else
#define GROUPS "X25519:secp256r1:X448:secp384r1:secp521r1"
#endif

/*
 * Bytes of a ClientHello's supported_groups. OpenSSL looks for the group of each key share in it:
 * thousands of both cost 0.1 s. There are some sixty groups.
 */
#define GROUPS_BYTES_MAX 1024

/*
 * Compressed certificates (RFC 8879, OpenSSL 3.2 and later) would have the peer unpack what nobody
 * has proved yet; what little they save is no reason.
 */
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
#define NO_CERTIFICATE_COMPRESSION \
	(SSL_OP_NO_TX_CERTIFICATE_COMPRESSION | SSL_OP_NO_RX_CERTIFICATE_COMPRESSION)
#else
#define NO_CERTIFICATE_COMPRESSION 0
#endif

const char *
tls_reason(void)
{
	const char *s = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return s == NULL ? "" : s;
}

static int
unusable(struct err *e, const char *what)
{
	const char *s = tls_reason();

	return err_set(e, ERR_FORMAT, "%s%s%s", what, *s == '\0' ? "" : ": ", s);
}

int
tls_setup(struct err *e)
{
	unsigned char b[32];
	SSL_CTX *ctx;

	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
				 OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT,
		NULL) != 1 ||
	    OSSL_PROVIDER_load(NULL, "default") == NULL || RAND_bytes(b, sizeof(b)) != 1 ||
	    RAND_priv_bytes(b, sizeof(b)) != 1)
		return unusable(e, "OpenSSL");
	/* a context fetches every algorithm that TLS may need */
	if ((ctx = SSL_CTX_new(TLS_server_method())) == NULL)
		return unusable(e, "OpenSSL");
	SSL_CTX_free(ctx);
	return notice_setup(e) == -1 ? -1 : wire_setup(e);
}

static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

EVP_PKEY *
tls_key_parse(const uint8_t *p, size_t n, struct err *e)
{
	EVP_PKEY *key = NULL;
	BIO *b;

	if (n == 0 || n > INT_MAX || (b = BIO_new_mem_buf(p, (int)n)) == NULL) {
		err_set(e, ERR_FORMAT, "private key: empty");
		return NULL;
	}
	if ((key = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL)) == NULL) {
		const uint8_t *der = p;

		ERR_clear_error();
		key = d2i_AutoPrivateKey(NULL, &der, (long)n);
		if (key != NULL && der != p + n) {
			EVP_PKEY_free(key);
			key = NULL;
		}
	}
	if (key == NULL)
		err_set(e, ERR_FORMAT, "private key: not a PEM or DER key without passphrase");
	ERR_clear_error();
	BIO_free(b);
	return key;
}

/*
 * An RSA modulus of random bytes: nobody knows its factors. It is read by d2i_PublicKey(), which
 * makes a key of libcrypto's older kind, for X509_set_pubkey() writes that down in 2 us; for one in
 * a provider it collects encoders and decoders anew each time, 175 us. Where a release has one kind
 * only, nothing but this is lost.
 */
EVP_PKEY *
tls_nobodys_key(struct err *e)
{
	/* RSAPublicKey (RFC 8017 appendix A.1.1): the modulus, and 65537 */
	uint8_t der[] = { 0x30, 0x81, 137, 0x02, 0x81, 129, 0x00, [7 + 128] = 0x02, 0x03, 0x01,
		0x00, 0x01 };
	const uint8_t *p = der;
	EVP_PKEY *key = NULL;

	if (RAND_bytes(der + 7, 128) == 1) {
		der[7] |= 0x80;
		der[134] |= 0x01;
		key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, sizeof(der));
	}
	if (key == NULL)
		err_nomem(e, "public key");
	return key;
}

/* The PEM text: first our leaf, then what is sent with it. */
static int
use_chain(SSL_CTX *ctx, const uint8_t *text, size_t n, struct err *e)
{
	BIO *b = NULL;
	X509 *cert;
	unsigned long code;
	int count = 0, ret = -1;

	if (n == 0 || n > INT_MAX || (b = BIO_new_mem_buf(text, (int)n)) == NULL)
		return err_set(e, ERR_FORMAT, "server certificate: empty");
	ERR_clear_error();
	while ((cert = PEM_read_bio_X509(b, NULL, no_passphrase, NULL)) != NULL) {
		long ok = count++ == 0 ? SSL_CTX_use_certificate(ctx, cert)
				       : SSL_CTX_add1_chain_cert(ctx, cert);

		X509_free(cert);
		if (ok != 1) {
			unusable(e, "server certificate");
			goto out;
		}
	}
	/* NO_START_LINE is how libcrypto says end of file, also for a file with no PEM in it. */
	code = ERR_peek_last_error();
	if (count == 0 || ERR_GET_LIB(code) != ERR_LIB_PEM ||
	    ERR_GET_REASON(code) != PEM_R_NO_START_LINE) {
		err_set(e, ERR_FORMAT, "server certificate: bad certificate %d", count + 1);
		goto out;
	}
	ret = 0;
out:
	ERR_clear_error();
	BIO_free(b);
	return ret;
}

/* Called before OpenSSL looks into the extensions, for the hello after a retry request too. */
static int
on_hello(SSL *ssl, int *alert, void *arg)
{
	const unsigned char *p;
	size_t n;

	(void)arg;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_groups, &p, &n) != 1 ||
	    n <= GROUPS_BYTES_MAX)
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_HANDSHAKE_FAILURE;
	return SSL_CLIENT_HELLO_ERROR;
}

static int
set_protocol(SSL_CTX *ctx, int min, struct err *e)
{
	/*
	 * A FIN without close_notify counts as the end (plain openssl s_client does that): SSH
	 * inside guards its own end of stream, so nothing can be cut off unseen.
	 */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				     SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
				     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF |
				     NO_CERTIFICATE_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_max_cert_list(ctx, TLS_CHAIN_MAX);
	SSL_CTX_set_read_ahead(ctx, 0);
	if ((min != TLS1_2_VERSION && min != TLS1_3_VERSION) ||
	    SSL_CTX_set_min_proto_version(ctx, min) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, SUITES_13) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, SUITES_12) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 ||
	    SSL_CTX_set1_sigalgs_list(ctx, SIGALGS) != 1 ||
	    SSL_CTX_set1_client_sigalgs_list(ctx, SIGALGS) != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 0) != 1 || SSL_CTX_set_max_early_data(ctx, 0) != 1 ||
	    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"sshbridge", 9) != 1)
		return unusable(e, "TLS settings");
	return 0;
}

SSL_CTX *
tls_context_new(const struct tls_options *o, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL) {
		err_nomem(e, "TLS context");
		return NULL;
	}
	if (set_protocol(ctx, o->min, e) == -1 || use_chain(ctx, o->chain, o->chain_len, e) == -1)
		goto fail;
	if (SSL_CTX_use_PrivateKey(ctx, o->key) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
		unusable(e, "private key does not fit the server certificate");
		goto fail;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, o->verify, o->verify_arg);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
	if (notice_context(ctx, e) == -1)
		goto fail;
	return ctx;
fail:
	SSL_CTX_free(ctx);
	return NULL;
}

static size_t
names_size(const STACK_OF(X509_NAME) * names)
{
	size_t n = 0;

	for (int i = 0; names != NULL && i < sk_X509_NAME_num(names); i++)
		n += 2 + (size_t)i2d_X509_NAME(sk_X509_NAME_value(names, i), NULL);
	return n;
}

static int
name_listed(const STACK_OF(X509_NAME) * names, const X509_NAME *name)
{
	for (int i = 0; names != NULL && i < sk_X509_NAME_num(names); i++)
		if (X509_NAME_cmp(sk_X509_NAME_value(names, i), name) == 0)
			return 1;
	return 0;
}

int
tls_context_add_names(SSL_CTX *ctx, STACK_OF(X509_NAME) * names, struct err *e)
{
	STACK_OF(X509_NAME) *listed = SSL_CTX_get_client_CA_list(ctx), *list;
	size_t size = names_size(listed);

	list = listed == NULL ? sk_X509_NAME_new_null() : SSL_dup_CA_list(listed);
	if (list == NULL)
		return err_nomem(e, "CA names");
	for (int i = 0; i < sk_X509_NAME_num(names); i++) {
		X509_NAME *name = sk_X509_NAME_value(names, i), *copy;
		size_t n = 2 + (size_t)i2d_X509_NAME(name, NULL);

		if (n > TLS_CA_NAMES_MAX - size || name_listed(list, name))
			continue;
		if ((copy = X509_NAME_dup(name)) == NULL || sk_X509_NAME_push(list, copy) <= 0) {
			X509_NAME_free(copy);
			sk_X509_NAME_pop_free(list, X509_NAME_free);
			return err_nomem(e, "CA names");
		}
		size += n;
	}
	SSL_CTX_set_client_CA_list(ctx, list);
	return 0;
}
