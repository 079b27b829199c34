/* test_certpath_build.c - finding a path where several issuers bear one name */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/x509v3.h>

#include "certpath_local.h"
#include "tests/unit/help/pathtest.h"

/* No subject key identifier tells the candidates apart: only trying does. */
#define SAME_ID "subjectKeyIdentifier=01:02:03:04"

static struct pki_cert *
same_name(const struct pki_spec *more, const struct pki_cert *issuer)
{
	struct pki_spec s = *more;
	size_t i = 0;

	while (s.ext[i] != NULL)
		i++;
	s.ext[i] = SAME_ID;
	s.profile = PKI_INTERMEDIATE;
	s.subject = "CN=twin";
	return pki_make(&s, issuer);
}

static void
of_two_issuers_with_one_name_and_key_id_the_right_one_is_found(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *a = same_name(&(struct pki_spec){ 0 }, p->root);
	struct pki_cert *b = same_name(&(struct pki_spec){ 0 }, p->root);
	struct pki_cert *leaf_a = pki_make(&(struct pki_spec){ 0 }, a);
	struct pki_cert *leaf_b = pki_make(&(struct pki_spec){ 0 }, b);

	(void)state;
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, a->cert));
	/* only `a` is known yet */
	assert_int_equal(X509_V_ERR_CERT_SIGNATURE_FAILURE, pathtest_verify(p, leaf_b->cert));
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, b->cert));
	assert_int_equal(0, pathtest_verify(p, leaf_a->cert));
	assert_int_equal(0, pathtest_verify(p, leaf_b->cert));
	assert_int_equal(0, X509_cmp(b->cert, sk_X509_value(p->result.path, 1)));
	pki_free(leaf_a);
	pki_free(leaf_b);
	pki_free(a);
	pki_free(b);
	pathtest_free(p);
}

static void
a_dead_branch_is_left_for_a_live_one(void **state)
{
	static const struct pki_spec dead[] = {
		{ .until = PKI_NOW - 1 },
		{ .ext = { "basicConstraints=critical,CA:FALSE" } },
		{ .ext = { "keyUsage=critical,cRLSign" } },
		{ .ext = { "nameConstraints=critical,excluded;email:corp.example" } },
		{ .ext = { "extendedKeyUsage=emailProtection" } },
		{ .ext = { "1.2.3.4=critical,DER:0500" } },
		{ .ext = { "certificatePolicies=1.2.3.4",
		      "policyConstraints=critical,requireExplicitPolicy:0" } },
		{ .digest = "SHA1" },
		{ .serial = "0" },
	};
	const struct pki_spec alice = { .ext = { "subjectAltName=email:alice@corp.example" } };

	(void)state;
	for (size_t i = 0; i < sizeof(dead) / sizeof(dead[0]); i++) {
		struct pathtest *p = pathtest_new(NULL, NULL);
		struct pki_spec again = { 0 };
		struct pki_cert *bad = same_name(&dead[i], p->root), *good, *leaf;

		again.key = bad->key;
		good = same_name(&again, p->root);
		leaf = pki_make(&alice, bad);
		assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, bad->cert));
		assert_int_not_equal(0, pathtest_verify(p, leaf->cert));
		assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, good->cert));
		/* the same name and the same key: another certificate of the same CA */
		assert_int_equal(0, pathtest_verify(p, leaf->cert));
		assert_int_equal(0, X509_cmp(good->cert, sk_X509_value(p->result.path, 1)));
		pki_free(leaf);
		pki_free(good);
		pki_free(bad);
		pathtest_free(p);
	}
}

static void
a_cross_certificate_leads_to_an_anchor_that_is_known(void **state)
{
	/* two roots certify each other; only one is trusted */
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *foreign =
	    pki_make(&(struct pki_spec){ .profile = PKI_ROOT, .subject = "CN=foreign" }, NULL);
	struct pki_cert *cross = pki_make(
	    &(struct pki_spec){
		.profile = PKI_INTERMEDIATE, .subject = "CN=foreign", .key = foreign->key },
	    p->root);
	struct pki_cert *back = pki_make(
	    &(struct pki_spec){
		.profile = PKI_INTERMEDIATE, .subject = "CN=root", .key = p->root->key },
	    foreign);
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, foreign);
	STACK_OF(X509) *sent = sk_X509_new_null();

	(void)state;
	sk_X509_push(sent, back->cert);
	sk_X509_push(sent, foreign->cert);
	p->request.untrusted = sent;
	/* the peer's own root is no anchor */
	assert_int_equal(X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, pathtest_verify(p, leaf->cert));
	sk_X509_push(sent, cross->cert);
	assert_int_equal(0, pathtest_verify(p, leaf->cert));
	assert_int_equal(3, sk_X509_num(p->result.path));
	sk_X509_free(sent);
	pki_free(leaf);
	pki_free(back);
	pki_free(cross);
	pki_free(foreign);
	pathtest_free(p);
}

static void
an_anchor_need_not_be_self_signed(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct certpath_trust *t = certpath_trust_new(&p->err);
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, p->inter);

	(void)state;
	certpath_trust_free(p->trust);
	p->trust = t;
	assert_int_equal(1, pathtest_add(p, CERTPATH_ANCHOR, p->inter->cert));
	assert_int_equal(0, pathtest_verify(p, leaf->cert));
	assert_int_equal(2, sk_X509_num(p->result.path));
	pki_free(leaf);
	pathtest_free(p);
}

static void
an_anchor_is_no_leaf_and_a_leaf_no_anchor(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *self = pki_make(&(struct pki_spec){ .subject = "CN=self" }, NULL);
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, p->inter);

	(void)state;
	p->request.purpose = CERTPATH_ANY;
	assert_int_equal(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, pathtest_verify(p, p->root->cert));
	assert_int_equal(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, pathtest_verify(p, self->cert));
	assert_int_equal(0, pathtest_verify(p, p->inter->cert));
	assert_int_equal(-1, pathtest_add(p, CERTPATH_ANCHOR, leaf->cert));
	assert_int_equal(ERR_FORMAT, p->err.kind);
	assert_int_equal(-1, pathtest_add(p, CERTPATH_ANCHOR, self->cert));
	pki_free(leaf);
	pki_free(self);
	pathtest_free(p);
}

static void
names_chain_without_regard_to_case_and_inner_blanks(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *ca = pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE,
					   .subject = "O=Corp,CN=The   First CA" },
	    p->root);
	struct pki_cert as = { 0 }, *leaf;
	struct pki_cert *spelt = pki_make(
	    &(struct pki_spec){
		.profile = PKI_INTERMEDIATE, .subject = "O=CORP,CN=the first ca ", .key = ca->key },
	    p->root);

	(void)state;
	as = (struct pki_cert){ .cert = spelt->cert, .key = ca->key };
	leaf = pki_make(&(struct pki_spec){ 0 }, &as);
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, ca->cert));
	assert_int_equal(0, pathtest_verify(p, leaf->cert));
	pki_free(leaf);
	pki_free(spelt);
	spelt = pki_make(
	    &(struct pki_spec){
		.profile = PKI_INTERMEDIATE, .subject = "CN=The First CA,O=Corp", .key = ca->key },
	    p->root);
	as.cert = spelt->cert;
	leaf = pki_make(&(struct pki_spec){ 0 }, &as);
	assert_int_equal(
	    X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, pathtest_verify(p, leaf->cert));
	pki_free(leaf);
	pki_free(spelt);
	pki_free(ca);
	pathtest_free(p);
}

static void
a_rolled_over_key_is_reached_over_either_certificate(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *old = pki_make(
	    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = "CN=rolling" }, p->root);
	struct pki_cert *new_by_old = pki_make(
	    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = "CN=rolling" }, old);
	struct pki_cert *leaf_old = pki_make(&(struct pki_spec){ 0 }, old);
	struct pki_cert *leaf_new = pki_make(&(struct pki_spec){ 0 }, new_by_old);

	(void)state;
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, new_by_old->cert));
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, old->cert));
	assert_int_equal(0, pathtest_verify(p, leaf_old->cert));
	assert_int_equal(3, sk_X509_num(p->result.path));
	assert_int_equal(0, pathtest_verify(p, leaf_new->cert));
	assert_int_equal(4, sk_X509_num(p->result.path));
	pki_free(leaf_new);
	pki_free(leaf_old);
	pki_free(new_by_old);
	pki_free(old);
	pathtest_free(p);
}

static void
a_crowd_of_false_issuers_ends_in_a_refusal(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *right = same_name(&(struct pki_spec){ 0 }, p->root);
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, right);
	struct pki_cert *crowd[64];

	(void)state;
	for (int i = 0; i < 64; i++) {
		/* each says that another one of them issued it */
		crowd[i] = same_name(&(struct pki_spec){ 0 }, i == 0 ? right : crowd[i - 1]);
		assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, crowd[i]->cert));
	}
	assert_int_not_equal(0, pathtest_verify(p, leaf->cert));
	assert_int_equal(ERR_REFUSED, p->err.kind);
	for (int i = 0; i < 64; i++)
		pki_free(crowd[i]);
	pki_free(leaf);
	pki_free(right);
	pathtest_free(p);
}

static int
refuse_and_count(void *arg, const struct certpath_path *path, struct err *e)
{
	int *count = arg;

	assert_true(path->whole && path->n <= CERTPATH_LEN_MAX);
	++*count;
	return err_set(e, ERR_REFUSED, "not this one");
}

/* Four layers of eight, each issued by any of the next: 8 to the fourth paths to the anchor. */
static void
of_thousands_of_paths_thirty_two_are_judged(void **state)
{
	enum { LAYERS = 4, WIDTH = 8 };
	static const char *const names[] = { "CN=a", "CN=b", "CN=c", "CN=d" };
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *layer[LAYERS][WIDTH], *leaf;
	const struct pki_cert *by = p->root;
	int count = 0;
	const struct certpath_try try = { .try = refuse_and_count, .arg = &count };

	(void)state;
	for (int i = 0; i < LAYERS; i++) {
		for (int k = 0; k < WIDTH; k++) {
			layer[i][k] = pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE,
						   .subject = names[i],
						   .ext = { SAME_ID } },
			    by);
			assert_int_equal(
			    1, pathtest_add(p, CERTPATH_INTERMEDIATE, layer[i][k]->cert));
		}
		by = layer[i][0];
	}
	leaf = pki_make(&(struct pki_spec){ 0 }, by);
	p->request.leaf = leaf->cert;
	assert_int_equal(-1, certpath_build(p->trust, &p->request, &try, &p->err));
	assert_int_equal(32, count);
	assert_string_equal("not this one", p->err.text);
	/* and the right one is among those that are tried first */
	assert_int_equal(0, pathtest_verify(p, leaf->cert));
	pki_free(leaf);
	for (int i = 0; i < LAYERS * WIDTH; i++)
		pki_free(layer[i / WIDTH][i % WIDTH]);
	pathtest_free(p);
}

/* A and B certify each other, and an anchor has certified neither: nothing is judged. */
static void
authorities_that_certify_each_other_lead_nowhere(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *a =
	    pki_make(&(struct pki_spec){ .profile = PKI_ROOT, .subject = "CN=a" }, NULL);
	struct pki_cert *b =
	    pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = "CN=b" }, a);
	struct pki_cert *a_by_b = pki_make(
	    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = "CN=a", .key = a->key }, b);
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, b);
	int count = 0;
	const struct certpath_try try = { .try = refuse_and_count, .arg = &count };

	(void)state;
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, b->cert));
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, a_by_b->cert));
	p->request.leaf = leaf->cert;
	assert_int_equal(-1, certpath_build(p->trust, &p->request, &try, &p->err));
	assert_int_equal(0, count);
	assert_int_equal(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, p->err.detail);
	/* the nearest neighbour: A is an anchor */
	assert_int_equal(1, pathtest_add(p, CERTPATH_ANCHOR, a->cert));
	assert_int_equal(0, pathtest_verify(p, leaf->cert));
	pki_free(leaf);
	pki_free(a_by_b);
	pki_free(b);
	pki_free(a);
	pathtest_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_issuers_with_one_name_and_key_id_the_right_one_is_found),
		cmocka_unit_test(a_dead_branch_is_left_for_a_live_one),
		cmocka_unit_test(a_cross_certificate_leads_to_an_anchor_that_is_known),
		cmocka_unit_test(an_anchor_need_not_be_self_signed),
		cmocka_unit_test(an_anchor_is_no_leaf_and_a_leaf_no_anchor),
		cmocka_unit_test(names_chain_without_regard_to_case_and_inner_blanks),
		cmocka_unit_test(a_rolled_over_key_is_reached_over_either_certificate),
		cmocka_unit_test(a_crowd_of_false_issuers_ends_in_a_refusal),
		cmocka_unit_test(of_thousands_of_paths_thirty_two_are_judged),
		cmocka_unit_test(authorities_that_certify_each_other_lead_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
