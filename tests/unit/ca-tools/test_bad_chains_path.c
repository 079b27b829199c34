/* test_bad_chains_path.c - chains that RFC 5280 section 6 refuses, and such as would cost too much
 */
#include <openssl/evp.h>

#include "bad_chains.h"

#define EXT(...)       .spec = { .ext = { __VA_ARGS__ } }
#define EDIT(...)      .edit = { { __VA_ARGS__ } }
#define ALSO(at_, ...) .also = (at_), .also_spec = { .ext = { __VA_ARGS__ } }
#define POLICY(oid)    .args = { "--policy", oid }
#define PURPOSE(of)    .args = { "--purpose", of }

/* Section 6.1.3 (a): signature, time, and the issuer's name. */
static void
signatures_times_and_names_chain(void **state)
{
	static const struct badchain rows[] = {
		{ "6.1.3 (a)(1) a leaf's signature", LEAF, .bad = { EDIT("2", DERTREE_FLIP, "") },
		    .want = "its signature is not that of \"CN=lower\"" },
		{ "6.1.3 (a)(1) the lower intermediate's", LOWER,
		    .bad = { EDIT("2", DERTREE_FLIP, "") },
		    .want = "its signature is not that of \"CN=upper\"" },
		{ "6.1.3 (a)(1) the upper intermediate's", UPPER,
		    .bad = { EDIT("2", DERTREE_FLIP, "") },
		    .want = "its signature is not that of \"CN=root\"" },
		{ "6.1.3 (a)(1) a signature of no bytes", LEAF,
		    .bad = { EDIT("2", DERTREE_CONTENT, "00") },
		    .want = "its signature is not that of" },
		{ "6.1.3 (a)(2) a leaf that has ended", LEAF, .bad = { { .until = PKI_NOW - 1 } },
		    .good = { { .until = PKI_NOW } }, .want = "expired 1 s ago" },
		{ "6.1.3 (a)(2) a lower intermediate that has", LOWER,
		    .bad = { { .until = PKI_NOW - 1 } }, .good = { { .until = PKI_NOW } },
		    .want = "expired 1 s ago" },
		{ "6.1.3 (a)(2) an upper one", UPPER, .bad = { { .until = PKI_NOW - 1 } },
		    .good = { { .until = PKI_NOW } }, .want = "expired 1 s ago" },
		{ "6.1.3 (a)(2) an anchor", ROOT, .bad = { { .until = PKI_NOW - 1 } },
		    .good = { { .until = PKI_NOW } }, .want = "expired 1 s ago" },
		{ "6.1.3 (a)(2) a leaf that begins later", LEAF, .bad = { { .from = PKI_NOW + 1 } },
		    .good = { { .from = PKI_NOW } }, .want = "not valid yet, begins in 1 s" },
		{ "6.1.3 (a)(2) a lower intermediate that does", LOWER,
		    .bad = { { .from = PKI_NOW + 1 } }, .good = { { .from = PKI_NOW } },
		    .want = "not valid yet" },
		{ "6.1.3 (a)(2) an upper one", UPPER, .bad = { { .from = PKI_NOW + 1 } },
		    .good = { { .from = PKI_NOW } }, .want = "not valid yet" },
		{ "6.1.3 (a)(2) an anchor", ROOT, .bad = { { .from = PKI_NOW + 1 } },
		    .good = { { .from = PKI_NOW } }, .want = "not valid yet" },
		{ "6.1.3 (a)(4) an issuer of another name", LEAF,
		    .bad = { EDIT("0.3.0.0.1", DERTREE_CONTENT,
			"6c6f776572"
			"78") },
		    .good = { EDIT("0.3.0.0.1", DERTREE_CONTENT, "6c6f776572") },
		    .want = "its issuer \"CN=lowerx\" is neither an anchor" },
		{ "6.1.3 (a)(4) the same above it", LOWER,
		    .bad = { EDIT("0.3.0.0.1", DERTREE_CONTENT, "75707065") },
		    .good = { EDIT("0.3.0.0.1", DERTREE_CONTENT,
			"75707065"
			"72") },
		    .want = "its issuer \"CN=uppe\" is neither an anchor" },
		{ "6.1.3 (a)(4) below the anchor", UPPER,
		    .bad = { EDIT("0.3.0.0.1", DERTREE_CONTENT, "726f6f7474") },
		    .good = { EDIT("0.3.0.0.1", DERTREE_CONTENT,
			"524f4f"
			"54") },
		    .want = "its issuer \"CN=roott\" is neither an anchor" },
	};

	(void)state;
	all_refused(rows);
}

#define P1   "certificatePolicies=1.2.3.4"
#define P2   "certificatePolicies=1.2.3.5"
#define ANY  "certificatePolicies=2.5.29.32.0"
#define NONE "no certificate policy that is asked for"

/* Sections 6.1.3 (d) to (f), 6.1.4 (a) to (j), 6.1.5: policies. */
static void
policies_hold_for_the_whole_path(void **state)
{
	static const struct badchain rows[] = {
		{ "6.1.3 (f) a leaf without policy where one is asked for", LEAF,
		    .good = { EXT(P1) }, .rest = P1, POLICY("1.2.3.4"), .want = NONE },
		{ "6.1.5 (g) a leaf of another policy", LEAF, .bad = { EXT(P2) },
		    .good = { EXT(P1) }, .rest = ANY, POLICY("1.2.3.4"), .want = NONE },
		{ "6.1.3 (d) an issuer of another policy", LOWER, .bad = { EXT(P2) },
		    .good = { EXT(P1) }, .rest = P1, POLICY("1.2.3.4"),
		    .want = "leaf \"CN=leaf\": " NONE },
		{ "6.1.3 (e) an issuer without one", UPPER, .good = { EXT(P1) }, .rest = P1,
		    POLICY("1.2.3.4"), .want = "leaf \"CN=leaf\": " NONE },
		{ "6.1.3 (f) a leaf without policy where its issuer demands one", LEAF,
		    .good = { EXT(P1) }, .rest = P1,
		    ALSO(UPPER, P1, "policyConstraints=critical,requireExplicitPolicy:0"),
		    .want = NONE },
		{ "6.1.4 (i) the same, demanded from the next certificate on", LEAF,
		    .good = { EXT(P1) }, .rest = P1,
		    ALSO(UPPER, P1, "policyConstraints=critical,requireExplicitPolicy:2"),
		    .want = NONE },
		{ "6.1.5 (b) the same, demanded by the leaf itself, of another one", LEAF,
		    .bad = { EXT(P2, "policyConstraints=critical,requireExplicitPolicy:0") },
		    .good = { EXT(P1, "policyConstraints=critical,requireExplicitPolicy:0") },
		    .rest = P1, .want = NONE },
		{ "6.1.3 (d)(2) anyPolicy below one that inhibits it", LOWER, .bad = { EXT(ANY) },
		    .good = { EXT(P1) }, .rest = P1, ALSO(UPPER, P1, "inhibitAnyPolicy=critical,0"),
		    POLICY("1.2.3.4"), .want = "leaf \"CN=leaf\": " NONE },
		{ "6.1.4 (b) a policy that was mapped to another", LEAF, .bad = { EXT(P1) },
		    .good = { EXT(P2) }, .rest = P1,
		    ALSO(LOWER, P1, "policyMappings=critical,1.2.3.4:1.2.3.5"), POLICY("1.2.3.4"),
		    .want = NONE },
		{ "6.1.4 (b)(2) a mapping below one that inhibits it", UPPER,
		    .bad = { EXT(P1, "policyConstraints=critical,inhibitPolicyMapping:0") },
		    .good = { EXT(P1, "policyConstraints=critical,inhibitPolicyMapping:1") },
		    .rest = P2, ALSO(LOWER, P1, "policyMappings=critical,1.2.3.4:1.2.3.5"),
		    POLICY("1.2.3.4"), .want = "leaf \"CN=leaf\": " NONE },
	};

	(void)state;
	all_refused(rows);
}

/* Sections 6.1.4 (k) to (n), 6.1.5 and 4.2.1.12. */
static void
authorities_issue_within_their_limits(void **state)
{
	static const struct badchain rows[] = {
		{ "6.1.4 (l) path length 0 above an intermediate", UPPER,
		    .bad = { EXT("basicConstraints=critical,CA:TRUE,pathlen:0") },
		    .good = { EXT("basicConstraints=critical,CA:TRUE,pathlen:1") },
		    .want = "path length constraint exceeded" },
		{ "6.1.4 (l) path length 1 in the anchor above two", ROOT,
		    .bad = { EXT("basicConstraints=critical,CA:TRUE,pathlen:1") },
		    .good = { EXT("basicConstraints=critical,CA:TRUE,pathlen:2") },
		    .want = "path length constraint exceeded" },
		{ "4.2.1.12 a leaf made for mail, to log in with", LEAF,
		    .bad = { EXT("extendedKeyUsage=emailProtection") },
		    .good = { EXT("extendedKeyUsage=emailProtection,clientAuth") },
		    PURPOSE("client"), .want = "does not list clientAuth" },
		{ "4.2.1.12 a leaf made for a server", LEAF,
		    .bad = { EXT("extendedKeyUsage=serverAuth") },
		    .good = { EXT("extendedKeyUsage=clientAuth") }, PURPOSE("client"),
		    .want = "does not list clientAuth" },
		{ "4.2.1.12 a leaf made for a client, as a server", LEAF,
		    .bad = { EXT("extendedKeyUsage=clientAuth") },
		    .good = { EXT("extendedKeyUsage=serverAuth") }, PURPOSE("server"),
		    .want = "does not list serverAuth" },
		{ "4.2.1.12 a leaf made for anything", LEAF,
		    .bad = { EXT("extendedKeyUsage=anyExtendedKeyUsage") },
		    .good = { EXT("extendedKeyUsage=clientAuth") }, PURPOSE("client"),
		    .want = "does not list clientAuth" },
		{ "4.2.1.12 a leaf that does not say", LEAF, .bad = { EXT("extendedKeyUsage=") },
		    .good = { EXT("extendedKeyUsage=clientAuth") }, PURPOSE("client"),
		    .want = "does not list clientAuth" },
		{ "4.2.1.12 an intermediate made for mail", UPPER,
		    .bad = { EXT("extendedKeyUsage=emailProtection") },
		    .good = { EXT("extendedKeyUsage=anyExtendedKeyUsage") }, PURPOSE("client"),
		    .want = "leaves out clientAuth" },
		{ "4.2.1.12 an anchor made for mail", ROOT,
		    .bad = { EXT("extendedKeyUsage=emailProtection") },
		    .good = { EXT("extendedKeyUsage=clientAuth") }, PURPOSE("client"),
		    .want = "leaves out clientAuth" },
		{ "4.2.1.12 an intermediate that leaves a leaf no purpose, whatever is asked",
		    UPPER, .bad = { EXT("extendedKeyUsage=emailProtection,codeSigning") },
		    .good = { EXT("extendedKeyUsage=emailProtection,clientAuth") },
		    .want = "leaf \"CN=leaf\": its issuers leave none of the purposes" },
		{ "4.2.1.9 a CA's own certificate, to log in with", LEAF,
		    .bad = { EXT("basicConstraints=critical,CA:TRUE",
			"keyUsage=critical,digitalSignature,keyCertSign") },
		    .good = { EXT("basicConstraints=critical,CA:FALSE") }, PURPOSE("client"),
		    .want = "CA certificate" },
		{ "4.2.1.6 a server of another name", LEAF,
		    .bad = { { .subject = "CN=ssh.corp.example",
			.ext = { "subjectAltName=DNS:www.corp.example" } } },
		    .good = { { .ext = { "subjectAltName=DNS:ssh.corp.example" } } },
		    .args = { "--host", "ssh.corp.example" }, .want = "is the host" },
	};

	(void)state;
	all_refused(rows);
}

/* Leaf-made issuers, and crowds: chains that take more certificates than a row has. */
static struct crowd {
	struct pki_cert *root, *inter, *leaf;
} c;

static void
crowd_make(void)
{
	c.root = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
	c.inter = pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE }, c.root);
	c.leaf = pki_make(&(struct pki_spec){ 0 }, c.inter);
	pki_write_cert("root.pem", c.root->cert, 0);
	pki_write_cert("ca.pem", c.inter->cert, 0);
	pki_write_cert("leaf.pem", c.leaf->cert, 0);
}

static void
crowd_free(void)
{
	pki_free(c.leaf);
	pki_free(c.inter);
	pki_free(c.root);
}

static int
verify_crowd(char *said, size_t size)
{
	static const char *const words[] = { "verify", "--trust", "root.pem", "--untrusted",
		"ca.pem", "--at", "2027-01-15T08:00:00Z", "leaf.pem", NULL };

	return badchain_run(cmd_verify, words, said, size);
}

static void
a_leaf_does_not_issue_at_any_depth(void **state)
{
	struct pki_cert *forged, *ca, *below;
	char said[2048];

	(void)state;
	crowd_make();
	assert_int_equal(0, verify_crowd(said, sizeof(said)));
	forged = pki_make(&(struct pki_spec){ .subject = "CN=forged" }, c.leaf);
	ca = pki_make(
	    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = "CN=made up" }, c.leaf);
	below = pki_make(&(struct pki_spec){ .subject = "CN=below" }, ca);
	pki_write_cert("ca.pem", c.leaf->cert, 1);
	pki_write_cert("ca.pem", ca->cert, 1);
	pki_write_cert("leaf.pem", forged->cert, 0);
	assert_int_equal(1, verify_crowd(said, sizeof(said)));
	assert_non_null(strstr(said, "intermediate 1 \"CN=leaf\": invalid CA certificate"));
	pki_write_cert("leaf.pem", below->cert, 0);
	assert_int_equal(1, verify_crowd(said, sizeof(said)));
	assert_non_null(strstr(said, "intermediate 2 \"CN=leaf\": invalid CA certificate"));
	pki_free(below);
	pki_free(ca);
	pki_free(forged);
	crowd_free();
}

/* A name that many have is tried with all of them; the chain that does not end is told so. */
static void
a_hundred_certificates_and_one_of_200_kb_are_looked_through(void **state)
{
	struct pki_cert *last, *other, *big;
	static char comment[200000];
	char said[2048], subject[32];

	(void)state;
	crowd_make();
	for (int i = 0; i < 100; i++) {
		other = pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE }, c.root);
		pki_write_cert("ca.pem", other->cert, 1);
		pki_free(other);
	}
	assert_int_equal(0, verify_crowd(said, sizeof(said)));
	(void)snprintf(comment, sizeof(comment), "nsComment=");
	memset(comment + strlen(comment), 'x', sizeof(comment) - strlen(comment) - 1);
	big =
	    pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE, .ext = { comment } }, c.root);
	pki_write_cert("ca.pem", big->cert, 1);
	assert_int_equal(0, verify_crowd(said, sizeof(said)));
	other = pki_make(&(struct pki_spec){ 0 }, big);
	pki_write_cert("leaf.pem", other->cert, 0);
	assert_int_equal(0, verify_crowd(said, sizeof(said)));
	pki_free(other);
	other = pki_make(&(struct pki_spec){ .ext = { comment } }, c.inter);
	pki_write_cert("leaf.pem", other->cert, 0);
	assert_int_equal(1, verify_crowd(said, sizeof(said)));
	assert_non_null(strstr(said, "more than 16384 bytes"));
	pki_free(other);
	pki_free(big);
	last = c.inter;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(subject, sizeof(subject), "CN=ca %d", i);
		other = pki_make(
		    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = subject }, last);
		pki_write_cert("ca.pem", other->cert, 1);
		if (last != c.inter)
			pki_free(last);
		last = other;
	}
	other = pki_make(&(struct pki_spec){ 0 }, last);
	pki_write_cert("leaf.pem", other->cert, 0);
	assert_int_equal(1, verify_crowd(said, sizeof(said)));
	assert_non_null(strstr(said, "more than 8 intermediates to an anchor"));
	pki_free(other);
	pki_free(last);
	crowd_free();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_times_and_names_chain),
		cmocka_unit_test(policies_hold_for_the_whole_path),
		cmocka_unit_test(authorities_issue_within_their_limits),
		cmocka_unit_test(a_leaf_does_not_issue_at_any_depth),
		cmocka_unit_test(a_hundred_certificates_and_one_of_200_kb_are_looked_through),
	};

	return cmocka_run_group_tests(tests, bad_chains_setup, bad_chains_teardown);
}
