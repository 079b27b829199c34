/* test_certpath_crl.c - revocation: which CRLs are taken, and what they do to a path */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/x509v3.h>

#include "tests/unit/help/pathtest.h"

static const struct pki_crl_spec plain = { 0 };

static void
each_issuer_of_the_path_needs_a_crl_but_not_the_anchor_itself(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);

	(void)state;
	pathtest_crl(p, "inter.crl", &plain, p->inter);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(X509_V_ERR_UNABLE_TO_GET_CRL, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	assert_string_equal("intermediate 1 \"CN=intermediate\": there is no CRL for its issuer "
			    "\"CN=root\"",
	    p->err.text);
	pathtest_crl(p, "root.crl", &plain, p->root);
	/* an unchecked CRL is not taken on trust */
	assert_int_not_equal(0, certpath_verify(p->trust, &p->request, &p->result, &p->err));
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	assert_string_equal("", p->notes);
	/* a CRL that lists the anchor's own serial number says nothing about it */
	pathtest_crl(p, "root2.crl",
	    &(struct pki_crl_spec){ .from = PKI_FROM + 1, .revoked = { { .cert = p->root } } },
	    p->root);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	certpath_trust_revocation(p->trust, CERTPATH_REVOCATION_OFF);
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pathtest_free(p);
}

static void
no_crl_at_all_is_a_refusal_where_revocation_is_required(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);

	(void)state;
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(X509_V_ERR_UNABLE_TO_GET_CRL, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pathtest_free(p);
}

static void
a_revoked_leaf_is_refused_for_whatever_reason_and_its_neighbour_is_not(void **state)
{
	static const struct {
		int code;
		const char *told;
	} reasons[] = { { 0, "" }, { CRL_REASON_KEY_COMPROMISE, ", keyCompromise" },
		{ CRL_REASON_CERTIFICATE_HOLD, ", on hold" },
		{ CRL_REASON_SUPERSEDED, ", superseded" } };
	char told[200];

	(void)state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		struct pathtest *p = pathtest_new(NULL, NULL);
		struct pki_cert *bad = pki_make(&(struct pki_spec){ .serial = "1001" }, p->inter);

		pathtest_crl(p, "root.crl", &plain, p->root);
		pathtest_crl(p, "inter.crl",
		    &(struct pki_crl_spec){
			.revoked = { { .serial = "0FFF" },
			    { .cert = bad, .reason = reasons[i].code }, { .serial = "FFFF" } } },
		    p->inter);
		assert_int_equal(0, pathtest_check(p, PKI_NOW));
		assert_int_equal(X509_V_ERR_CERT_REVOKED, pathtest_verify(p, bad->cert));
		(void)snprintf(told, sizeof(told),
		    "leaf \"CN=leaf\": revoked by its issuer \"CN=intermediate\" (CRL inter.crl%s)",
		    reasons[i].told);
		assert_string_equal(told, p->err.text);
		assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ .serial = "1002" }));
		pki_free(bad);
		pathtest_free(p);
	}
}

static void
a_revoked_intermediate_takes_its_leaves_along(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);

	(void)state;
	pathtest_crl(p, "inter.crl", &plain, p->inter);
	pathtest_crl(
	    p, "root.crl", &(struct pki_crl_spec){ .revoked = { { .cert = p->inter } } }, p->root);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(X509_V_ERR_CERT_REVOKED, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	assert_non_null(strstr(p->err.text, "intermediate 1 \"CN=intermediate\": revoked by"));
	pathtest_free(p);
}

static void
a_crl_holds_from_this_update_until_before_next_update(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);

	(void)state;
	pathtest_crl(p, "root.crl", &plain, p->root);
	pathtest_crl(p, "inter.crl",
	    &(struct pki_crl_spec){ .from = PKI_NOW - 7200, .until = PKI_NOW + 7200 }, p->inter);
	p->request.now = PKI_NOW - 7201;
	assert_int_equal(0, pathtest_check(p, p->request.now));
	assert_string_equal("inter.crl: CRL of \"CN=intermediate\" begins in 1 s "
			    "(thisUpdate 2027-01-15T06:00:00Z)\n",
	    p->notes);
	assert_int_equal(X509_V_ERR_CRL_NOT_YET_VALID, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	p->request.now = PKI_NOW - 7200;
	assert_int_equal(0, pathtest_check(p, p->request.now));
	assert_string_equal("", p->notes);
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	p->request.now = PKI_NOW + 7199;
	assert_int_equal(0, pathtest_check(p, p->request.now));
	assert_string_equal("inter.crl: CRL of \"CN=intermediate\" ends in 1 s "
			    "(nextUpdate 2027-01-15T10:00:00Z)\n",
	    p->notes);
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	assert_int_equal(PKI_NOW + 7200, p->result.crls_until);
	p->request.now = PKI_NOW + 2 * 7200;
	assert_int_equal(0, pathtest_check(p, p->request.now));
	assert_int_equal(X509_V_ERR_CRL_HAS_EXPIRED, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	assert_string_equal(
	    "leaf \"CN=leaf\": the CRL of its issuer \"CN=intermediate\" (inter.crl) "
	    "expired 2 h ago (nextUpdate 2027-01-15T10:00:00Z)",
	    p->err.text);
	pathtest_free(p);
}

/* The X509_V_ERR_* code with which certpath_trust_check() refuses a CRL of the intermediate. */
static int
refusal_of(const struct pki_crl_spec *spec)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	int ret;

	pathtest_crl(p, "bad.crl", spec, p->inter);
	ret = pathtest_check(p, PKI_NOW);
	if (ret == -1) {
		assert_int_equal(ERR_FORMAT, p->err.kind);
		assert_ptr_equal(
		    p->err.text, strstr(p->err.text, "bad.crl: CRL of \"CN=intermediate\": "));
		ret = p->err.detail;
		/* and the section stays shut */
		assert_int_equal(ERR_REFUSED,
		    certpath_verify(p->trust, &p->request, &p->result, &p->err) == -1 ? p->err.kind
										      : ERR_NONE);
	}
	pathtest_free(p);
	return ret;
}

static void
forms_that_are_not_taken_are_refused_at_load_time(void **state)
{
	static const struct {
		struct pki_crl_spec spec;
		int want;
	} rows[] = {
		{ { .ext = { "issuingDistributionPoint=critical,onlyuser:TRUE" } }, 0 },
		{ { .ext = { "issuingDistributionPoint=critical,onlyCA:TRUE" } }, 0 },
		{ { .ext = { "issuingDistributionPoint=critical,onlyAA:TRUE" } },
		    X509_V_ERR_DIFFERENT_CRL_SCOPE },
		{ { .ext = { "issuingDistributionPoint=critical,indirectCRL:TRUE" } },
		    X509_V_ERR_DIFFERENT_CRL_SCOPE },
		{ { .ext = { "issuingDistributionPoint=critical,onlysomereasons:keyCompromise" } },
		    X509_V_ERR_DIFFERENT_CRL_SCOPE },
		{ { .ext = { "issuingDistributionPoint=critical,DER:300aa008a0068604"
			     "68747470" } },
		    X509_V_ERR_DIFFERENT_CRL_SCOPE },
		{ { .ext = { "issuingDistributionPoint=critical,DER:30038101" } },
		    X509_V_ERR_INVALID_EXTENSION },
		{ { .ext = { "deltaCRL=critical,DER:020101" } }, X509_V_ERR_DIFFERENT_CRL_SCOPE },
		{ { .ext = { "freshestCRL=URI:http://corp.example/delta.crl" } }, 0 },
		{ { .ext = { "1.2.3.4=DER:0500" } }, 0 },
		{ { .ext = { "1.2.3.4=critical,DER:0500" } },
		    X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION },
		{ { .ext = { "1.2.3.4=DER:0500", "+1.2.3.4=DER:0500" } },
		    X509_V_ERR_INVALID_EXTENSION },
		{ { .number = "" }, X509_V_ERR_INVALID_EXTENSION },
		{ { .number = "-5" }, X509_V_ERR_INVALID_EXTENSION },
		{ { .number = "", .ext = { "crlNumber=critical,DER:020101" } },
		    X509_V_ERR_INVALID_EXTENSION },
		{ { .number = "1461501637330902918203684832716283019655932542975" }, 0 },
		{ { .number = "1461501637330902918203684832716283019655932542976" },
		    X509_V_ERR_INVALID_EXTENSION },
		{ { .until = -1 }, X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD },
		{ { .from = PKI_NOW, .until = PKI_NOW - 1 },
		    X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD },
		{ { .digest = "SHA384" }, 0 },
		{ { .digest = "SHA1" }, X509_V_ERR_CA_MD_TOO_WEAK },
		{ { .revoked = { { .serial = "01", .reason = CRL_REASON_CERTIFICATE_HOLD } } }, 0 },
		{ { .revoked = { { .serial = "01", .reason = CRL_REASON_REMOVE_FROM_CRL } } },
		    X509_V_ERR_DIFFERENT_CRL_SCOPE },
		{ { .revoked = { { .serial = "01", .ext = "1.2.3.4=DER:0500" } } }, 0 },
		{ { .revoked = { { .serial = "01", .ext = "1.2.3.4=critical,DER:0500" } } },
		    X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION },
		{ { .revoked = { { .serial = "01",
			.ext = "certificateIssuer=critical,DER:3006820461626364" } } },
		    X509_V_ERR_DIFFERENT_CRL_SCOPE },
		{ { .revoked = { { .serial = "01", .ext = "CRLReason=DER:0500" } } },
		    X509_V_ERR_INVALID_EXTENSION },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int got = refusal_of(&rows[i].spec);

		if (got != rows[i].want)
			print_message("row %zu: %d\n", i, got);
		assert_int_equal(rows[i].want, got);
	}
}

static void
a_crl_for_cas_only_does_not_cover_a_leaf_nor_the_other_way_round(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);

	(void)state;
	pathtest_crl(p, "root.crl", &plain, p->root);
	pathtest_crl(p, "cas.crl",
	    &(struct pki_crl_spec){ .ext = { "issuingDistributionPoint=critical,onlyCA:TRUE" } },
	    p->inter);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_not_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pathtest_crl(p, "users.crl",
	    &(struct pki_crl_spec){ .ext = { "issuingDistributionPoint=critical,onlyuser:TRUE" } },
	    p->inter);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pathtest_free(p);
	p = pathtest_new(NULL, NULL);
	pathtest_crl(p, "users.crl",
	    &(struct pki_crl_spec){ .ext = { "issuingDistributionPoint=critical,onlyuser:TRUE" } },
	    p->root);
	pathtest_crl(p, "inter.crl", &plain, p->inter);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_not_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pathtest_free(p);
}

static void
count_note(void *arg, const char *text)
{
	assert_non_null(strstr(text, ".crl: CRL of "));
	++*(int *)arg;
}

static void
a_crl_that_nobody_here_signed_is_refused_or_left_out(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *stranger =
	    pki_make(&(struct pki_spec){ .profile = PKI_ROOT, .subject = "CN=stranger" }, NULL);
	struct pki_cert *forger =
	    pki_make(&(struct pki_spec){ .profile = PKI_ROOT, .subject = "CN=intermediate" }, NULL);
	int dropped = 0;

	(void)state;
	pathtest_crl(p, "stranger.crl", &plain, stranger);
	assert_int_equal(-1, pathtest_check(p, PKI_NOW));
	assert_string_equal("stranger.crl: CRL of \"CN=stranger\": its issuer is neither an anchor "
			    "nor an intermediate of this section",
	    p->err.text);
	pathtest_free(p);
	p = pathtest_new(NULL, NULL);
	pathtest_crl(p, "root.crl", &plain, p->root);
	pathtest_crl(p, "stranger.crl", &plain, stranger);
	pathtest_crl(p, "forged.crl", &plain, forger);
	assert_int_equal(-1, pathtest_check(p, PKI_NOW));
	certpath_trust_drop_strangers(p->trust, count_note, &dropped);
	assert_int_equal(2, dropped);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	/* the forged one is gone, and nothing stands for the intermediate */
	assert_int_equal(X509_V_ERR_UNABLE_TO_GET_CRL, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pathtest_crl(p, "inter.crl", &plain, p->inter);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pki_free(forger);
	pki_free(stranger);
	pathtest_free(p);
}

static void
only_a_ca_that_may_sign_crls_does(void **state)
{
	struct pathtest *p = pathtest_new(NULL, &(struct pki_spec){ .profile = PKI_INTERMEDIATE,
						    .ext = { "keyUsage=critical,keyCertSign" } });

	(void)state;
	pathtest_crl(p, "inter.crl", &plain, p->inter);
	assert_int_equal(-1, pathtest_check(p, PKI_NOW));
	assert_int_equal(X509_V_ERR_CRL_SIGNATURE_FAILURE, p->err.detail);
	pathtest_free(p);
}

static void
crls_of_two_keys_under_one_name_are_told_apart(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *twin =
	    pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE }, p->root);
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ .serial = "1001" }, p->inter);
	const char *const none = "authorityKeyIdentifier=";

	(void)state;
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, twin->cert));
	pathtest_crl(p, "root.crl", &plain, p->root);
	/* the twin's is newer, names no key, and revokes the same serial number */
	pathtest_crl(p, "twin.crl",
	    &(struct pki_crl_spec){
		.from = PKI_FROM + 9, .ext = { none }, .revoked = { { .serial = "1001" } } },
	    twin);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(X509_V_ERR_UNABLE_TO_GET_CRL, pathtest_verify(p, leaf->cert));
	pathtest_crl(p, "inter.crl", &(struct pki_crl_spec){ .ext = { none } }, p->inter);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(0, pathtest_verify(p, leaf->cert));
	pki_free(leaf);
	leaf = pki_make(&(struct pki_spec){ .serial = "1001" }, twin);
	assert_int_equal(X509_V_ERR_CERT_REVOKED, pathtest_verify(p, leaf->cert));
	pki_free(leaf);
	pki_free(twin);
	pathtest_free(p);
}

static void
of_two_crls_of_an_issuer_the_newer_counts(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, p->inter);

	(void)state;
	pathtest_crl(p, "root.crl", &plain, p->root);
	pathtest_crl(p, "new.crl",
	    &(struct pki_crl_spec){
		.from = PKI_NOW - 10, .number = "2", .revoked = { { .cert = leaf } } },
	    p->inter);
	pathtest_crl(p, "old.crl", &(struct pki_crl_spec){ .from = PKI_NOW - 20 }, p->inter);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(X509_V_ERR_CERT_REVOKED, pathtest_verify(p, leaf->cert));
	pki_free(leaf);
	pathtest_free(p);
}

/* PKITS 4.4.14 and 4.4.15: 255 is not -1. */
static void
a_negative_serial_number_is_not_the_positive_one_of_the_same_bits(void **state)
{
	static const char *const pairs[][2] = { { "FF", "-1" }, { "-1", "FF" }, { "80", "-80" },
		{ "-80", "80" }, { "-1", "1" }, { "1", "-1" } };

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct pathtest *p = pathtest_new(NULL, NULL);

		p->request.identity_rules = false;
		pathtest_crl(p, "root.crl", &plain, p->root);
		pathtest_crl(p, "inter.crl",
		    &(struct pki_crl_spec){ .revoked = { { .serial = pairs[i][0] } } }, p->inter);
		assert_int_equal(0, pathtest_check(p, PKI_NOW));
		assert_int_equal(X509_V_ERR_CERT_REVOKED,
		    pathtest_leaf(p, &(struct pki_spec){ .serial = pairs[i][0] }));
		assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ .serial = pairs[i][1] }));
		pathtest_free(p);
	}
}

static void
serial_numbers_up_to_20_octets_are_found(void **state)
{
	static const char *const serials[] = { "1", "7F", "0100",
		"7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
		"7000000000000000000000000000000000000001" };

	(void)state;
	for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++) {
		struct pathtest *p = pathtest_new(NULL, NULL);

		pathtest_crl(p, "root.crl", &plain, p->root);
		/* of 21 octets with the one that is zero; 0; twice the same; in no order */
		pathtest_crl(p, "inter.crl",
		    &(struct pki_crl_spec){
			.revoked = { { .serial = "0" },
			    { .serial = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" },
			    { .serial = serials[i] }, { .serial = "02" },
			    { .serial = serials[i] } } },
		    p->inter);
		assert_int_equal(0, pathtest_check(p, PKI_NOW));
		assert_int_equal(X509_V_ERR_CERT_REVOKED,
		    pathtest_leaf(p, &(struct pki_spec){ .serial = serials[i] }));
		assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ .serial = "1234" }));
		pathtest_free(p);
	}
}

static void
the_number_decides_which_crl_is_newer_before_its_date(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, p->inter);

	(void)state;
	pathtest_crl(p, "root.crl", &plain, p->root);
	pathtest_crl(p, "later.crl", &(struct pki_crl_spec){ .from = PKI_NOW - 10, .number = "2" },
	    p->inter);
	pathtest_crl(p, "higher.crl",
	    &(struct pki_crl_spec){
		.from = PKI_NOW - 20, .number = "3", .revoked = { { .cert = leaf } } },
	    p->inter);
	/* from the future: not yet */
	pathtest_crl(p, "future.crl", &(struct pki_crl_spec){ .from = PKI_NOW + 10, .number = "9" },
	    p->inter);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(X509_V_ERR_CERT_REVOKED, pathtest_verify(p, leaf->cert));
	assert_non_null(strstr(p->err.text, "higher.crl"));
	pki_free(leaf);
	pathtest_free(p);
}

/* A CA whose key was rolled over: the new key's certificate is signed with the old one. */
static void
a_key_higher_in_the_path_may_have_signed_the_crl(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *new = pki_make(
	    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = "CN=intermediate" },
	    p->inter);
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, new);

	(void)state;
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, new->cert));
	pathtest_crl(p, "root.crl", &plain, p->root);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(X509_V_ERR_UNABLE_TO_GET_CRL, pathtest_verify(p, leaf->cert));
	pathtest_crl(p, "old.crl", &plain, p->inter);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(0, pathtest_verify(p, leaf->cert));
	/* the ids name the key that signed the lists */
	assert_memory_equal(p->result.issuers[0], p->result.issuers[1], CRLINDEX_ID);
	/* its own key's list comes first, also an older one */
	pathtest_crl(p, "new.crl",
	    &(struct pki_crl_spec){ .number = "0", .revoked = { { .cert = leaf } } }, new);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	assert_int_equal(X509_V_ERR_CERT_REVOKED, pathtest_verify(p, leaf->cert));
	pki_free(leaf);
	pki_free(new);
	pathtest_free(p);
}

static void
a_crl_that_names_another_key_than_signed_it_is_refused(void **state)
{
	static const struct {
		const char *ext;
		int want;
	} rows[] = {
		{ "authorityKeyIdentifier=", 0 },
		{ "2.5.29.35=DER:3006800401020304", X509_V_ERR_AKID_SKID_MISMATCH },
		{ "2.5.29.35=DER:30068004010203", X509_V_ERR_INVALID_EXTENSION },
		{ "2.5.29.35=DER:3000", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pki_crl_spec spec = { .ext = { "authorityKeyIdentifier=",
						 i == 0 ? NULL : rows[i].ext } };

		if (refusal_of(&spec) != rows[i].want)
			fail_msg("%s: %d", rows[i].ext, refusal_of(&spec));
	}
}

static void
signatures_of_every_kind_hold_and_a_damaged_one_does_not(void **state)
{
	static const enum pki_key kinds[] = { PKI_P256, PKI_P384, PKI_P521, PKI_ED25519, PKI_ED448,
		PKI_RSA2048, PKI_RSA_PSS2048 };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct pathtest *p = pathtest_new(
		    NULL, &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .key_kind = kinds[i] });
		X509_CRL *crl = pki_crl(&plain, p->inter);
		unsigned char *der = NULL;
		int n = i2d_X509_CRL(crl, &der);

		pathtest_crl(p, "root.crl", &plain, p->root);
		assert_int_equal(1, certpath_trust_add(p->trust, CERTPATH_CRL, "inter.crl", der,
					(size_t)n, &p->err));
		if (pathtest_check(p, PKI_NOW) != 0)
			fail_msg("kind %zu: %s", i, p->err.text);
		assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
		/* a bit of the signature */
		der[n - 1] ^= 1;
		assert_int_equal(1, certpath_trust_add(p->trust, CERTPATH_CRL, "inter.crl", der,
					(size_t)n, &p->err));
		assert_int_equal(-1, pathtest_check(p, PKI_NOW));
		assert_int_equal(X509_V_ERR_CRL_SIGNATURE_FAILURE, p->err.detail);
		OPENSSL_free(der);
		X509_CRL_free(crl);
		pathtest_free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_issuer_of_the_path_needs_a_crl_but_not_the_anchor_itself),
		cmocka_unit_test(no_crl_at_all_is_a_refusal_where_revocation_is_required),
		cmocka_unit_test(
		    a_revoked_leaf_is_refused_for_whatever_reason_and_its_neighbour_is_not),
		cmocka_unit_test(a_revoked_intermediate_takes_its_leaves_along),
		cmocka_unit_test(a_crl_holds_from_this_update_until_before_next_update),
		cmocka_unit_test(forms_that_are_not_taken_are_refused_at_load_time),
		cmocka_unit_test(a_crl_for_cas_only_does_not_cover_a_leaf_nor_the_other_way_round),
		cmocka_unit_test(a_crl_that_nobody_here_signed_is_refused_or_left_out),
		cmocka_unit_test(only_a_ca_that_may_sign_crls_does),
		cmocka_unit_test(crls_of_two_keys_under_one_name_are_told_apart),
		cmocka_unit_test(of_two_crls_of_an_issuer_the_newer_counts),
		cmocka_unit_test(a_negative_serial_number_is_not_the_positive_one_of_the_same_bits),
		cmocka_unit_test(serial_numbers_up_to_20_octets_are_found),
		cmocka_unit_test(the_number_decides_which_crl_is_newer_before_its_date),
		cmocka_unit_test(a_key_higher_in_the_path_may_have_signed_the_crl),
		cmocka_unit_test(a_crl_that_names_another_key_than_signed_it_is_refused),
		cmocka_unit_test(signatures_of_every_kind_hold_and_a_damaged_one_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
