/* pki.c - certificates made in memory */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/bn.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "pki.h"
#include "pki_local.h"

void
pki_must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "pki: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

static EVP_PKEY *
key_explicit(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	pki_must(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
		     EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) == 1 &&
		     EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_EXPLICIT_CURVE) == 1 &&
		     EVP_PKEY_keygen(ctx, &key) == 1,
	    "explicit EC key");
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *
key_pss(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *key = NULL;

	pki_must(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
		     EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1 &&
		     EVP_PKEY_keygen(ctx, &key) == 1,
	    "RSA-PSS key");
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *
key_dsa(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_DSA, NULL);
	EVP_PKEY *params = NULL, *key = NULL;

	pki_must(ctx != NULL && EVP_PKEY_paramgen_init(ctx) == 1 &&
		     EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, 2048) == 1 &&
		     EVP_PKEY_paramgen(ctx, &params) == 1,
	    "DSA parameters");
	EVP_PKEY_CTX_free(ctx);
	ctx = EVP_PKEY_CTX_new(params, NULL);
	pki_must(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_keygen(ctx, &key) == 1,
	    "DSA key");
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(params);
	return key;
}

EVP_PKEY *
pki_key_make(enum pki_key kind)
{
	EVP_PKEY *key = NULL;

	switch (kind) {
	case PKI_P256:
		key = EVP_EC_gen("P-256");
		break;
	case PKI_P224:
		key = EVP_EC_gen("P-224");
		break;
	case PKI_P384:
		key = EVP_EC_gen("P-384");
		break;
	case PKI_P521:
		key = EVP_EC_gen("P-521");
		break;
	case PKI_SECP256K1:
		key = EVP_EC_gen("secp256k1");
		break;
	case PKI_P256_EXPLICIT:
		key = key_explicit();
		break;
	case PKI_ED25519:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	case PKI_ED448:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
		break;
	case PKI_RSA1024:
		key = EVP_RSA_gen(1024);
		break;
	case PKI_RSA2048:
		key = EVP_RSA_gen(2048);
		break;
	case PKI_RSA_PSS2048:
		key = key_pss();
		break;
	case PKI_DSA2048:
		key = key_dsa();
		break;
	}
	pki_must(key != NULL, "key");
	return key;
}

EVP_PKEY *
pki_key_with(const EVP_PKEY *shown, const EVP_PKEY *signer)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *public = NULL, *pair = NULL, *both;
	EVP_PKEY *key = NULL;

	pki_must(EVP_PKEY_todata(shown, EVP_PKEY_PUBLIC_KEY, &public) == 1 &&
		     EVP_PKEY_todata(signer, EVP_PKEY_KEYPAIR, &pair) == 1,
	    "key data");
	for (OSSL_PARAM *p = pair; p->key != NULL; p++)
		if (strcmp(p->key, OSSL_PKEY_PARAM_PUB_KEY) == 0)
			p->key = "none";
	both = OSSL_PARAM_merge(pair, public);
	pki_must(both != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
		     EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, both) == 1,
	    "key of two halves");
	OSSL_PARAM_free(public);
	OSSL_PARAM_free(pair);
	OPENSSL_free(both);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* "CN=x,O=Corp": see struct pki_spec. */
static X509_NAME *
name_make(const char *text)
{
	X509_NAME *name = X509_NAME_new();
	char *copy = strdup(text), *at = copy;
	int set = 0;

	pki_must(name != NULL && copy != NULL, "name");
	while (*at != '\0') {
		size_t n = strcspn(at, ",+");
		char end = at[n], *value;

		at[n] = '\0';
		pki_must((value = strchr(at, '=')) != NULL, at);
		*value++ = '\0';
		pki_must(X509_NAME_add_entry_by_txt(name, at, MBSTRING_UTF8,
			     (const unsigned char *)value, -1, -1, set) == 1,
		    at);
		set = end == '+' ? -1 : 0;
		at += end == '\0' ? n : n + 1;
	}
	free(copy);
	return name;
}

static void
set_subject(X509 *x, const struct pki_spec *s)
{
	static const char *const by_profile[] = { [PKI_LEAF] = "CN=leaf",
		[PKI_INTERMEDIATE] = "CN=intermediate",
		[PKI_ROOT] = "CN=root",
		[PKI_SERVER] = "CN=server",
		[PKI_BARE] = "CN=bare" };
	X509_NAME *made;

	if (s->subject_name != NULL) {
		pki_must(X509_set_subject_name(x, s->subject_name) == 1, "subject");
		return;
	}
	made = name_make(s->subject != NULL ? s->subject : by_profile[s->profile]);
	pki_must(X509_set_subject_name(x, made) == 1, "subject");
	X509_NAME_free(made);
}

static void
set_serial(X509 *x, const char *hex)
{
	BIGNUM *bn = BN_new();

	pki_must(bn != NULL, "serial");
	if (hex != NULL)
		pki_must(BN_hex2bn(&bn, hex) > 0, hex);
	else
		pki_must(BN_rand(bn, 126, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1, "serial");
	pki_must(BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL, "serial");
	BN_free(bn);
}

static void
set_times(X509 *x, const struct pki_spec *s)
{
	pki_must(
	    ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(s->from ? s->from : PKI_FROM)) &&
		ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(s->until ? s->until : PKI_UNTIL)),
	    "times");
}

static GENERAL_NAME *
san_upn(const struct pki_san *s)
{
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_TYPE *value = ASN1_TYPE_new();
	ASN1_STRING *text = ASN1_STRING_type_new(V_ASN1_UTF8STRING);

	pki_must(g != NULL && value != NULL && text != NULL &&
		     ASN1_STRING_set(text, s->data, (int)s->len) == 1,
	    "UPN");
	ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
	pki_must(
	    GENERAL_NAME_set0_othername(g, OBJ_txt2obj("1.3.6.1.4.1.311.20.2.3", 1), value), "UPN");
	return g;
}

static GENERAL_NAME *
san_make(const struct pki_san *s)
{
	GENERAL_NAME *g;
	ASN1_STRING *text;

	if (s->type == PKI_SAN_UPN)
		return san_upn(s);
	g = GENERAL_NAME_new();
	text = ASN1_STRING_type_new(s->type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
	pki_must(g != NULL && text != NULL && ASN1_STRING_set(text, s->data, (int)s->len) == 1,
	    "subjectAltName");
	GENERAL_NAME_set0_value(g, s->type, text);
	return g;
}

static void
add_sans(X509 *x, const struct pki_spec *s)
{
	GENERAL_NAMES *names;

	if (s->sans[0].type == 0)
		return;
	pki_must((names = GENERAL_NAMES_new()) != NULL, "subjectAltName");
	for (size_t i = 0; i < PKI_SANS && s->sans[i].type != 0; i++)
		pki_must(sk_GENERAL_NAME_push(names, san_make(&s->sans[i])) > 0, "subjectAltName");
	pki_must(X509_add1_ext_i2d(x, NID_subject_alt_name, names, s->san_critical, 0) == 1,
	    "subjectAltName");
	GENERAL_NAMES_free(names);
}

/* The digest for a key: Ed25519 and Ed448 take none. */
const EVP_MD *
pki_digest(const EVP_PKEY *key, const char *name)
{
	const EVP_MD *md;

	if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
		return NULL;
	pki_must((md = EVP_get_digestbyname(name != NULL ? name : "SHA256")) != NULL, name);
	return md;
}

/* Written and read again, as every certificate of others is: some of it shows only then. */
static X509 *
reread(X509 *made)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int n = i2d_X509(made, &der);
	X509 *x = NULL;

	p = der;
	if (n > 0)
		x = d2i_X509(NULL, &p, n);
	pki_must(x != NULL, "certificate");
	OPENSSL_free(der);
	X509_free(made);
	return x;
}

struct pki_cert *
pki_make(const struct pki_spec *s, const struct pki_cert *issuer)
{
	struct pki_cert *c = calloc(1, sizeof(*c));
	const struct pki_cert *by;

	pki_must(c != NULL && (c->cert = X509_new()) != NULL, "certificate");
	by = issuer != NULL ? issuer : c;
	if (s->key != NULL)
		pki_must(EVP_PKEY_up_ref(c->key = s->key), "key");
	else
		c->key = pki_key_make(s->key_kind);
	pki_must(
	    X509_set_version(c->cert, s->version == 1 ? X509_VERSION_1 : X509_VERSION_3) == 1 &&
		X509_set_pubkey(c->cert, c->key) == 1,
	    "certificate");
	set_subject(c->cert, s);
	set_serial(c->cert, s->serial);
	set_times(c->cert, s);
	pki_must(X509_set_issuer_name(c->cert, X509_get_subject_name(by->cert)) == 1, "issuer");
	if (s->version != 1)
		pki_extensions(c->cert, s, by->cert);
	add_sans(c->cert, s);
	pki_must(X509_sign(c->cert, by->key, pki_digest(by->key, s->digest)) > 0, "signature");
	c->cert = reread(c->cert);
	return c;
}

void
pki_free(struct pki_cert *c)
{
	if (c == NULL)
		return;
	X509_free(c->cert);
	EVP_PKEY_free(c->key);
	free(c);
}

X509 *
pki_damaged(const X509 *cert)
{
	X509 *x = X509_dup(cert);
	const ASN1_BIT_STRING *sig;

	pki_must(x != NULL, "copy");
	X509_get0_signature(&sig, NULL, x);
	/* The last byte is the end of an INTEGER or of a number: the structure stays whole. */
	((ASN1_BIT_STRING *)(uintptr_t)sig)->data[sig->length - 1] ^= 1;
	return x;
}
