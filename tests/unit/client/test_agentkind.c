/* test_agentkind.c - signatures of SSH as TLS has them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/ec.h>

#include "client/agentkind.h"
#include "tests/unit/help/fakeagent.h"

/* The blob is made without the message's length and type. */
static struct fakemsg m;
static uint8_t sig[AGENTKIND_SIG_MAX];
static size_t sig_n;

struct part {
	uint8_t p[80];
	size_t n;
};

static int
convert(const char *kind)
{
	uint8_t *exact = malloc(m.n == 0 ? 1 : m.n);
	struct err e = { .kind = ERR_NONE };
	int r;

	assert_non_null(exact);
	memcpy(exact, m.p, m.n);
	sig_n = 0;
	r = agentkind_signature(agentkind_of(kind), exact, m.n, sig, &sig_n, &e);
	assert_int_equal(r == 0 ? ERR_NONE : ERR_PEER, e.kind);
	free(exact);
	return r;
}

static void
blob_put(const char *type, const struct part *r, const struct part *s)
{
	static struct fakemsg body;

	body.n = 0;
	fakemsg_string(&body, r->p, r->n);
	fakemsg_string(&body, s->p, s->n);
	m.n = 0;
	fakemsg_string(&m, type, strlen(type));
	fakemsg_string(&m, body.p, body.n);
}

/* `zeros` bytes of zero, then `n` bytes that begin with `first`. */
static struct part
part_of(size_t zeros, uint8_t first, size_t n)
{
	struct part p = { .n = zeros + n };

	memset(p.p + zeros, 0x5a, n);
	if (n > 0)
		p.p[zeros] = first;
	return p;
}

static void
same_number(const BIGNUM *bn, const struct part *p)
{
	BIGNUM *want = BN_bin2bn(p->p, (int)p->n, NULL);

	assert_int_equal(0, BN_cmp(bn, want));
	BN_free(want);
}

/* r and s of every length, with the high bit and without, and with more zeros than are needed. */
static void
ecdsa_becomes_der_with_the_same_numbers(void **state)
{
	static const struct {
		const char *kind;
		size_t part, der;
	} kinds[] = { { "ecdsa-sha2-nistp256", 32, 72 }, { "ecdsa-sha2-nistp384", 48, 104 } };
	size_t longest;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		longest = 0;
		for (size_t n = 1; n <= kinds[k].part; n++)
			for (unsigned form = 0; form < 4; form++) {
				struct part r = part_of(form >= 2, form == 2 ? 0xff : 0x01, n);
				struct part s = part_of(form == 1 ? 3 : 1, 0x80, kinds[k].part);
				const uint8_t *p = sig;
				ECDSA_SIG *es;

				blob_put(kinds[k].kind, &r, &s);
				assert_int_equal(0, convert(kinds[k].kind));
				es = d2i_ECDSA_SIG(NULL, &p, (long)sig_n);
				assert_non_null(es);
				assert_ptr_equal(sig + sig_n, p);
				same_number(ECDSA_SIG_get0_r(es), &r);
				same_number(ECDSA_SIG_get0_s(es), &s);
				ECDSA_SIG_free(es);
				longest = sig_n > longest ? sig_n : longest;
			}
		assert_int_equal(kinds[k].der, longest);
	}
}

static void
zero_negative_and_too_long_numbers_are_refused(void **state)
{
	const struct part good = part_of(1, 0x80, 32);
	const struct part bad[] = {
		part_of(0, 0, 0),      /* zero */
		part_of(1, 0, 0),      /* zero, in another form */
		part_of(0, 0x80, 32),  /* negative */
		part_of(0, 0x01, 33),  /* longer than the curve */
		part_of(20, 0x01, 33), /* the same behind zeros */
	};

	(void)state;
	blob_put("ecdsa-sha2-nistp256", &good, &good);
	assert_int_equal(0, convert("ecdsa-sha2-nistp256"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		blob_put("ecdsa-sha2-nistp256", &good, &bad[i]);
		assert_int_equal(-1, convert("ecdsa-sha2-nistp256"));
		blob_put("ecdsa-sha2-nistp256", &bad[i], &good);
		assert_int_equal(-1, convert("ecdsa-sha2-nistp256"));
	}
}

static void
a_blob_cut_at_any_byte_or_with_more_behind_it_is_refused(void **state)
{
	const struct part good = part_of(1, 0x80, 32);
	size_t whole;

	(void)state;
	blob_put("ecdsa-sha2-nistp256", &good, &good);
	whole = m.n;
	for (m.n = 0; m.n < whole; m.n++)
		assert_int_equal(-1, convert("ecdsa-sha2-nistp256"));
	fakemsg_byte(&m, 0);
	assert_int_equal(-1, convert("ecdsa-sha2-nistp256"));
}

static void
a_signature_of_another_kind_is_refused(void **state)
{
	static const char *const types[] = { "ssh-ed25519", "ecdsa-sha2-nistp384", "rsa-sha2-256",
		"ecdsa-sha2-nistp25", "ecdsa-sha2-nistp2566", "" };
	const struct part good = part_of(1, 0x80, 32);

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		blob_put(types[i], &good, &good);
		assert_int_equal(-1, convert("ecdsa-sha2-nistp256"));
	}
}

static void
ed25519_has_64_bytes_and_no_other_number(void **state)
{
	uint8_t raw[65];

	(void)state;
	memset(raw, 0xa5, sizeof(raw));
	for (size_t n = 0; n <= 65; n++) {
		m.n = 0;
		fakemsg_string(&m, "ssh-ed25519", 11);
		fakemsg_string(&m, raw, n);
		assert_int_equal(n == 64 ? 0 : -1, convert("ssh-ed25519"));
		if (n == 64)
			assert_memory_equal(raw, sig, 64);
	}
}

static void
kinds_that_an_agent_cannot_sign_tls_with_are_none(void **state)
{
	(void)state;
	assert_non_null(agentkind_of("ssh-ed25519"));
	assert_null(agentkind_of("ssh-rsa"));
	assert_null(agentkind_of("ecdsa-sha2-nistp521"));
	assert_null(agentkind_of("sk-ssh-ed25519@openssh.com"));
	assert_null(agentkind_of(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ecdsa_becomes_der_with_the_same_numbers),
		cmocka_unit_test(zero_negative_and_too_long_numbers_are_refused),
		cmocka_unit_test(a_blob_cut_at_any_byte_or_with_more_behind_it_is_refused),
		cmocka_unit_test(a_signature_of_another_kind_is_refused),
		cmocka_unit_test(ed25519_has_64_bytes_and_no_other_number),
		cmocka_unit_test(kinds_that_an_agent_cannot_sign_tls_with_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
