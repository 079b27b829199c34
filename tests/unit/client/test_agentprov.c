/* test_agentprov.c - the provider: keys whose private half is somewhere else, in TLS and alone */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>

#include "client/agentkey.h"
#include "client/agentprov.h"
#include "client/sshread.h"
#include "spki.h"
#include "tests/unit/help/fakeagent.h"
#include "tests/unit/help/pki.h"
#include "text.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

enum mood { HONEST, OTHER_DATA, OTHER_KIND, REFUSES, HANGS_UP };

/* An agent with one key, and the certificate on it. */
struct set {
	struct fakeagent f;
	struct pki_cert *cert, *stranger;
	const struct agentkind *kind;
	struct sshkey ssh;
	struct agent agent;
	enum mood mood;
};

static const enum pki_key key_kinds[] = { PKI_P256, PKI_P384, PKI_ED25519 };

/* ---- an agent that really signs ------------------------------------------------------------- */

static void
number_put(struct fakemsg *m, const BIGNUM *bn)
{
	uint8_t p[1 + 66] = { 0 };
	int n = BN_bn2bin(bn, p + 1);

	if ((p[1] & 0x80) != 0)
		fakemsg_string(m, p, (size_t)n + 1);
	else
		fakemsg_string(m, p + 1, (size_t)n);
}

static void
signature_put(struct fakemsg *m, const struct set *s, const uint8_t *data, size_t n)
{
	static struct fakemsg body;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const char *type = s->mood == OTHER_KIND ? "rsa-sha2-256" : s->kind->ssh;
	uint8_t sig[256];
	const uint8_t *p = sig;
	size_t sig_n = sizeof(sig);
	ECDSA_SIG *es;

	if (EVP_DigestSignInit_ex(ctx, NULL, s->kind->digest, NULL, NULL, s->cert->key, NULL) !=
		1 ||
	    EVP_DigestSign(ctx, sig, &sig_n, data, s->mood == OTHER_DATA ? n - 1 : n) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	body.n = 0;
	fakemsg_string(&body, type, strlen(type));
	if (s->kind->digest == NULL) {
		fakemsg_string(&body, sig, sig_n);
	} else {
		static struct fakemsg pair;

		es = d2i_ECDSA_SIG(NULL, &p, (long)sig_n);
		pair.n = 0;
		number_put(&pair, ECDSA_SIG_get0_r(es));
		number_put(&pair, ECDSA_SIG_get0_s(es));
		ECDSA_SIG_free(es);
		fakemsg_string(&body, pair.p, pair.n);
	}
	fakemsg_start(m, 14);
	fakemsg_string(m, body.p, body.n);
}

static void
agent_answer(struct fakeagent *f, int fd, const uint8_t *req, size_t n)
{
	static struct fakemsg m;
	const struct set *s = f->arg;
	struct sshread r = { req, n }, key, data;
	uint8_t type;
	bool ours;

	if (!sshread_byte(&r, &type))
		abort();
	if (type == 11) {
		fakemsg_start(&m, 12);
		fakemsg_u32(&m, 1);
		fakemsg_string(&m, s->ssh.blob, s->ssh.blob_len);
		fakemsg_string(&m, "comment", 7);
		fakemsg_send(&m, fd);
		return;
	}
	ours = type == 13 && sshread_string(&r, &key) && sshread_string(&r, &data) && r.n == 4 &&
	       key.n == s->ssh.blob_len && memcmp(key.p, s->ssh.blob, key.n) == 0;
	if (s->mood == HANGS_UP)
		return;
	if (!ours || s->mood == REFUSES)
		fakemsg_start(&m, 5);
	else
		signature_put(&m, s, data.p, data.n);
	fakemsg_send(&m, fd);
}

static struct set *
set_make(enum pki_key kind)
{
	struct set *s = calloc(1, sizeof(*s));
	struct err e;

	assert_non_null(s);
	s->cert = pki_make(&(struct pki_spec){ .key_kind = kind }, NULL);
	s->stranger = pki_make(&(struct pki_spec){ .key_kind = kind }, NULL);
	assert_int_equal(0, spki_to_sshkey(X509_get0_pubkey(s->cert->cert), &s->ssh, &e));
	assert_non_null(s->kind = agentkind_of(s->ssh.type));
	fakeagent_start(&s->f, agent_answer, s);
	assert_int_equal(0, agent_init(&s->agent, s->f.path, &e));
	return s;
}

static void
set_free(struct set *s)
{
	fakeagent_stop(&s->f);
	pki_free(s->cert);
	pki_free(s->stranger);
	free(s);
}

static EVP_PKEY *
set_key(const struct set *s)
{
	struct err e;
	EVP_PKEY *key =
	    agentprov_key(&s->agent, s->kind, &s->ssh, X509_get0_pubkey(s->cert->cert), &e);

	assert_non_null(key);
	return key;
}

/* ---- the key alone -------------------------------------------------------------------------- */

static int
sign(EVP_PKEY *key, const char *digest, uint8_t *sig, size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
		 EVP_DigestSign(ctx, sig, n, (const uint8_t *)"data", 4) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

static void
a_signature_of_the_agent_verifies(void **state)
{
	uint8_t sig[128];
	size_t n;

	(void)state;
	for (size_t i = 0; i < nitems(key_kinds); i++) {
		struct set *s = set_make(key_kinds[i]);
		EVP_PKEY *key = set_key(s);
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();

		n = 0;
		assert_int_equal(1, sign(key, s->kind->digest, NULL, &n));
		assert_int_equal(EVP_PKEY_get_size(s->cert->key), n);
		assert_int_equal(1, sign(key, s->kind->digest, sig, &n));
		assert_int_equal(1, EVP_DigestVerifyInit_ex(ctx, NULL, s->kind->digest, NULL, NULL,
					s->cert->key, NULL));
		assert_int_equal(1, EVP_DigestVerify(ctx, sig, n, (const uint8_t *)"data", 4));
		/* a buffer that is too small is not written to */
		n = 8;
		assert_int_equal(0, sign(key, s->kind->digest, sig, &n));
		EVP_MD_CTX_free(ctx);
		EVP_PKEY_free(key);
		set_free(s);
	}
	ERR_clear_error();
}

static void
a_hash_that_the_agent_would_not_take_is_refused_before_it_is_asked(void **state)
{
	static const char *const digests[] = { "SHA1", "SHA256", "SHA384", "SHA512", "nonsense",
		NULL };
	uint8_t sig[128];
	size_t n;

	(void)state;
	for (size_t i = 0; i < nitems(key_kinds); i++) {
		struct set *s = set_make(key_kinds[i]);
		EVP_PKEY *key = set_key(s);
		unsigned asked = 0;

		for (size_t d = 0; d < nitems(digests); d++) {
			/* NULL: what the key stands for by itself, which EC has too */
			int good = digests[d] == NULL
				       ? i != 1 /* P-384 would get SHA-256 */
				       : s->kind->digest != NULL &&
					     strcmp(digests[d], s->kind->digest) == 0;

			n = sizeof(sig);
			assert_int_equal(good, sign(key, digests[d], sig, &n));
			asked += good != 0;
		}
		EVP_PKEY_free(key);
		fakeagent_stop(&s->f);
		assert_int_equal(asked, s->f.asked);
		fakeagent_start(&s->f, agent_answer, s);
		set_free(s);
	}
	ERR_clear_error();
}

static void
an_agent_that_lies_is_told_of_in_a_sentence(void **state)
{
	static const struct {
		enum mood mood;
		const char *word;
	} moods[] = {
		{ OTHER_DATA, "does not fit the key" },
		{ OTHER_KIND, "signature is damaged" },
		{ REFUSES, "ssh-agent did not sign" },
		{ HANGS_UP, "broke off" },
	};
	char text[400];
	uint8_t sig[128];
	size_t n;

	(void)state;
	for (size_t i = 0; i < nitems(key_kinds); i++) {
		struct set *s = set_make(key_kinds[i]);
		EVP_PKEY *key = set_key(s);

		for (size_t m = 0; m < nitems(moods); m++) {
			s->mood = moods[m].mood;
			n = sizeof(sig);
			ERR_clear_error();
			assert_int_equal(0, sign(key, s->kind->digest, sig, &n));
			assert_true(agentprov_said(text, sizeof(text)));
			assert_non_null(strstr(text, moods[m].word));
			assert_false(agentprov_said(text, sizeof(text)));
		}
		EVP_PKEY_free(key);
		set_free(s);
	}
}

static void
the_key_matches_its_certificate_and_no_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(key_kinds); i++) {
		struct set *s = set_make(key_kinds[i]);
		EVP_PKEY *key = set_key(s);
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

		assert_int_equal(1, X509_check_private_key(s->cert->cert, key));
		assert_int_equal(0, X509_check_private_key(s->stranger->cert, key) == 1);
		/* in either order, and after each other */
		if (s->kind->digest != NULL) /* Ed25519 has no parameters */
			assert_int_equal(1, EVP_PKEY_parameters_eq(key, s->cert->key));
		assert_int_equal(1, EVP_PKEY_eq(key, s->cert->key));
		assert_int_equal(1, EVP_PKEY_eq(s->cert->key, key));
		assert_int_equal(0, EVP_PKEY_eq(s->stranger->key, key) == 1);
		assert_int_equal(1, SSL_CTX_use_certificate(ctx, s->cert->cert));
		assert_int_equal(1, SSL_CTX_use_PrivateKey(ctx, key));
		assert_int_equal(1, SSL_CTX_check_private_key(ctx));
		/* a renewed certificate on the same key keeps it, another does not */
		assert_int_equal(1, SSL_CTX_use_certificate(ctx, s->cert->cert));
		assert_int_equal(1, SSL_CTX_check_private_key(ctx));
		assert_int_equal(1, SSL_CTX_use_certificate(ctx, s->stranger->cert));
		assert_int_equal(0, SSL_CTX_check_private_key(ctx));
		SSL_CTX_free(ctx);
		EVP_PKEY_free(key);
		set_free(s);
	}
	ERR_clear_error();
}

static void
the_default_context_still_gives_openssls_own_keys(void **state)
{
	struct set *s = set_make(PKI_P256);
	EVP_PKEY *key = set_key(s);
	EVP_KEYMGMT *m = EVP_KEYMGMT_fetch(NULL, "EC", NULL);
	EVP_SIGNATURE *sig = EVP_SIGNATURE_fetch(NULL, "ECDSA", NULL);
	BIGNUM *priv = NULL;

	(void)state;
	assert_string_equal("default", OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(m)));
	assert_string_equal("default", OSSL_PROVIDER_get0_name(EVP_SIGNATURE_get0_provider(sig)));
	assert_null(EVP_KEYMGMT_fetch(NULL, "EC", "provider=mtls-agent"));
	/* there is no private half to be had */
	assert_int_equal(0, EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &priv));
	assert_int_equal(0, i2d_PrivateKey(key, NULL) > 0);
	EVP_KEYMGMT_free(m);
	EVP_SIGNATURE_free(sig);
	EVP_PKEY_free(key);
	set_free(s);
	ERR_clear_error();
}

/* ---- in TLS --------------------------------------------------------------------------------- */

struct pair {
	SSL_CTX *client_ctx, *server_ctx;
	SSL *client, *server;
	int verified;
};

static int
take_any(int ok, X509_STORE_CTX *xc)
{
	(void)ok;
	(void)xc;
	return 1;
}

static void
pair_make(struct pair *p, const struct set *s, EVP_PKEY *key, int version)
{
	BIO *a, *b;

	p->client_ctx = SSL_CTX_new(TLS_client_method());
	p->server_ctx = SSL_CTX_new(TLS_server_method());
	assert_int_equal(1, SSL_CTX_use_certificate(p->client_ctx, s->cert->cert));
	assert_int_equal(1, SSL_CTX_use_PrivateKey(p->client_ctx, key));
	SSL_CTX_set_post_handshake_auth(p->client_ctx, 1);
	assert_int_equal(1, SSL_CTX_use_certificate(p->server_ctx, s->stranger->cert));
	assert_int_equal(1, SSL_CTX_use_PrivateKey(p->server_ctx, s->stranger->key));
	SSL_CTX_set_verify(
	    p->server_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, take_any);
	assert_int_equal(1, SSL_CTX_set_max_proto_version(p->server_ctx, version));
	assert_int_equal(1, BIO_new_bio_pair(&a, 0, &b, 0));
	p->client = SSL_new(p->client_ctx);
	p->server = SSL_new(p->server_ctx);
	SSL_set_bio(p->client, a, a);
	SSL_set_bio(p->server, b, b);
	SSL_set_connect_state(p->client);
	SSL_set_accept_state(p->server);
}

/* Both sides in turn until neither gets any further: 0, or the client's SSL_get_error(). */
static int
pair_run(struct pair *p)
{
	uint8_t b;
	int r;

	for (int i = 0; i < 20; i++) {
		r = SSL_read(p->client, &b, 1);
		if (r <= 0 && (r = SSL_get_error(p->client, r)) != SSL_ERROR_WANT_READ)
			return r;
		(void)SSL_read(p->server, &b, 1);
	}
	return 0;
}

static void
pair_free(struct pair *p)
{
	SSL_free(p->client);
	SSL_free(p->server);
	SSL_CTX_free(p->client_ctx);
	SSL_CTX_free(p->server_ctx);
	ERR_clear_error();
}

static void
a_handshake_is_signed_in_tls_1_3_and_1_2_and_again_later(void **state)
{
	static const int versions[] = { TLS1_3_VERSION, TLS1_2_VERSION };

	(void)state;
	for (size_t i = 0; i < nitems(key_kinds) * 2; i++) {
		struct set *s = set_make(key_kinds[i / 2]);
		EVP_PKEY *key = set_key(s);
		struct pair p;
		int nid = 0;

		pair_make(&p, s, key, versions[i % 2]);
		assert_int_equal(0, pair_run(&p));
		assert_true(SSL_is_init_finished(p.client) && SSL_is_init_finished(p.server));
		assert_int_equal(versions[i % 2], SSL_version(p.server));
		assert_non_null(SSL_get0_peer_certificate(p.server));
		assert_int_equal(1, SSL_get_peer_signature_type_nid(p.server, &nid));
		if (i % 2 == 0) {
			/* as for a renewed certificate */
			SSL_certs_clear(p.client);
			assert_int_equal(
			    0, SSL_use_cert_and_key(p.client, s->stranger->cert, key, NULL, 1));
			assert_int_equal(
			    1, SSL_use_cert_and_key(p.client, s->cert->cert, key, NULL, 1));
			assert_int_equal(1, SSL_verify_client_post_handshake(p.server));
			assert_int_equal(1, SSL_do_handshake(p.server));
			assert_int_equal(0, pair_run(&p));
		}
		pair_free(&p);
		EVP_PKEY_free(key);
		fakeagent_stop(&s->f);
		assert_int_equal(i % 2 == 0 ? 2 : 1, s->f.asked);
		fakeagent_start(&s->f, agent_answer, s);
		set_free(s);
	}
}

static void
a_handshake_fails_with_the_agents_sentence(void **state)
{
	struct set *s = set_make(PKI_P256);
	EVP_PKEY *key = set_key(s);
	struct pair p;
	char text[400];

	(void)state;
	for (int later = 0; later < 2; later++) {
		s->mood = later ? HONEST : REFUSES;
		pair_make(&p, s, key, TLS1_3_VERSION);
		ERR_clear_error();
		if (later) {
			assert_int_equal(0, pair_run(&p));
			s->mood = REFUSES;
			assert_int_equal(1, SSL_verify_client_post_handshake(p.server));
			assert_int_equal(1, SSL_do_handshake(p.server));
		}
		assert_int_equal(SSL_ERROR_SSL, pair_run(&p));
		assert_true(agentprov_said(text, sizeof(text)));
		assert_non_null(strstr(text, "ssh-agent did not sign"));
		pair_free(&p);
	}
	EVP_PKEY_free(key);
	set_free(s);
}

/* ---- --key agent: --------------------------------------------------------------------------- */

static void
the_certificates_key_is_taken_and_every_other_refused(void **state)
{
	struct set *s = set_make(PKI_P384);
	char name[80], print[TEXT_SHA256_SIZE];
	struct err e;
	EVP_PKEY *key;

	(void)state;
	assert_int_equal(0, setenv("SSH_AUTH_SOCK", s->f.path, 1));
	(void)snprintf(name, sizeof(name), "agent:%s", text_sha256(print, s->ssh.sha256));
	assert_non_null(key = agentkey_open("agent:", s->cert->cert, &e));
	EVP_PKEY_free(key);
	assert_non_null(key = agentkey_open(name, s->cert->cert, &e));
	EVP_PKEY_free(key);
	assert_null(agentkey_open(name, s->stranger->cert, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_non_null(strstr(e.text, print));
	assert_null(agentkey_open("agent:", s->stranger->cert, &e));
	assert_int_equal(ERR_REFUSED, e.kind);
	assert_non_null(strstr(e.text, "holds 1 key but not the certificate's, SHA256:"));
	assert_int_equal(0, unsetenv("SSH_AUTH_SOCK"));
	assert_null(agentkey_open("agent:", s->cert->cert, &e));
	assert_non_null(strstr(e.text, "SSH_AUTH_SOCK is not set"));
	set_free(s);
}

static void
kinds_of_key_that_only_a_file_can_serve_are_refused(void **state)
{
	static const struct {
		enum pki_key kind;
		const char *word;
	} kinds[] = { { PKI_RSA2048, "PKCS#1 v1.5" }, { PKI_P521, "is of another kind" },
		{ PKI_ED448, "is of another kind" }, { PKI_RSA_PSS2048, "is of another kind" } };
	struct pki_cert *c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < nitems(kinds); i++) {
		c = pki_make(&(struct pki_spec){ .key_kind = kinds[i].kind }, NULL);
		assert_null(agentkey_open("agent:", c->cert, &e));
		assert_int_equal(ERR_FORMAT, e.kind);
		assert_non_null(strstr(e.text, kinds[i].word));
		pki_free(c);
	}
}

static void
a_fingerprint_is_whole_or_refused(void **state)
{
	char good[] = "agent:SHA256:TZBpsF8IRUJ9yOYNdz5M1yIH5qeOJAxhNf9rCkPbgpo";
	static const char *const bad[] = { "agent:x",
		"agent:SHA256:", "agent:SHA256:TZBpsF8IRUJ9yOYNdz5M1yIH5qeOJAxhNf9rCkPbgp",
		"agent:SHA256:TZBpsF8IRUJ9yOYNdz5M1yIH5qeOJAxhNf9rCkPbgpo=",
		"agent:SHA256:TZBpsF8IRUJ9yOYNdz5M1yIH5qeOJAxhNf9rCkPbg;o",
		"agent:sha256:TZBpsF8IRUJ9yOYNdz5M1yIH5qeOJAxhNf9rCkPbgpo",
		"agent:MD5:94:3d:a0:8c:58:8b:6e:a0:1b:d1:62:a9:a1:51:63:0d" };
	struct err e;

	(void)state;
	assert_int_equal(0, agentkey_check("agent:", &e));
	assert_int_equal(0, agentkey_check(good, &e));
	for (size_t i = 0; i < nitems(bad); i++)
		assert_int_equal(-1, agentkey_check(bad[i], &e));
	assert_true(agentkey_named("agent:"));
	assert_true(agentkey_named(good));
	assert_false(agentkey_named("./agent:"));
	assert_false(agentkey_named("agent"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_of_the_agent_verifies),
		cmocka_unit_test(
		    a_hash_that_the_agent_would_not_take_is_refused_before_it_is_asked),
		cmocka_unit_test(an_agent_that_lies_is_told_of_in_a_sentence),
		cmocka_unit_test(the_key_matches_its_certificate_and_no_other),
		cmocka_unit_test(the_default_context_still_gives_openssls_own_keys),
		cmocka_unit_test(a_handshake_is_signed_in_tls_1_3_and_1_2_and_again_later),
		cmocka_unit_test(a_handshake_fails_with_the_agents_sentence),
		cmocka_unit_test(the_certificates_key_is_taken_and_every_other_refused),
		cmocka_unit_test(kinds_of_key_that_only_a_file_can_serve_are_refused),
		cmocka_unit_test(a_fingerprint_is_whole_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
