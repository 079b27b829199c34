/* certpath_rules.c - what RFC 5280 and this project ask of a path beyond what OpenSSL checks */
#include <string.h>
#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/core_names.h>
#include <openssl/x509v3.h>

#include "certpath_local.h"
#include "x509text.h"

#define RSA_BITS_MIN	  2048
#define SERIAL_OCTETS_MAX 20 /* RFC 5280 section 4.1.2.2 */

static const char *
weak_rsa(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	const char *why = NULL;

	if (EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
		return "an RSA key of less than 2048 bits";
	/* No generator that works makes one. */
	if (EVP_PKEY_get_bits(key) % 8 != 0)
		return "an RSA key whose length is no multiple of 8 bits";
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		return "an RSA key that cannot be read";
	if (!BN_is_odd(e) || BN_is_one(e))
		why = "an RSA key whose exponent is 1 or even";
	BN_free(e);
	return why;
}

static const char *
weak_ec(const EVP_PKEY *key)
{
	static const char *const taken[] = { SN_X9_62_prime256v1, SN_secp384r1, SN_secp521r1 };
	char group[64];
	size_t n;

	if (EVP_PKEY_get_group_name(key, group, sizeof(group), &n) != 1)
		return "an elliptic curve without a name";
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(group, taken[i]) == 0)
			return NULL;
	return "an elliptic curve other than P-256, P-384 and P-521";
}

const char *
certpath_weak_key(X509 *cert)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);

	if (key == NULL)
		return "a public key that cannot be read";
	if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
		return weak_rsa(key);
	if (EVP_PKEY_is_a(key, "EC"))
		return weak_ec(key);
	if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
		return NULL;
	return "a public key of a kind that is not taken (RSA, EC, Ed25519 and Ed448 are)";
}

const char *
certpath_weak_digest(int md_nid, int key_nid)
{
	switch (key_nid) {
	case NID_ED25519:
	case NID_ED448:
		return NULL; /* the digest is part of the algorithm */
	case NID_dsa:
		return "a DSA signature";
	}
	switch (md_nid) {
	case NID_sha256:
	case NID_sha384:
	case NID_sha512:
	case NID_sha512_256:
	case NID_sha3_256:
	case NID_sha3_384:
	case NID_sha3_512:
		return NULL;
	case NID_sha1:
		return "a SHA-1 signature";
	case NID_md5:
	case NID_md4:
	case NID_md2:
		return "an MD5 signature";
	default:
		return "a signature with a digest that is not taken (SHA-256 and longer are)";
	}
}

/*
 * For RSA-PSS libcrypto looks into the parameters (and leaves out a set that it deems unfit).
 * Those of Ed25519 and Ed448 have no digest of their own: key_nid names them.
 */
static const char *
weak_signature(X509 *cert)
{
	int md, key, bits;
	uint32_t flags;

	if (X509_get_signature_info(cert, &md, &key, &bits, &flags) != 1)
		return "a signature algorithm that is not taken";
	return certpath_weak_digest(md, key);
}

/*
 * Parameters that belong to an algorithm: NULL or none for RSA (RFC 4055 section 2.1 has readers
 * take both), none for ECDSA, Ed25519 and Ed448 (RFC 5758, 8410). Those of RSA-PSS are libcrypto's.
 */
static bool
parameters_fit(const X509_ALGOR *alg)
{
	int type, md, key;

	X509_ALGOR_get0(NULL, &type, NULL, alg);
	if (OBJ_find_sigid_algs(OBJ_obj2nid(alg->algorithm), &md, &key) != 1)
		return true;
	if (key == NID_rsaEncryption)
		return type == V_ASN1_NULL || type == V_ASN1_UNDEF;
	return key == NID_rsassaPss || type == V_ASN1_UNDEF;
}

static const char *
check_algorithms(const X509 *x)
{
	const X509_ALGOR *sig;
	X509_ALGOR *key;
	int type;

	X509_get0_signature(NULL, &sig, x);
	if (!parameters_fit(sig))
		return "its signature algorithm has parameters that do not belong there";
	X509_PUBKEY_get0_param(NULL, NULL, NULL, &key, X509_get_X509_PUBKEY(x));
	X509_ALGOR_get0(NULL, &type, NULL, key);
	/* RFC 3279 section 2.3.1 */
	if (OBJ_obj2nid(key->algorithm) == NID_rsaEncryption && type != V_ASN1_NULL)
		return "its RSA key has parameters other than NULL";
	return NULL;
}

static const char *
check_serial(const X509 *x)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	const uint8_t *octets = ASN1_STRING_get0_data(serial);
	int n = ASN1_STRING_length(serial);

	if (n == 0 || (n == 1 && octets[0] == 0))
		return "its serial number is 0";
	/* The octets here lack the leading zero that keeps a high bit from being a sign. */
	if (n > SERIAL_OCTETS_MAX || (n == SERIAL_OCTETS_MAX && (octets[0] & 0x80) != 0))
		return "its serial number has more than 20 octets";
	return NULL;
}

/*
 * RFC 5280 section 4.1, for each certificate below the anchor: nobody relies on an anchor's own
 * signature, and its serial number names nothing.
 */
static int
rule_frame(const struct certpath_path *path, int depth, struct err *e)
{
	X509 *x = path->cert[depth];
	const char *why;

	if (X509_get_version(x) != X509_VERSION_3)
		return certpath_refuse(
		    e, X509_V_ERR_INVALID_EXTENSION, path, depth, "not a certificate of version 3");
	if ((why = check_algorithms(x)) != NULL)
		return certpath_refuse(
		    e, X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM, path, depth, "%s", why);
	if ((why = check_serial(x)) != NULL)
		return certpath_refuse(e, X509_V_ERR_UNSPECIFIED, path, depth, "%s", why);
	return 0;
}

static int
rule_strength(const struct certpath_path *path, int depth, struct err *e)
{
	X509 *x = path->cert[depth];
	const char *why;

	if ((why = certpath_weak_key(x)) != NULL)
		return certpath_refuse(e,
		    depth == 0 ? X509_V_ERR_EE_KEY_TOO_SMALL : X509_V_ERR_CA_KEY_TOO_SMALL, path,
		    depth, "it has %s", why);
	/* Nobody relies on the signature of an anchor. */
	if (depth < path->n - 1 && (why = weak_signature(x)) != NULL)
		return certpath_refuse(e, X509_V_ERR_CA_MD_TOO_WEAK, path, depth, "it has %s", why);
	return 0;
}

/*
 * Extended key usage. The leaf must list the very purpose: anyExtendedKeyUsage says nothing of
 * logging in (RFC 5280 section 4.2.1.12 lets an application ask for more). A CA that lists
 * purposes is taken to mean all below it, as browsers and OpenSSL do; there "any" will do.
 */
static int
rule_purpose(
    const struct certpath_request *r, const struct certpath_path *path, int depth, struct err *e)
{
	const char *name = r->purpose == CERTPATH_CLIENT ? "clientAuth" : "serverAuth";
	uint32_t want = r->purpose == CERTPATH_CLIENT ? XKU_SSL_CLIENT : XKU_SSL_SERVER;
	uint32_t usage, have = X509_get_extended_key_usage(path->cert[depth]);

	if (r->purpose == CERTPATH_ANY)
		return 0;
	if (depth > 0) {
		/* UINT32_MAX, all bits, when it lists none */
		if ((have & (want | XKU_ANYEKU)) != 0)
			return 0;
		return certpath_refuse(e, X509_V_ERR_INVALID_PURPOSE, path, depth,
		    "its extended key usage leaves out %s", name);
	}
	if (have == UINT32_MAX || (have & want) == 0)
		return certpath_refuse(e, X509_V_ERR_INVALID_PURPOSE, path, depth,
		    "its extended key usage does not list %s", name);
	if ((X509_get_extension_flags(path->cert[0]) & EXFLAG_CA) != 0)
		return certpath_refuse(
		    e, X509_V_ERR_INVALID_NON_CA, path, depth, "it is a CA certificate (CA:TRUE)");
	usage = KU_DIGITAL_SIGNATURE;
	if (r->purpose == CERTPATH_SERVER)
		usage |= KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT;
	if ((X509_get_key_usage(path->cert[0]) & usage) == 0)
		return certpath_refuse(e, X509_V_ERR_INVALID_PURPOSE, path, depth,
		    "its key usage leaves out digitalSignature");
	return 0;
}

static bool
lists(const EXTENDED_KEY_USAGE *eku, const ASN1_OBJECT *oid)
{
	for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++)
		if (OBJ_cmp(sk_ASN1_OBJECT_value(eku, i), oid) == 0)
			return true;
	return false;
}

/* Take away from `left` what a CA that lists purposes does not list. */
static void
keep_common(EXTENDED_KEY_USAGE *left, X509 *ca)
{
	EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(ca, NID_ext_key_usage, NULL, NULL);

	if (eku == NULL || lists(eku, OBJ_nid2obj(NID_anyExtendedKeyUsage))) {
		EXTENDED_KEY_USAGE_free(eku);
		return;
	}
	for (int i = sk_ASN1_OBJECT_num(left) - 1; i >= 0; i--)
		if (!lists(eku, sk_ASN1_OBJECT_value(left, i)))
			ASN1_OBJECT_free(sk_ASN1_OBJECT_delete(left, i));
	EXTENDED_KEY_USAGE_free(eku);
}

/* Where no purpose is asked for: a leaf that lists some must still be good for one of them. */
static int
rule_any_purpose(const struct certpath_request *r, const struct certpath_path *path, struct err *e)
{
	EXTENDED_KEY_USAGE *left;
	int ret = 0;

	if (r->purpose != CERTPATH_ANY)
		return 0;
	left = X509_get_ext_d2i(path->cert[0], NID_ext_key_usage, NULL, NULL);
	if (left != NULL && !lists(left, OBJ_nid2obj(NID_anyExtendedKeyUsage))) {
		for (int i = 1; i < path->n; i++)
			keep_common(left, path->cert[i]);
		if (sk_ASN1_OBJECT_num(left) == 0)
			ret = certpath_refuse(e, X509_V_ERR_INVALID_PURPOSE, path, 0,
			    "its issuers leave none of the purposes that it lists");
	}
	EXTENDED_KEY_USAGE_free(left);
	return ret;
}

/* Letters, digits, "-", "_" and inner dots: libcrypto gives "" and a leading dot meanings. */
static bool
is_host_name(const char *host)
{
	size_t n = strlen(host);

	if (n == 0 || n > 253 || host[0] == '.' || host[n - 1] == '.' || strstr(host, "..") != NULL)
		return false;
	return strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
	       n;
}

/* RFC 6125 with wildcards as a whole first label only; an address matches iPAddress only. */
static int
rule_host(const struct certpath_request *r, const struct certpath_path *path, struct err *e)
{
	const unsigned int flags =
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
	X509 *leaf = path->cert[0];
	unsigned char ip[16];
	int ok;

	if (r->host == NULL)
		return 0;
	if (inet_pton(AF_INET, r->host, ip) == 1)
		ok = X509_check_ip(leaf, ip, 4, 0);
	else if (inet_pton(AF_INET6, r->host, ip) == 1)
		ok = X509_check_ip(leaf, ip, 16, 0);
	else
		ok = is_host_name(r->host) ? X509_check_host(leaf, r->host, 0, flags, NULL) : 0;
	if (ok == 1)
		return 0;
	return certpath_refuse(e, X509_V_ERR_HOSTNAME_MISMATCH, path, 0,
	    "no name of its subjectAltName is the host %.100s", r->host);
}

int
certpath_rules(const struct certpath_request *r, const struct certpath_path *path, struct err *e)
{
	const char *why;

	for (int i = path->n - 1; i >= 0; i--) {
		if ((why = certpath_form(path->cert[i], i == path->n - 1)) != NULL)
			return certpath_refuse(e, X509_V_ERR_INVALID_EXTENSION, path, i, "%s", why);
		if (rule_strength(path, i, e) == -1 || rule_purpose(r, path, i, e) == -1)
			return -1;
		if (i < path->n - 1 && rule_frame(path, i, e) == -1)
			return -1;
	}
	if (rule_any_purpose(r, path, e) == -1 || certpath_names(r, path, e) == -1)
		return -1;
	return rule_host(r, path, e);
}
