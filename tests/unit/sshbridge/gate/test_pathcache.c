/* test_pathcache.c - paths that were accepted: what is kept, and what makes an end of it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>

#include "sealed.h"
#include "sshbridge/gate/generation.h"
#include "sshbridge/gate/pathcache.h"
#include "sshbridge/gate/tls.h"
#include "sshbridge/gate/verify.h"
#include "tests/unit/help/pathtest.h"

/* ---- the cache itself ------------------------------------------------------------------------ */

struct rig {
	struct pathtest *path;
	struct pathcache *cache;
};

static int
setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	r->path = pathtest_new(NULL, NULL);
	r->cache = pathcache_new();
	assert_non_null(r->cache);
	*state = r;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *r = *state;

	pathcache_free(r->cache);
	pathtest_free(r->path);
	free(r);
	return 0;
}

static void
add(struct rig *r, X509 *leaf, uint32_t section)
{
	struct pathcache_key k;

	assert_int_equal(0, pathtest_verify(r->path, leaf));
	assert_int_equal(0, pathcache_key(leaf, section, &k));
	pathcache_add(r->cache, &k, &r->path->result);
}

static bool
found(struct rig *r, X509 *leaf, uint32_t section, int64_t now)
{
	struct pathcache_key k;
	struct pathcache_ask a = { .key = &k, .trust = r->path->trust, .leaf = leaf, .now = now };
	struct certpath_result res;

	assert_int_equal(0, pathcache_key(leaf, section, &k));
	if (!pathcache_find(r->cache, &a, &res))
		return false;
	assert_ptr_equal(leaf, sk_X509_value(res.path, 0));
	certpath_result_done(&res);
	return true;
}

static void
a_path_comes_back_whole_with_its_policies_though_only_the_leaf_is_shown(void **state)
{
	struct rig *r = *state;
	struct pki_cert *sub = pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE,
					    .subject = "CN=sub",
					    .ext = { "certificatePolicies=1.2.3.4" } },
	    r->path->root);
	struct pki_cert *leaf =
	    pki_make(&(struct pki_spec){ .ext = { "certificatePolicies=1.2.3.4" } }, sub);
	struct pathcache_key k;
	struct pathcache_ask a = { .key = &k, .trust = r->path->trust, .leaf = leaf->cert };
	struct certpath_result res;

	a.now = PKI_NOW;
	r->path->request.untrusted = sk_X509_new_null();
	assert_true(sk_X509_push(r->path->request.untrusted, sub->cert) > 0);
	add(r, leaf->cert, 0);
	sk_X509_free(r->path->request.untrusted);
	r->path->request.untrusted = NULL;
	assert_int_not_equal(0, pathtest_verify(r->path, leaf->cert));
	assert_int_equal(0, pathcache_key(leaf->cert, 0, &k));
	assert_true(pathcache_find(r->cache, &a, &res));
	assert_int_equal(3, sk_X509_num(res.path));
	assert_int_equal(0, X509_cmp(leaf->cert, sk_X509_value(res.path, 0)));
	assert_int_equal(0, X509_cmp(sub->cert, sk_X509_value(res.path, 1)));
	assert_int_equal(0, X509_cmp(r->path->root->cert, sk_X509_value(res.path, 2)));
	assert_int_equal(1, res.npolicies);
	assert_string_equal("1.2.3.4", res.policies[0]);
	certpath_result_done(&res);
	pki_free(leaf);
	pki_free(sub);
}

static void
another_leaf_or_section_is_not_found(void **state)
{
	struct rig *r = *state;
	struct pki_cert *a = pki_make(&(struct pki_spec){ 0 }, r->path->inter),
			*b = pki_make(&(struct pki_spec){ 0 }, r->path->inter);

	add(r, a->cert, 1);
	assert_true(found(r, a->cert, 1, PKI_NOW));
	assert_false(found(r, a->cert, 0, PKI_NOW));
	assert_false(found(r, b->cert, 1, PKI_NOW));
	pki_free(a);
	pki_free(b);
}

/* One of the three certificates has this validity; the others are wide. */
static void
expect_span(struct rig *r, int which, int64_t from, int64_t until)
{
	struct pki_spec specs[3] = { { .profile = PKI_ROOT }, { .profile = PKI_INTERMEDIATE },
		{ .profile = PKI_LEAF } };
	struct pki_cert *leaf;

	specs[which].from = from;
	specs[which].until = until;
	pathtest_free(r->path);
	r->path = pathtest_new(&specs[0], &specs[1]);
	leaf = pki_make(&specs[2], r->path->inter);
	for (int i = 0; i < 4; i++) {
		const int64_t t[] = { from - 1, from, until, until + 1 };

		add(r, leaf->cert, 0);
		assert_int_equal(i == 1 || i == 2, found(r, leaf->cert, 0, t[i]));
		/* and what did not hold once is gone for good */
		assert_int_equal(i == 1 || i == 2, found(r, leaf->cert, 0, PKI_NOW));
	}
	pki_free(leaf);
}

static void
the_time_of_each_certificate_ends_it(void **state)
{
	for (int i = 0; i < 3; i++)
		expect_span(*state, i, PKI_NOW - 1000, PKI_NOW + 1000);
}

static void
the_time_of_the_crl_ends_it(void **state)
{
	struct rig *r = *state;
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, r->path->inter);
	struct pki_crl_spec spec = { .from = PKI_NOW - 100, .until = PKI_NOW + 100 };

	pathtest_crl(r->path, "root.crl", &(struct pki_crl_spec){ 0 }, r->path->root);
	pathtest_crl(r->path, "inter.crl", &spec, r->path->inter);
	assert_int_equal(0, pathtest_check(r->path, PKI_NOW));
	add(r, leaf->cert, 0);
	assert_true(found(r, leaf->cert, 0, PKI_NOW - 100));
	assert_true(found(r, leaf->cert, 0, PKI_NOW + 99));
	assert_false(found(r, leaf->cert, 0, PKI_NOW + 100));
	add(r, leaf->cert, 0);
	assert_false(found(r, leaf->cert, 0, PKI_NOW - 101));
	pki_free(leaf);
}

/* The same entry asked under trust whose CRLs say something else: none of them is passed over. */
static void
a_crl_that_lists_it_or_is_not_there_ends_it(void **state)
{
	struct rig *r = *state;
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, r->path->inter);
	const struct pki_crl_spec clean = { 0 },
				  lists = { .number = "2", .revoked = { { .cert = leaf } } };

	add(r, leaf->cert, 0);
	certpath_trust_revocation(r->path->trust, CERTPATH_REVOCATION_REQUIRE);
	assert_false(found(r, leaf->cert, 0, PKI_NOW));
	pathtest_crl(r->path, "root.crl", &clean, r->path->root);
	pathtest_crl(r->path, "inter.crl", &clean, r->path->inter);
	assert_int_equal(0, pathtest_check(r->path, PKI_NOW));
	add(r, leaf->cert, 0);
	assert_true(found(r, leaf->cert, 0, PKI_NOW));
	pathtest_crl(r->path, "newer.crl", &lists, r->path->inter);
	assert_int_equal(0, pathtest_check(r->path, PKI_NOW));
	assert_false(found(r, leaf->cert, 0, PKI_NOW));
	assert_int_equal(0, pathcache_entries(r->cache));
	pki_free(leaf);
}

static void
entries_and_bytes_are_bounded_and_what_is_used_stays(void **state)
{
	struct rig *r = *state;
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, r->path->inter);
	struct pathcache_key k = { .section = 7 };
	size_t most = 0;

	add(r, leaf->cert, 0);
	for (uint32_t i = 0; i < 20000; i++) {
		memcpy(k.leaf, &i, sizeof(i));
		pathcache_add(r->cache, &k, &r->path->result);
		pathcache_add(r->cache, &k, &r->path->result); /* twice is once */
		if (i % 50 == 0)
			assert_true(found(r, leaf->cert, 0, PKI_NOW));
		most = pathcache_entries(r->cache) > most ? pathcache_entries(r->cache) : most;
		assert_true(pathcache_bytes(r->cache) <= PATHCACHE_BYTES_MAX);
	}
	assert_true(most > 100 && most <= PATHCACHE_ENTRIES_MAX);
	assert_true(found(r, leaf->cert, 0, PKI_NOW));
	pki_free(leaf);
}

/* ---- in handshakes --------------------------------------------------------------------------- */

static void
put(struct records_writer *w, enum record_kind kind, char *pem)
{
	struct record rec = { .kind = kind, .p = (const uint8_t *)pem, .n = strlen(pem) };
	struct err e;

	assert_int_equal(0, records_add(w, &rec, &e));
	free(pem);
}

struct hall {
	struct pki_cert *root, *inter, *server, *alice, *mallory;
	struct generation *gen;
};

static struct generation *
generation(struct hall *h, uint64_t number)
{
	static uint8_t set[SETTINGS_BYTES_MAX];
	struct settings *s = calloc(1, sizeof(*s));
	struct records_writer w = { .max = 1 << 20 };
	struct generation_parts p = { .number = number, .key = h->server->key };
	char *chain = pki_pem_cert(h->server->cert);
	struct generation *g;
	struct err e;

	s->nsections = s->ntargets = 1;
	(void)snprintf(s->sections[0].name, sizeof(s->sections[0].name), "corp");
	s->targets[0].source = SOURCE_SYSTEM;
	s->targets[0].port = 22;
	s->port_first = s->port_last = 1;
	s->handshake_timeout = s->dial_timeout = 1;
	s->tls_min = TLS1_3_VERSION;
	if (settings_encode(s, set, sizeof(set), &p.settings.n, &e) == -1)
		fail_msg("%s", e.text);
	free(s);
	p.settings.p = set;
	put(&w, RECORD_ANCHOR, pki_pem_cert(h->root->cert));
	put(&w, RECORD_INTERMEDIATE, pki_pem_cert(h->inter->cert));
	p.trust = (struct sealed){ .p = w.buf, .n = w.len };
	p.chain = (struct sealed){ .p = (const uint8_t *)chain, .n = strlen(chain) };
	if ((g = generation_new(&p, &e)) == NULL)
		fail_msg("%s", e.text);
	records_done(&w);
	free(chain);
	return g;
}

static int
hall_setup(void **state)
{
	struct hall *h = calloc(1, sizeof(*h));
	struct err e;

	assert_int_equal(0, tls_setup(&e));
	h->root = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
	h->inter = pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE }, h->root);
	h->server = pki_make(&(struct pki_spec){ .profile = PKI_SERVER }, h->inter);
	h->alice = pki_make(&(struct pki_spec){ .subject = "CN=alice" }, h->inter);
	h->mallory = pki_make(&(struct pki_spec){ .subject = "CN=mallory" }, h->inter);
	h->gen = generation(h, 1);
	*state = h;
	return 0;
}

static int
hall_teardown(void **state)
{
	struct hall *h = *state;
	struct pki_cert *all[] = { h->root, h->inter, h->server, h->alice, h->mallory };

	generation_unref(h->gen);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		pki_free(all[i]);
	free(h);
	ERR_clear_error();
	return 0;
}

/* `shown` as certificate, signed for by the key of `signer`. */
static SSL *
client_of(const struct pki_cert *shown, const struct pki_cert *signer)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	EVP_PKEY *key = pki_key_with(shown->key, signer->key);
	SSL *ssl;

	assert_int_equal(1, SSL_CTX_use_certificate(ctx, shown->cert));
	assert_int_equal(1, SSL_CTX_use_PrivateKey(ctx, key));
	ssl = SSL_new(ctx);
	EVP_PKEY_free(key);
	SSL_CTX_free(ctx);
	return ssl;
}

/* Whether the handshake proved something; *cached: without looking at signatures of certificates.
 */
static bool
shake(struct hall *h, const struct pki_cert *shown, const struct pki_cert *signer, int64_t now,
    bool *cached)
{
	SSL *client = client_of(shown, signer), *server = SSL_new(h->gen->ctx);
	struct proof *p = proof_new(h->gen);
	BIO *a = NULL, *b = NULL;
	bool ok = false;
	int r = 0;

	assert_int_equal(1, BIO_new_bio_pair(&a, 0, &b, 0));
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	p->now = now;
	SSL_set_app_data(server, p);
	for (int i = 0; i < 20 && r != 1; i++) {
		(void)SSL_connect(client);
		r = SSL_accept(server);
		if (r != 1 && SSL_get_error(server, r) != SSL_ERROR_WANT_READ)
			break;
	}
	ok = r == 1 && verify_holds(server, p);
	*cached = p->nsections == 1 && p->sections[0].cached;
	SSL_free(client);
	SSL_free(server);
	proof_free(p);
	ERR_clear_error();
	return ok;
}

static void
a_path_is_kept_only_when_the_key_was_proved_and_the_key_is_proved_each_time(void **state)
{
	struct hall *h = *state;
	bool cached;

	assert_false(shake(h, h->alice, h->mallory, PKI_NOW, &cached));
	assert_int_equal(0, pathcache_entries(h->gen->paths));
	assert_true(shake(h, h->alice, h->alice, PKI_NOW, &cached));
	assert_false(cached);
	assert_int_equal(1, pathcache_entries(h->gen->paths));
	assert_true(shake(h, h->alice, h->alice, PKI_NOW, &cached));
	assert_true(cached);
	/* the verdict is there, the key is not */
	assert_false(shake(h, h->alice, h->mallory, PKI_NOW, &cached));
	assert_true(cached);
	assert_true(shake(h, h->alice, h->alice, PKI_NOW, &cached));
	assert_true(cached);
	assert_int_equal(1, pathcache_entries(h->gen->paths));
}

static void
a_leaf_that_ended_is_refused_though_it_was_kept_and_a_refused_one_is_not(void **state)
{
	struct hall *h = *state;
	bool cached;

	assert_true(shake(h, h->alice, h->alice, PKI_NOW, &cached));
	assert_false(shake(h, h->alice, h->alice, PKI_UNTIL + 1, &cached));
	assert_false(cached);
	assert_int_equal(0, pathcache_entries(h->gen->paths));
}

static void
a_new_generation_knows_no_path(void **state)
{
	struct hall *h = *state;
	bool cached;

	assert_true(shake(h, h->alice, h->alice, PKI_NOW, &cached));
	generation_unref(h->gen);
	h->gen = generation(h, 2);
	assert_true(shake(h, h->alice, h->alice, PKI_NOW, &cached));
	assert_false(cached);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define HALL(f) cmocka_unit_test_setup_teardown(f, hall_setup, hall_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_path_comes_back_whole_with_its_policies_though_only_the_leaf_is_shown),
		TEST(another_leaf_or_section_is_not_found),
		TEST(the_time_of_each_certificate_ends_it),
		TEST(the_time_of_the_crl_ends_it),
		TEST(a_crl_that_lists_it_or_is_not_there_ends_it),
		TEST(entries_and_bytes_are_bounded_and_what_is_used_stays),
		HALL(a_path_is_kept_only_when_the_key_was_proved_and_the_key_is_proved_each_time),
		HALL(a_leaf_that_ended_is_refused_though_it_was_kept_and_a_refused_one_is_not),
		HALL(a_new_generation_knows_no_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
