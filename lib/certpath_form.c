/*
 * certpath_form.c - the form of one certificate by itself (RFC 5280 sections 4.1 and 4.2)
 *
 * What libcrypto does not look at, or excuses. None of it depends on the path or on the time: it is
 * worked out once for a certificate and kept with it.
 */
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "certpath_local.h"

/* The two arcs of RFC 5280: 2.5.29 and 1.3.6.1.5.5.7.1 */
static bool
is_standard(const ASN1_OBJECT *oid)
{
	static const uint8_t pkix[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01 };
	const uint8_t *id = OBJ_get0_data(oid);
	size_t n = OBJ_length(oid);

	if (n >= 2 && id[0] == 0x55 && id[1] == 0x1d)
		return true;
	return n == sizeof(pkix) + 1 && memcmp(id, pkix, sizeof(pkix)) == 0;
}

/* Whether the value parses as what its type says; those without a parser here pass. */
static bool
parses(X509_EXTENSION *ext)
{
	const X509V3_EXT_METHOD *method = X509V3_EXT_get(ext);
	ASN1_VALUE *value;

	if (method == NULL || method->it == NULL)
		return true;
	value = X509V3_EXT_d2i(ext);
	if (value == NULL)
		return false;
	ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
	return true;
}

/*
 * Section 4.2.1.1: whoever has the extension has it for the keyIdentifier; issuer and serial number
 * together or not at all (appendix A.2). An empty one says as much as none; libcrypto makes it for
 * self-signed certificates.
 */
static const char *
check_authority_key(X509 *x)
{
	bool issuer = X509_get0_authority_issuer(x) != NULL;
	bool serial = X509_get0_authority_serial(x) != NULL;

	if (X509_get0_authority_key_id(x) == NULL && (issuer || serial))
		return "its authority key identifier has no keyIdentifier";
	return issuer == serial
		   ? NULL
		   : "its authority key identifier has one of issuer and serial number only";
}

/* Whether all qualifiers are of the two types that RFC 5280 has. */
static bool
qualifiers_known(const POLICYINFO *policy)
{
	for (int i = 0; i < sk_POLICYQUALINFO_num(policy->qualifiers); i++) {
		int nid = OBJ_obj2nid(sk_POLICYQUALINFO_value(policy->qualifiers, i)->pqualid);

		if (nid != NID_id_qt_cps && nid != NID_id_qt_unotice)
			return false;
	}
	return true;
}

/* Section 4.2.1.4: what is critical must be interpreted, qualifiers included. */
static const char *
check_policies(X509_EXTENSION *ext)
{
	CERTIFICATEPOLICIES *all = X509V3_EXT_d2i(ext);
	const char *why = NULL;

	if (all == NULL)
		return "its certificate policies are malformed";
	for (int i = 0; i < sk_POLICYINFO_num(all) && why == NULL; i++)
		if (X509_EXTENSION_get_critical(ext) &&
		    !qualifiers_known(sk_POLICYINFO_value(all, i)))
			why = "its certificate policies are critical and have a qualifier that is "
			      "not known here";
	CERTIFICATEPOLICIES_free(all);
	return why;
}

/*
 * Section 4.2.1.11: critical, and not empty. One that says no more than requireExplicitPolicy 0 is
 * taken as it is: RFC 3280 left it open, and where it is in force at once nothing is put off to
 * those who would pass over it.
 */
static const char *
check_policy_constraints(X509_EXTENSION *ext)
{
	POLICY_CONSTRAINTS *pc = X509V3_EXT_d2i(ext);
	const char *why = NULL;

	if (pc == NULL)
		return "its policy constraints are malformed";
	if (!X509_EXTENSION_get_critical(ext) &&
	    (pc->inhibitPolicyMapping != NULL || pc->requireExplicitPolicy == NULL ||
		ASN1_INTEGER_get(pc->requireExplicitPolicy) != 0))
		why = "its policy constraints are not marked critical";
	POLICY_CONSTRAINTS_free(pc);
	return why;
}

/*
 * Sections 4.2.1.15 and 4.2.1.13: reasons alone are no distribution point. libcrypto sees to it in
 * cRLDistributionPoints, not in freshestCRL.
 */
static const char *
check_distribution_points(X509_EXTENSION *ext)
{
	CRL_DIST_POINTS *all = X509V3_EXT_d2i(ext);
	const char *why = NULL;

	if (all == NULL)
		return "its CRL distribution points are malformed";
	for (int i = 0; i < sk_DIST_POINT_num(all) && why == NULL; i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(all, i);

		if (point->distpoint == NULL && point->CRLissuer == NULL)
			why = "a CRL distribution point names neither a place nor an issuer";
	}
	sk_DIST_POINT_pop_free(all, DIST_POINT_free);
	return why;
}

/* What section 4.2 says of an extension, beyond what libcrypto checks of it. */
static const struct ext_rule {
	int nid;
	const char *uncritical; /* what to say when it is not marked critical; NULL: nothing */
	bool parse;		/* libcrypto has not done so by itself */
	bool may_be_empty;	/* SEQUENCE without a member */
	const char *(*check)(X509_EXTENSION *ext);
} ext_rules[] = {
	{ .nid = NID_authority_key_identifier, .may_be_empty = true },
	{ .nid = NID_private_key_usage_period, .parse = true },
	{ .nid = NID_certificate_policies, .check = check_policies },
	{ .nid = NID_policy_mappings, .parse = true },
	{ .nid = NID_subject_alt_name },
	{ .nid = NID_issuer_alt_name, .parse = true },
	{ .nid = NID_subject_directory_attributes },
	{ .nid = NID_basic_constraints, .may_be_empty = true },
	{ .nid = NID_name_constraints,
	    .uncritical = "its name constraints are not marked critical" },
	{ .nid = NID_policy_constraints, .check = check_policy_constraints },
	{ .nid = NID_ext_key_usage },
	{ .nid = NID_crl_distribution_points },
	{ .nid = NID_inhibit_any_policy,
	    .uncritical = "its inhibitAnyPolicy is not marked critical",
	    .parse = true },
	{ .nid = NID_freshest_crl, .check = check_distribution_points },
	{ .nid = NID_info_access, .parse = true },
	{ .nid = NID_sinfo_access, .parse = true },
};

static const struct ext_rule *
ext_rule(int nid)
{
	for (size_t i = 0; i < sizeof(ext_rules) / sizeof(ext_rules[0]); i++)
		if (ext_rules[i].nid == nid)
			return &ext_rules[i];
	return NULL;
}

static const char *
check_extension(X509_EXTENSION *ext)
{
	const ASN1_OBJECT *oid = X509_EXTENSION_get_object(ext);
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(ext);
	const uint8_t *p = ASN1_STRING_get0_data(value);
	size_t n = (size_t)ASN1_STRING_length(value);
	const struct ext_rule *rule;

	if (!is_standard(oid))
		return NULL;
	if (!certpath_is_der(p, n))
		return "an extension is malformed (not DER)";
	if ((rule = ext_rule(OBJ_obj2nid(oid))) == NULL)
		return NULL;
	if (!rule->may_be_empty && n == 2 && p[1] == 0)
		return "an extension is empty";
	if (rule->uncritical != NULL && !X509_EXTENSION_get_critical(ext))
		return rule->uncritical;
	if (rule->parse && !parses(ext))
		return "an extension is malformed";
	return rule->check == NULL ? NULL : rule->check(ext);
}

static const char *
check_extensions(const X509 *x)
{
	const STACK_OF(X509_EXTENSION) *all = X509_get0_extensions(x);
	const char *why;

	if (all != NULL && sk_X509_EXTENSION_num(all) == 0)
		return "its list of extensions is empty";
	for (int i = 0; i < X509_get_ext_count(x); i++) {
		X509_EXTENSION *ext = X509_get_ext(x, i);

		if (X509_get_ext_by_OBJ(x, X509_EXTENSION_get_object(ext), i) != -1)
			return "an extension stands twice";
		if ((why = check_extension(ext)) != NULL)
			return why;
	}
	return NULL;
}

/* The bytes that were signed, as they came: libcrypto keeps them; the frame around it makes anew.
 */
static const char *
check_encoding(const X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	bool ok = n > 0 && certpath_is_der(der, (size_t)n);

	OPENSSL_free(der);
	return ok ? NULL : "it is not encoded in DER";
}

/*
 * Section 4.2.1.1 demands the extension but of those signed with their own key; in these it may
 * name no other key. Of all certificates below the anchor X509_verify_cert() has asked for it.
 */
static const char *
check_anchor_key(X509 *x)
{
	const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(x);
	const ASN1_OCTET_STRING *by = X509_get0_authority_key_id(x);
	EVP_PKEY *key = X509_get0_pubkey(x);
	bool self = key != NULL && X509_verify(x, key) == 1;

	if (by == NULL)
		return self ? NULL : "it has no authority key identifier";
	if (self && own != NULL && ASN1_OCTET_STRING_cmp(by, own) != 0)
		return "it is signed with its own key, but names another one";
	return NULL;
}

static const char *
check_form(X509 *x, bool anchor)
{
	const char *why;

	if ((X509_get_extension_flags(x) & EXFLAG_INVALID) != 0)
		return "an extension is malformed or stands twice";
	if ((why = check_encoding(x)) != NULL || (why = check_extensions(x)) != NULL ||
	    (why = check_authority_key(x)) != NULL)
		return why;
	return anchor ? check_anchor_key(x) : NULL;
}

static int slot[2]; /* of what was found for one below an anchor, and for an anchor */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void
make_slots(void)
{
	for (size_t i = 0; i < 2; i++)
		slot[i] = X509_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

const char *
certpath_form(X509 *x, bool anchor)
{
	static const char *const good = "";
	const char *why;
	int at;

	if (CRYPTO_THREAD_run_once(&once, make_slots) != 1)
		return "it cannot be judged: no memory";
	at = slot[anchor];
	if ((why = X509_get_ex_data(x, at)) == NULL) {
		why = check_form(x, anchor);
		/* When there is no memory to keep it, it is worked out anew. */
		(void)X509_set_ex_data(x, at, (void *)(uintptr_t)(why == NULL ? good : why));
	}
	return why == NULL || why == good ? NULL : why;
}
