/*
 * test_renew_hostile.c - clients that send certificates as no TLS library would
 *
 * The test has the client's traffic secret (SSLKEYLOGFILE's way) and makes its records itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>

#include "tests/unit/help/gateplay.h"

enum { ID = 0x77, HANDSHAKE = 22 };

static struct gateplay play;
static uint8_t secret[32];
static uint64_t records; /* that the client has written with it */

static int
serving(void **state)
{
	gateplay_start(&play, 0);
	gateplay_serve(&play);
	*state = &play;
	return 0;
}

static int
done(void **state)
{
	gateplay_end(*state);
	return 0;
}

static void
on_keylog(const SSL *ssl, const char *line)
{
	static const char label[] = "CLIENT_TRAFFIC_SECRET_0 ";
	long n = 0;
	uint8_t *p;

	(void)ssl;
	if (strncmp(line, label, strlen(label)) != 0)
		return;
	p = OPENSSL_hexstr2buf(strchr(line + strlen(label), ' ') + 1, &n);
	assert_int_equal(sizeof(secret), n);
	memcpy(secret, p, sizeof(secret));
	OPENSSL_free(p);
}

static void
on_message(int write_p, int version, int type, const void *buf, size_t n, SSL *ssl, void *arg)
{
	(void)version;
	(void)buf;
	(void)n;
	(void)arg;
	if (write_p == 1 && type == SSL3_RT_HEADER && SSL_is_init_finished(ssl) == 0)
		records++;
}

/* HKDF-Expand-Label (RFC 8446 section 7.1) with SHA-256. */
static void
expand(const char *label, uint8_t *out, size_t n)
{
	uint8_t info[64] = { 0, (uint8_t)n, (uint8_t)(6 + strlen(label)) };
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	size_t len = 3 + 6 + strlen(label) + 1;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 0),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, sizeof(secret)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, len),
		OSSL_PARAM_construct_end(),
	};

	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, strlen(label));
	assert_int_equal(1, EVP_KDF_derive(ctx, out, n, params));
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* One record of TLS_AES_128_GCM_SHA256 (RFC 8446 section 5.2) with `n` bytes of messages in it. */
static void
send_record(SSL *ssl, uint8_t type, const void *p, size_t n)
{
	uint8_t rec[5 + 2000], key[16], iv[12];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	size_t total = n + 1 + 16;
	int len;

	assert_true(n < 1900);
	expand("key", key, sizeof(key));
	expand("iv", iv, sizeof(iv));
	for (int i = 0; i < 8; i++)
		iv[11 - i] ^= (uint8_t)(records >> (8 * i));
	records++;
	memcpy(rec, "\x17\x03\x03", 3);
	rec[3] = (uint8_t)(total >> 8);
	rec[4] = (uint8_t)total;
	assert_int_equal(1, EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, iv));
	assert_int_equal(1, EVP_EncryptUpdate(c, NULL, &len, rec, 5));
	assert_int_equal(1, EVP_EncryptUpdate(c, rec + 5, &len, p, (int)n));
	assert_int_equal(1, EVP_EncryptUpdate(c, rec + 5 + n, &len, &type, 1));
	assert_int_equal(1, EVP_EncryptFinal_ex(c, rec + 5 + n + 1, &len));
	assert_int_equal(1, EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, rec + 5 + n + 1));
	EVP_CIPHER_CTX_free(c);
	assert_int_equal((ssize_t)(5 + total), send(SSL_get_fd(ssl), rec, 5 + total, MSG_NOSIGNAL));
}

struct session {
	SSL *ssl;
	int target;
	uint32_t number;
};

static void
session_start(struct gateplay *p, struct session *s, bool asked)
{
	s->ssl = gateplay_client(p, p->pki.alice, NULL);
	SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(s->ssl), on_keylog);
	SSL_set_post_handshake_auth(s->ssl, 1);
	assert_int_equal(1, SSL_connect(s->ssl));
	assert_string_equal("TLS_AES_128_GCM_SHA256", SSL_get_cipher_name(s->ssl));
	records = 0;
	SSL_set_msg_callback(s->ssl, on_message);
	s->number = gateplay_open(p, NULL, 0, NULL, 0);
	s->target =
	    gateplay_opened_until(p, s->number, ID, 0, asked ? (uint64_t)time(NULL) + 1 : 0);
	assert_int_equal(0, fcntl(SSL_get_fd(s->ssl), F_SETFL, O_NONBLOCK));
}

/* Until the request has come; it is read, and answered, only if the client is to do so. */
static void
await_request(struct session *s, bool answer)
{
	struct pollfd pf = { .fd = SSL_get_fd(s->ssl), .events = POLLIN };
	char byte;

	assert_int_equal(1, poll(&pf, 1, 60000));
	if (answer)
		assert_int_equal(-1, SSL_read(s->ssl, &byte, 1));
}

static void
expect_closed(struct gateplay *p, struct session *s, const char *why)
{
	struct gateplay_closed c;

	gateplay_closed(p, &c);
	assert_int_equal(ID, c.id);
	if (strstr(c.why, why) == NULL)
		fail_msg("it ended by: %s", c.why);
	close(s->target);
	gateplay_client_free(s->ssl);
}

static void
others_go_on(struct gateplay *p)
{
	struct session s;
	char b[2];

	session_start(p, &s, false);
	send_record(s.ssl, 23, "ok", 2); /* the records that the test makes are good ones */
	assert_int_equal(2, recv(s.target, b, 2, 0));
	close(s.target);
	gateplay_client_free(s.ssl);
}

/* Certificate: an empty context, an empty list. */
static const uint8_t nothing[] = { 11, 0, 0, 4, 0, 0, 0, 0 };

static void
a_certificate_that_nobody_asked_for_ends_the_connection(void **state)
{
	struct gateplay *p = *state;
	struct session s;

	session_start(p, &s, false);
	send_record(s.ssl, HANDSHAKE, nothing, sizeof(nothing));
	expect_closed(p, &s, "unexpected message");
	others_go_on(p);
}

static void
an_answer_to_another_question_ends_the_connection(void **state)
{
	struct gateplay *p = *state;
	struct session s;

	session_start(p, &s, true);
	await_request(&s, false);
	send_record(s.ssl, HANDSHAKE, nothing, sizeof(nothing));
	expect_closed(p, &s, "invalid context");
	others_go_on(p);
}

static void
a_second_answer_ends_the_connection(void **state)
{
	static uint8_t renew[GATEPLAY_MESSAGE];
	struct gateplay *p = *state;
	struct session s;

	session_start(p, &s, true);
	await_request(&s, true);
	(void)gateplay_recv(p->ident, MSG_RENEW, renew);
	assert_true(records > 0);
	send_record(s.ssl, HANDSHAKE, nothing, sizeof(nothing));
	expect_closed(p, &s, "unexpected message");
	others_go_on(p);
}

static void
data_amid_an_answer_ends_the_connection(void **state)
{
	struct gateplay *p = *state;
	struct session s;

	session_start(p, &s, true);
	await_request(&s, false);
	send_record(s.ssl, HANDSHAKE,
	    "\x0b\0\0\x64"
	    "half",
	    8);
	send_record(s.ssl, 23, "data", 4);
	expect_closed(p, &s, "unexpected ");
	others_go_on(p);
}

static void
a_message_larger_than_any_chain_may_be_ends_the_connection_before_it_has_come(void **state)
{
	struct gateplay *p = *state;
	struct session s;

	session_start(p, &s, true);
	await_request(&s, false);
	send_record(s.ssl, HANDSHAKE,
	    "\x0b\x01\0\0"
	    "much",
	    8);
	expect_closed(p, &s, "excessive message size");
	others_go_on(p);
}

static void
a_cut_amid_an_answer_ends_the_connection_all_the_same(void **state)
{
	struct gateplay *p = *state;
	struct session s;
	char b[4];

	session_start(p, &s, true);
	await_request(&s, false);
	send_record(s.ssl, 23, "data", 4);
	send_record(s.ssl, HANDSHAKE,
	    "\x0b\0\0\x64"
	    "half",
	    8);
	assert_int_equal(4, recv(s.target, b, 4, 0));
	gateplay_cut(p, s.number, ID, "now");
	expect_closed(p, &s, "cut");
	others_go_on(p);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, serving, done)
	const struct CMUnitTest tests[] = {
		TEST(a_certificate_that_nobody_asked_for_ends_the_connection),
		TEST(an_answer_to_another_question_ends_the_connection),
		TEST(a_second_answer_ends_the_connection),
		TEST(data_amid_an_answer_ends_the_connection),
		TEST(a_message_larger_than_any_chain_may_be_ends_the_connection_before_it_has_come),
		TEST(a_cut_amid_an_answer_ends_the_connection_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
