/*
 * fuzz_certpath.c - the rules on a path whose signatures hold: a leaf and an intermediate whose
 * extensions and names the input gives, issued by a root that never changes
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "certpath.h"
#include "identity_x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static EVP_PKEY *key;

/* A certificate with the fixed part of every CA or leaf here. */
static X509 *
blank(const char *subject, const char *issuer, int ca)
{
	X509 *x = X509_new();
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
	ASN1_BIT_STRING *ku = ASN1_BIT_STRING_new();
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_set_pubkey(x, key);
	ASN1_TIME_set(X509_getm_notBefore(x), 1700000000);
	ASN1_TIME_set(X509_getm_notAfter(x), 1900000000);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
	    (const unsigned char *)subject, -1, -1, 0);
	X509_NAME_add_entry_by_txt(
	    X509_get_issuer_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)issuer, -1, -1, 0);
	ASN1_OCTET_STRING_set(id, (const unsigned char *)"id", 2);
	X509_add1_ext_i2d(x, NID_subject_key_identifier, id, 0, 0);
	akid->keyid = id;
	X509_add1_ext_i2d(x, NID_authority_key_identifier, akid, 0, 0);
	bc->ca = ca ? 0xff : 0;
	X509_add1_ext_i2d(x, NID_basic_constraints, bc, 1, 0);
	ASN1_BIT_STRING_set_bit(ku, ca ? 5 : 0, 1);
	X509_add1_ext_i2d(x, NID_key_usage, ku, 1, 0);
	AUTHORITY_KEYID_free(akid);
	ASN1_BIT_STRING_free(ku);
	BASIC_CONSTRAINTS_free(bc);
	return x;
}

/* Sign, write, read again. */
static X509 *
sealed(X509 *x)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int n;

	X509_sign(x, key, NULL);
	n = i2d_X509(x, &der);
	X509_free(x);
	p = der;
	x = n > 0 ? d2i_X509(NULL, &p, n) : NULL;
	OPENSSL_free(der);
	return x;
}

/*
 * Records of the input: which certificate (bit 7), critical (bit 6), which extension or name (the
 * rest); two bytes of length; that many bytes of value.
 */
static void
apply(X509 *leaf, X509 *inter, const uint8_t *p, size_t n)
{
	static const int nids[] = { NID_subject_alt_name, NID_name_constraints, NID_ext_key_usage,
		NID_certificate_policies, NID_policy_mappings, NID_policy_constraints,
		NID_inhibit_any_policy, NID_crl_distribution_points, NID_issuer_alt_name };

	while (n >= 3) {
		X509 *x = (p[0] & 0x80) != 0 ? inter : leaf;
		size_t what = p[0] & 0x3f, len = (size_t)p[1] << 8 | p[2];

		if (len > n - 3)
			len = n - 3;
		if (what < sizeof(nids) / sizeof(nids[0])) {
			ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
			X509_EXTENSION *ext;

			ASN1_OCTET_STRING_set(value, p + 3, (int)len);
			ext = X509_EXTENSION_create_by_NID(
			    NULL, nids[what], (p[0] & 0x40) != 0, value);
			X509_add_ext(x, ext, -1);
			X509_EXTENSION_free(ext);
			ASN1_OCTET_STRING_free(value);
		} else if (x == leaf) {
			X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_organizationName,
			    (int)what & 0x1f, p + 3, (int)len, -1, 0);
		}
		p += 3 + len;
		n -= 3 + len;
	}
}

static void
judge(X509 *root, X509 *inter, X509 *leaf)
{
	static const char *const policy[] = { "1.2.3" };
	struct err e;
	struct certpath_trust *t = certpath_trust_new(&e);
	unsigned char *der = NULL;
	int n;

	if (t == NULL)
		return;
	n = i2d_X509(root, &der);
	if (certpath_trust_add(t, CERTPATH_ANCHOR, "root", der, (size_t)n, &e) != 1)
		abort();
	OPENSSL_free(der);
	for (int i = 0; i < 6; i++) {
		STACK_OF(X509) *sent = sk_X509_new_null();
		struct certpath_request r = { .leaf = leaf,
			.untrusted = sent,
			.now = 1800000000,
			.purpose = (enum certpath_purpose)(i % 3),
			.identity_rules = i < 3,
			.policies = policy,
			.npolicies = i == 5,
			.host = i == 4 ? "a.b.c" : NULL };
		struct certpath_result res = { 0 };
		struct identity *id;

		sk_X509_push(sent, inter);
		if (certpath_verify(t, &r, &res, &e) == 0) {
			id = identity_from_x509(leaf, res.policies, res.npolicies, &e);
			if (id == NULL && e.kind != ERR_REFUSED && e.kind != ERR_NOMEM)
				abort();
			identity_free(id);
		} else if (e.kind != ERR_REFUSED && e.kind != ERR_NOMEM) {
			abort();
		}
		certpath_result_done(&res);
		sk_X509_free(sent);
	}
	certpath_trust_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	X509 *root, *inter, *leaf;

	if (key == NULL)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	root = sealed(blank("root", "root", 1));
	inter = blank("inter", "root", 1);
	leaf = blank("leaf", "inter", 0);
	apply(leaf, inter, data, n);
	inter = sealed(inter);
	leaf = sealed(leaf);
	if (root != NULL && inter != NULL && leaf != NULL)
		judge(root, inter, leaf);
	X509_free(leaf);
	X509_free(inter);
	X509_free(root);
	return 0;
}
