/* test_certpath_purpose.c - what a path is good for: purposes, policies, hosts */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdio.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tests/unit/help/pathtest.h"

#define refused(want, got)                                \
	do {                                              \
		assert_int_equal(want, got);              \
		assert_string_not_equal("", p->err.text); \
		assert_int_equal(0, ERR_peek_error());    \
	} while (0)

static int
fresh(void **state)
{
	*state = pathtest_new(NULL, NULL);
	return 0;
}

static int
done(void **state)
{
	pathtest_free(*state);
	return 0;
}

static void
the_purpose_must_be_listed_by_the_leaf(void **state)
{
	static const struct {
		enum certpath_purpose purpose;
		const char *eku;
		int want;
	} rows[] = {
		{ CERTPATH_CLIENT, "extendedKeyUsage=clientAuth", 0 },
		{ CERTPATH_CLIENT, "extendedKeyUsage=serverAuth,clientAuth", 0 },
		{ CERTPATH_CLIENT, "extendedKeyUsage=critical,clientAuth", 0 },
		{ CERTPATH_CLIENT, "extendedKeyUsage=serverAuth", X509_V_ERR_INVALID_PURPOSE },
		{ CERTPATH_CLIENT, "extendedKeyUsage=anyExtendedKeyUsage",
		    X509_V_ERR_INVALID_PURPOSE },
		{ CERTPATH_CLIENT, "extendedKeyUsage=", X509_V_ERR_INVALID_PURPOSE },
		{ CERTPATH_CLIENT, "extendedKeyUsage=DER:3000", X509_V_ERR_INVALID_EXTENSION },
		{ CERTPATH_SERVER, "extendedKeyUsage=serverAuth", 0 },
		{ CERTPATH_SERVER, "extendedKeyUsage=clientAuth", X509_V_ERR_INVALID_PURPOSE },
		{ CERTPATH_SERVER, "extendedKeyUsage=msSGC", X509_V_ERR_INVALID_PURPOSE },
		{ CERTPATH_ANY, "extendedKeyUsage=", 0 },
		{ CERTPATH_ANY, "extendedKeyUsage=codeSigning", 0 },
	};
	struct pathtest *p = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		p->request.purpose = rows[i].purpose;
		assert_int_equal(
		    rows[i].want, pathtest_leaf(p, &(struct pki_spec){ .ext = { rows[i].eku } }));
	}
}

static void
a_ca_that_lists_purposes_limits_those_below_it(void **state)
{
	static const struct {
		const char *eku;
		int want;
	} rows[] = {
		{ "extendedKeyUsage=clientAuth", 0 },
		{ "extendedKeyUsage=anyExtendedKeyUsage", 0 },
		{ "extendedKeyUsage=emailProtection", X509_V_ERR_INVALID_PURPOSE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pathtest *p = pathtest_new(NULL,
		    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .ext = { rows[i].eku } });

		assert_int_equal(rows[i].want, pathtest_leaf(p, &(struct pki_spec){ 0 }));
		p->request.purpose = CERTPATH_ANY;
		assert_int_equal(rows[i].want, pathtest_leaf(p, &(struct pki_spec){ 0 }));
		/* a leaf that lists none, or any, is not asked about by itself */
		assert_int_equal(
		    0, pathtest_leaf(p, &(struct pki_spec){ .ext = { "extendedKeyUsage=" } }));
		assert_int_equal(0,
		    pathtest_leaf(p,
			&(struct pki_spec){ .ext = { "extendedKeyUsage=anyExtendedKeyUsage" } }));
		pathtest_free(p);
	}
}

static void
a_key_usage_without_digital_signature_cannot_log_in(void **state)
{
	struct pathtest *p = *state;

	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ .ext = { "keyUsage=" } }));
	refused(X509_V_ERR_INVALID_PURPOSE,
	    pathtest_leaf(p, &(struct pki_spec){ .ext = { "keyUsage=keyAgreement" } }));
	refused(X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA,
	    pathtest_leaf(
		p, &(struct pki_spec){ .ext = { "keyUsage=digitalSignature,keyCertSign" } }));
}

static void
a_ca_certificate_is_no_leaf_but_where_no_purpose_is_asked(void **state)
{
	struct pathtest *p = *state;
	const struct pki_spec s = { .profile = PKI_INTERMEDIATE,
		.subject = "CN=sub CA",
		.ext = { "extendedKeyUsage=clientAuth", "keyUsage=keyCertSign,digitalSignature" } };

	refused(X509_V_ERR_INVALID_NON_CA, pathtest_leaf(p, &s));
	p->request.purpose = CERTPATH_ANY;
	assert_int_equal(0, pathtest_leaf(p, &s));
}

static void
policies_of_the_path_come_back_and_can_be_asked_for(void **state)
{
	struct pathtest *p = pathtest_new(
	    NULL, &(struct pki_spec){ .profile = PKI_INTERMEDIATE,
		      .ext = { "certificatePolicies=1.3.6.1.4.1.99999.1,1.3.6.1.4.1.99999.2" } });
	const struct pki_spec leaf = {
		.ext = { "certificatePolicies=1.3.6.1.4.1.99999.2,1.3.6.1.4.1.99999.3" }
	};
	const char *two[] = { "1.3.6.1.4.1.99999.2" }, *three[] = { "1.3.6.1.4.1.99999.3" };
	const char *any[] = { "2.5.29.32.0" }, *junk[] = { "x" };

	(void)state;
	assert_int_equal(0, pathtest_leaf(p, &leaf));
	assert_int_equal(1, p->result.npolicies);
	assert_string_equal("1.3.6.1.4.1.99999.2", p->result.policies[0]);
	p->request.npolicies = 1;
	p->request.policies = two;
	assert_int_equal(0, pathtest_leaf(p, &leaf));
	assert_int_equal(1, p->result.npolicies);
	refused(X509_V_ERR_NO_EXPLICIT_POLICY, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	p->request.policies = three;
	refused(X509_V_ERR_NO_EXPLICIT_POLICY, pathtest_leaf(p, &leaf));
	p->request.policies = any;
	assert_int_equal(0, pathtest_leaf(p, &leaf));
	p->request.policies = junk;
	refused(X509_V_ERR_INVALID_CALL, pathtest_leaf(p, &leaf));
	pathtest_free(p);
}

static void
any_policy_is_not_listed_and_an_authority_may_demand_one(void **state)
{
	struct pathtest *p =
	    pathtest_new(NULL, &(struct pki_spec){ .profile = PKI_INTERMEDIATE,
				   .ext = { "certificatePolicies=2.5.29.32.0",
				       "policyConstraints=critical,requireExplicitPolicy:0" } });

	(void)state;
	assert_int_equal(0,
	    pathtest_leaf(p, &(struct pki_spec){ .ext = { "certificatePolicies=2.5.29.32.0" } }));
	assert_int_equal(0, p->result.npolicies);
	assert_int_equal(
	    0, pathtest_leaf(p, &(struct pki_spec){ .ext = { "certificatePolicies=1.2.3.4" } }));
	assert_int_equal(1, p->result.npolicies);
	refused(X509_V_ERR_NO_EXPLICIT_POLICY, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pathtest_free(p);
}

static void
hosts_match_names_of_the_san_only(void **state)
{
	static const struct {
		const char *san, *host;
		int want;
	} rows[] = {
		{ "DNS:login.corp.example", "login.corp.example", 0 },
		{ "DNS:login.corp.example", "LOGIN.corp.EXAMPLE", 0 },
		{ "DNS:login.corp.example", "corp.example", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "DNS:login.corp.example", "x.login.corp.example", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "DNS:login.corp.example", ".corp.example", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "DNS:login.corp.example", "login.corp.example.", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "DNS:login.corp.example", "", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "DNS:*.corp.example", "login.corp.example", 0 },
		{ "DNS:*.corp.example", "a.b.corp.example", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "DNS:*.corp.example", "corp.example", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "DNS:*.corp.example", "*.corp.example", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "DNS:lo*.corp.example", "login.corp.example",
		    X509_V_ERR_UNSUPPORTED_NAME_SYNTAX },
		{ "DNS:*", "localhost", X509_V_ERR_UNSUPPORTED_NAME_SYNTAX },
		{ "DNS:*.example", "corp.example", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "IP:192.0.2.1", "192.0.2.1", 0 },
		{ "IP:192.0.2.1", "192.0.2.2", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "IP:2001:db8::1", "2001:db8:0::1", 0 },
		{ "IP:2001:db8::1", "192.0.2.1", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "DNS:192.0.2.1", "192.0.2.1", X509_V_ERR_HOSTNAME_MISMATCH },
		{ "email:x@login.corp.example", "login.corp.example",
		    X509_V_ERR_HOSTNAME_MISMATCH },
		{ NULL, "login.corp.example", X509_V_ERR_HOSTNAME_MISMATCH },
	};
	struct pathtest *p = *state;
	char san[80];

	p->request.purpose = CERTPATH_SERVER;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int got;

		(void)snprintf(
		    san, sizeof(san), "subjectAltName=%s", rows[i].san ? rows[i].san : "");
		p->request.host = rows[i].host;
		got = pathtest_leaf(p, &(struct pki_spec){ .profile = PKI_SERVER,
					   .subject = "CN=login.corp.example",
					   .ext = { san } });
		if (got != rows[i].want)
			print_message("%s against %s: %d\n", san, rows[i].host, got);
		assert_int_equal(rows[i].want, got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    the_purpose_must_be_listed_by_the_leaf, fresh, done),
		cmocka_unit_test(a_ca_that_lists_purposes_limits_those_below_it),
		cmocka_unit_test_setup_teardown(
		    a_key_usage_without_digital_signature_cannot_log_in, fresh, done),
		cmocka_unit_test_setup_teardown(
		    a_ca_certificate_is_no_leaf_but_where_no_purpose_is_asked, fresh, done),
		cmocka_unit_test(policies_of_the_path_come_back_and_can_be_asked_for),
		cmocka_unit_test(any_policy_is_not_listed_and_an_authority_may_demand_one),
		cmocka_unit_test_setup_teardown(hosts_match_names_of_the_san_only, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
