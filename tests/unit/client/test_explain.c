/* test_explain.c - sentences for the user */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "client/explain.h"

#define T0 1800000000

static X509 *leaf;
static char text[400];

static struct explain_self
self(int64_t now)
{
	return (struct explain_self){ .now = now,
		.not_before = T0 - 86400,
		.not_after = T0,
		.cert_path = "/home/a/cert.pem",
		.leaf = leaf,
		.asked = true };
}

static const char *
alert(int number, int64_t now)
{
	struct explain_self s = self(now);

	return explain_alert(number, &s, text, sizeof(text));
}

static int
leaf_make(void **state)
{
	X509_NAME *n = X509_NAME_new();

	(void)state;
	leaf = X509_new();
	(void)X509_NAME_add_entry_by_txt(
	    n, "CN", MBSTRING_UTF8, (const unsigned char *)"evil\x1b[2J CA", -1, -1, 0);
	(void)X509_set_issuer_name(leaf, n);
	(void)X509_set_subject_name(leaf, n);
	X509_NAME_free(n);
	return 0;
}

static int
leaf_free(void **state)
{
	(void)state;
	X509_free(leaf);
	return 0;
}

static void
spans_use_the_largest_unit_of_which_there_are_two(void **state)
{
	static const struct {
		int64_t s;
		const char *want;
	} rows[] = { { -5, "0 s" }, { 0, "0 s" }, { 119, "119 s" }, { 120, "2 min" },
		{ 7199, "119 min" }, { 7200, "2 h" }, { 172799, "47 h" }, { 172800, "2 days" } };
	char span[EXPLAIN_SPAN_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(rows[i].want, explain_span(rows[i].s, span));
}

static void
expired_says_since_when_and_where_the_new_one_goes(void **state)
{
	(void)state;
	assert_non_null(strstr(alert(SSL_AD_CERTIFICATE_EXPIRED, T0 + 3 * 3600),
	    "it expired 3 h ago (2027-01-15T08:00:00Z)"));
	assert_non_null(strstr(text, "/home/a/cert.pem"));
	/* at the second itself it is still valid (RFC 5280 section 4.1.2.5) */
	assert_non_null(strstr(alert(SSL_AD_CERTIFICATE_EXPIRED, T0), "here it is valid until"));
	assert_non_null(strstr(alert(SSL_AD_CERTIFICATE_EXPIRED, T0 + 1), "it expired 1 s ago"));
}

static void
names_in_sentences_are_escaped(void **state)
{
	(void)state;
	(void)alert(SSL_AD_UNKNOWN_CA, T0);
	assert_non_null(strstr(text, "evil"));
	assert_null(strchr(text, 0x1b));
	(void)alert(SSL_AD_CERTIFICATE_REVOKED, T0);
	assert_non_null(strstr(text, "revoked"));
	assert_null(strchr(text, 0x1b));
}

static void
every_alert_has_a_sentence_of_one_line(void **state)
{
	(void)state;
	for (int i = -1; i < 256; i++) {
		(void)alert(i, T0);
		assert_true(strlen(text) > 20);
		assert_null(strchr(text, '\n'));
	}
	assert_non_null(strstr(alert(SSL_AD_CERTIFICATE_REQUIRED, T0), "got none"));
	assert_non_null(strstr(alert(SSL_AD_BAD_CERTIFICATE, T0 - 90000), "valid only from"));
	assert_non_null(strstr(alert(SSL_AD_BAD_CERTIFICATE, T0), "its log says why"));
}

static void
own_validity_is_told_within_the_last_hour_only(void **state)
{
	struct explain_self s = self(T0 - 3600);

	(void)state;
	assert_null(explain_validity(&s, text, sizeof(text)));
	s.now++;
	assert_non_null(explain_validity(&s, text, sizeof(text)));
	assert_non_null(strstr(text, "expires in 59 min"));
	s.now = T0 + 1;
	assert_non_null(strstr(explain_validity(&s, text, sizeof(text)), "expired 1 s ago"));
	s.now = T0 - 86400;
	assert_null(explain_validity(&s, text, sizeof(text)));
	s.now--;
	assert_non_null(strstr(explain_validity(&s, text, sizeof(text)), "valid only from"));
}

static void
what_is_not_tls_is_named_and_a_tls_record_is_not(void **state)
{
	static const uint8_t hello[] = { 22, 3, 3, 0, 90 }, is_alert[] = { 21, 3, 3, 0, 2 };

	(void)state;
	assert_null(explain_not_tls(hello, 1, text, sizeof(text)));
	assert_null(explain_not_tls(hello, sizeof(hello), text, sizeof(text)));
	assert_null(explain_not_tls(is_alert, sizeof(is_alert), text, sizeof(text)));
	assert_null(explain_not_tls(hello, 0, text, sizeof(text)));
	assert_non_null(explain_not_tls((const uint8_t *)"SSH-2.0-x", 9, text, sizeof(text)));
	assert_non_null(strstr(text, "plain SSH"));
	assert_non_null(explain_not_tls((const uint8_t *)"SSH", 3, text, sizeof(text)));
	assert_non_null(strstr(text, "\"SSH\""));
	assert_non_null(explain_not_tls((const uint8_t *)"\x1b[2J\r\n", 6, text, sizeof(text)));
	assert_non_null(strstr(text, "\"\\x1b[2J\""));
}

static void
errors_of_the_library_become_sentences(void **state)
{
	struct explain_self s = self(T0);
	unsigned long code = ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + SSL_AD_INTERNAL_ERROR);

	(void)state;
	assert_non_null(strstr(explain_tls(code, 0, &s, text, sizeof(text)), "internal error"));
	code = ERR_PACK(ERR_LIB_SSL, 0, SSL_R_UNSUPPORTED_PROTOCOL);
	assert_non_null(strstr(explain_tls(code, 0, &s, text, sizeof(text)), "--min-version"));
	assert_non_null(strstr(explain_tls(0, 104, &s, text, sizeof(text)), "reset"));
	assert_non_null(strstr(explain_tls(0, 0, &s, text, sizeof(text)), "closed"));
}

static void
a_server_certificate_out_of_its_time_is_told_with_that_time(void **state)
{
	(void)state;
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(leaf), T0));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(leaf), T0 + 86400));
	(void)explain_verify(X509_V_ERR_CERT_HAS_EXPIRED, leaf, "b", text, sizeof(text));
	assert_non_null(
	    strstr(text, "has expired (the server's is good until 2027-01-16T08:00:00Z): "));
	assert_non_null(strstr(text, "administrator"));
	(void)explain_verify(X509_V_ERR_CERT_NOT_YET_VALID, leaf, "b", text, sizeof(text));
	assert_non_null(
	    strstr(text, "is not valid yet (the server's is good from 2027-01-15T08:00:00Z): "));
	assert_non_null(strstr(text, "clock is wrong"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_use_the_largest_unit_of_which_there_are_two),
		cmocka_unit_test(expired_says_since_when_and_where_the_new_one_goes),
		cmocka_unit_test(names_in_sentences_are_escaped),
		cmocka_unit_test(every_alert_has_a_sentence_of_one_line),
		cmocka_unit_test(own_validity_is_told_within_the_last_hour_only),
		cmocka_unit_test(what_is_not_tls_is_named_and_a_tls_record_is_not),
		cmocka_unit_test(errors_of_the_library_become_sentences),
		cmocka_unit_test(a_server_certificate_out_of_its_time_is_told_with_that_time),
	};

	return cmocka_run_group_tests(tests, leaf_make, leaf_free);
}
