/* test_bad_chains_names.c - names that are none, or that their issuers may not give away */
#include "bad_chains.h"

#define CLIENT	  .args = { "--purpose", "client" }
#define EXT(...)  .spec = { .ext = { __VA_ARGS__ } }
#define SAN(name) EXT("subjectAltName=" name)
#define RAW(hex)  EXT("subjectAltName=DER:" hex)
/* An intermediate that constrains, and the leaf's name outside and inside. */
#define NC(what) .also = LOWER, .also_spec = { .ext = { "nameConstraints=critical," what } }
/* The constraint itself is bad or good, and the leaf has this name. */
#define NC_EXT(what)   EXT("nameConstraints=critical," what)
#define LEAF_HAS(name) .also = LEAF, .also_spec = { .ext = { "subjectAltName=" name } }

/* Section 4.2.1.6. */
static void
alternative_names_have_their_forms(void **state)
{
	static const struct badchain rows[] = {
		{ "4.2.1.6 no name in subjectAltName", LEAF, .bad = { RAW("3000") },
		    .good = { RAW("30058103614062") }, .want = "Empty Subject Alternative" },
		{ "4.2.1.6 one that does not parse", LEAF, .bad = { RAW("3003810561") },
		    .good = { RAW("30058103614062") }, .want = "malformed" },
		{ "4.2.1.6 an empty dNSName", LEAF, .bad = { RAW("30028200") },
		    .good = { RAW("3003820161") }, .want = "name 1 of its subjectAltName" },
		{ "4.2.1.6 the dNSName \" \"", LEAF, .bad = { RAW("3003820120") },
		    .good = { RAW("3003820161") }, .want = "no domain name" },
		{ "4.2.1.6 a NUL in a dNSName", LEAF, .bad = { RAW("30058203610062") },
		    .good = { RAW("30058203612e62") }, .want = "control character" },
		{ "4.2.1.6 a NUL in an rfc822Name", LEAF,
		    .bad = { RAW("300681046140006"
				 "2") },
		    .good = { RAW("3006810461406262") }, .want = "control character" },
		{ "4.2.1.6 a dNSName beyond ASCII", LEAF, .bad = { RAW("30048202c3a4") },
		    .good = { RAW("300482026161") }, .want = "beyond ASCII" },
		{ "4.2.1.6 an underscore in a dNSName", LEAF,
		    .bad = { SAN("DNS:a_b.corp.example") }, .good = { SAN("DNS:a-b.corp.example") },
		    .want = "no domain name" },
		{ "4.2.1.6 a label that begins with a hyphen", LEAF,
		    .bad = { SAN("DNS:-a.corp.example") }, .good = { SAN("DNS:a.corp.example") },
		    .want = "no domain name" },
		{ "4.2.1.6 a label that ends with one", LEAF, .bad = { SAN("DNS:a-.corp.example") },
		    .good = { SAN("DNS:a.corp.example") }, .want = "no domain name" },
		{ "4.2.1.6 a label of 64 letters", LEAF,
		    .bad = { SAN("DNS:"
				 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				 ".example") },
		    .good = { SAN("DNS:"
				  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				  ".example") },
		    .want = "no domain name" },
		{ "4.2.1.6 a dot at the end", LEAF, .bad = { SAN("DNS:corp.example.") },
		    .good = { SAN("DNS:corp.example") }, .want = "no domain name" },
		{ "4.2.1.6 two dots", LEAF, .bad = { SAN("DNS:corp..example") },
		    .good = { SAN("DNS:corp.example") }, .want = "no domain name" },
		{ "4.2.1.6 a star within a label", LEAF, .bad = { SAN("DNS:a*.corp.example") },
		    .good = { SAN("DNS:*.corp.example") }, .want = "no domain name" },
		{ "4.2.1.6 a star that is not first", LEAF, .bad = { SAN("DNS:a.*.example") },
		    .good = { SAN("DNS:*.a.example") }, .want = "no domain name" },
		{ "4.2.1.6 a star alone", LEAF, .bad = { SAN("DNS:*") }, .good = { SAN("DNS:*.a") },
		    .want = "no domain name" },
		{ "4.2.1.6 the same in an intermediate", LOWER, .bad = { SAN("DNS:a_b.example") },
		    .good = { SAN("DNS:a-b.example") }, .want = "no domain name" },
		{ "4.2.1.6 an rfc822Name without host", LEAF, .bad = { SAN("email:alice") },
		    .good = { SAN("email:alice@corp.example") }, .want = "no mailbox" },
		{ "4.2.1.6 an rfc822Name without user", LEAF, .bad = { SAN("email:@corp.example") },
		    .good = { SAN("email:a@corp.example") }, .want = "no mailbox" },
		{ "4.2.1.6 an rfc822Name that ends at the @", LEAF, .bad = { SAN("email:alice@") },
		    .good = { SAN("email:alice@a") }, .want = "no mailbox" },
		{ "4.2.1.6 a relative URI", LEAF, .bad = { SAN("URI:/alice") },
		    .good = { SAN("URI:spiffe://corp/alice") }, .want = "without a scheme" },
		{ "4.2.1.6 a scheme alone", LEAF, .bad = { SAN("URI:urn:") },
		    .good = { SAN("URI:urn:x") }, .want = "without a scheme" },
		{ "4.2.1.6 a scheme that begins with a digit", LEAF, .bad = { SAN("URI:1a://b/") },
		    .good = { SAN("URI:a1://b/") }, .want = "without a scheme" },
		{ "4.2.1.6 an iPAddress of 5 octets", LEAF, .bad = { RAW("30078705c000020100") },
		    .good = { RAW("30068704c0000201") }, .want = "iPAddress" },
		{ "4.2.1.6 an iPAddress of none", LEAF, .bad = { RAW("30028700") },
		    .good = { RAW("30068704c0000201") }, .want = "iPAddress" },
		{ "4.2.1.6 an empty directoryName", LEAF, .bad = { RAW("3004a4023000") },
		    .good = { RAW("3011a40f300d310b3009"
				  "06035504030c0261"
				  "62") },
		    .want = "directoryName that is empty" },
		{ "4.2.1.6 a UPN that is no UTF8String, where names are mapped", LEAF,
		    .bad = { SAN("otherName:1.3.6.1.4.1.311.20.2.3;IA5:alice@corp") },
		    .good = { SAN("otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@corp") }, CLIENT,
		    .want = "UPN that is no UTF8String" },
	};

	(void)state;
	all_refused(rows);
}

/* Sections 4.2.1.10 and 6.1.3 (b), (c): names against constraints that are well formed. */
static void
names_stay_within_constraints(void **state)
{
	static const struct badchain rows[] = {
		{ "4.2.1.10 dNSName beside the permitted tree", LEAF,
		    .bad = { SAN("DNS:a.evil.example") }, .good = { SAN("DNS:a.corp.example") },
		    NC("permitted;DNS:corp.example"), .want = "permitted subtree violation" },
		{ "4.2.1.10 dNSName that only ends like it", LEAF,
		    .bad = { SAN("DNS:evilcorp.example") }, .good = { SAN("DNS:corp.example") },
		    NC("permitted;DNS:corp.example"), .want = "permitted subtree violation" },
		{ "4.2.1.10 dNSName in the excluded tree", LEAF,
		    .bad = { SAN("DNS:x.secret.example") }, .good = { SAN("DNS:x.open.example") },
		    NC("excluded;DNS:secret.example"), .want = "excluded subtree violation" },
		{ "4.2.1.10 the same in other letters", LEAF,
		    .bad = { SAN("DNS:x.SeCrEt.example") }, .good = { SAN("DNS:x.open.example") },
		    NC("excluded;DNS:secret.example"), .want = "excluded subtree violation" },
		{ "4.2.1.10 a wildcard that reaches into the excluded tree", LEAF,
		    .bad = { SAN("DNS:*.corp.example") }, .good = { SAN("DNS:*.open.example") },
		    NC("excluded;DNS:secret.corp.example"), .want = "wildcard" },
		{ "4.2.1.10 a wildcard wider than the permitted tree", LEAF,
		    .bad = { SAN("DNS:*.example") }, .good = { SAN("DNS:*.corp.example") },
		    NC("permitted;DNS:corp.example"), .want = "permitted subtree violation" },
		{ "4.2.1.10 the second of two names outside", LEAF,
		    .bad = { SAN("DNS:corp.example,DNS:evil.example") },
		    .good = { SAN("DNS:corp.example,DNS:a.corp.example") },
		    NC("permitted;DNS:corp.example"), .want = "permitted subtree violation" },
		{ "4.2.1.10 rfc822Name of another host", LEAF,
		    .bad = { SAN("email:a@evil.example") }, .good = { SAN("email:a@corp.example") },
		    NC("permitted;email:corp.example"), .want = "permitted subtree violation" },
		{ "4.2.1.10 rfc822Name of a host below, where one host is meant", LEAF,
		    .bad = { SAN("email:a@b.corp.example") },
		    .good = { SAN("email:a@corp.example") }, NC("permitted;email:corp.example"),
		    .want = "permitted subtree violation" },
		{ "4.2.1.10 rfc822Name of the host, where those below are meant", LEAF,
		    .bad = { SAN("email:a@corp.example") },
		    .good = { SAN("email:a@b.corp.example") }, NC("permitted;email:.corp.example"),
		    .want = "permitted subtree violation" },
		{ "4.2.1.10 an excluded mailbox", LEAF, .bad = { SAN("email:root@corp.example") },
		    .good = { SAN("email:a@corp.example") }, NC("excluded;email:root@corp.example"),
		    .want = "excluded subtree violation" },
		{ "4.2.1.10 emailAddress in the subject", LEAF,
		    .bad = { { .subject = "CN=a,emailAddress=a@evil.example" } },
		    .good = { { .subject = "CN=a,emailAddress=a@corp.example" } },
		    NC("permitted;email:corp.example"), .want = "permitted subtree violation" },
		{ "4.2.1.10 an rfc822Name with two @", LEAF,
		    .bad = { SAN("email:a@evil.example@corp.example") },
		    .good = { SAN("email:a@corp.example") }, NC("permitted;email:corp.example"),
		    .want = "cannot be held against the name constraints" },
		{ "4.2.1.10 URI of another host", LEAF,
		    .bad = { SAN("URI:spiffe://evil.example/a") },
		    .good = { SAN("URI:spiffe://corp.example/a") },
		    NC("permitted;URI:corp.example"), .want = "permitted subtree violation" },
		{ "4.2.1.10 URI whose host is hidden behind a user", LEAF,
		    .bad = { SAN("URI:https://corp.example@evil.example/") },
		    .good = { SAN("URI:https://corp.example/") }, NC("permitted;URI:corp.example"),
		    .want = "permitted subtree violation" },
		{ "4.2.1.10 URI that ends like the permitted host", LEAF,
		    .bad = { SAN("URI:https://evil.example?x.corp.example/") },
		    .good = { SAN("URI:https://x.corp.example/") },
		    NC("permitted;URI:.corp.example"),
		    .want = "cannot be held against the name constraints",
		    .or = "permitted subtree violation" },
		{ "4.2.1.10 URI without a host", LEAF, .bad = { SAN("URI:urn:x:alice") },
		    .good = { SAN("URI:https://corp.example/") }, NC("permitted;URI:corp.example"),
		    .want = ": un" },
		{ "4.2.1.10 URI whose host is an address", LEAF,
		    .bad = { SAN("URI:https://192.0.2.1/") },
		    .good = { SAN("URI:https://192.0.2.a/") }, NC("excluded;URI:corp.example"),
		    .want = "cannot be held against the name constraints" },
		{ "4.2.1.10 iPAddress outside the network", LEAF, .bad = { SAN("IP:198.51.100.1") },
		    .good = { SAN("IP:192.0.2.1") }, NC("permitted;IP:192.0.2.0/255.255.255.0"),
		    .want = "permitted subtree violation" },
		{ "4.2.1.10 IPv6 where an IPv4 network is permitted", LEAF,
		    .bad = { SAN("IP:2001:db8::1") }, .good = { SAN("IP:192.0.2.1") },
		    NC("permitted;IP:192.0.2.0/255.255.255.0"),
		    .want = "permitted subtree violation" },
		{ "4.2.1.10 iPAddress in an excluded network", LEAF,
		    .bad = { SAN("IP:192.0.2.129") }, .good = { SAN("IP:192.0.2.127") },
		    NC("excluded;IP:192.0.2.128/255.255.255.128"),
		    .want = "excluded subtree violation" },
		{ "4.2.1.10 subject outside the permitted names", LEAF,
		    .bad = { { .subject = "O=Other,CN=a" } },
		    .good = { { .subject = "O=Corp,CN=a" } },
		    NC("DER:3017a0153013a411300f310d300b060355040a0c04436f7270"),
		    .want = "permitted subtree violation" },
		{ "4.2.1.10 an otherName under a constraint on its kind", LEAF,
		    .bad = { SAN("otherName:1.2.3.4;UTF8:a") }, .good = { SAN("DNS:corp.example") },
		    NC("excluded;otherName:1.2.3.4;UTF8:b"), .want = "unsupported name" },
		{ "6.1.3 (b) an intermediate's own name outside", LOWER,
		    .bad = { SAN("DNS:ca.evil.example") }, .good = { SAN("DNS:ca.corp.example") },
		    .also = UPPER,
		    .also_spec = { .ext = { "nameConstraints=critical,permitted;DNS:corp."
					    "example" } },
		    .want = "permitted subtree violation" },
		{ "6.1.3 (b) constraints of the anchor", LEAF, .bad = { SAN("DNS:evil.example") },
		    .good = { SAN("DNS:corp.example") }, .also = ROOT,
		    .also_spec = { .ext = { "nameConstraints=critical,permitted;DNS:corp."
					    "example" } },
		    .want = "permitted subtree violation" },
	};

	(void)state;
	all_refused(rows);
}

/* Section 4.2.1.10: the constraints themselves. */
static void
constraints_have_their_forms(void **state)
{
	static const struct badchain rows[] = {
		{ "4.2.1.10 not critical", LOWER,
		    .bad = { EXT("nameConstraints=permitted;DNS:corp.example") },
		    .good = { NC_EXT("permitted;DNS:corp.example") },
		    .want = "name constraints are not marked critical" },
		{ "4.2.1.10 in a leaf", LEAF, .bad = { NC_EXT("permitted;DNS:corp.example") },
		    .want = "name constraints in a certificate that is no CA's" },
		{ "4.2.1.10 without a subtree", LOWER, .bad = { NC_EXT("DER:3000") },
		    .good = { NC_EXT("permitted;DNS:corp.example") },
		    .want = "extension is empty" },
		{ "4.2.1.10 with an empty list of subtrees", LOWER,
		    .bad = { NC_EXT("DER:3002a000") },
		    .good = { NC_EXT("permitted;DNS:corp.example") }, .want = "that are empty" },
		{ "4.2.1.10 a minimum other than 0", LOWER,
		    .bad = { NC_EXT("DER:300aa1083006820161800101") },
		    .good = { NC_EXT("DER:3007a1053003820161") }, .want = "minimum or maximum" },
		{ "4.2.1.10 a maximum", LOWER, .bad = { NC_EXT("DER:300aa1083006820161810101") },
		    .good = { NC_EXT("DER:3007a1053003820161") }, .want = "minimum or maximum" },
		{ "4.2.1.10 a dNSName with a dot in front", LOWER,
		    .bad = { NC_EXT("permitted;DNS:.corp.example") },
		    .good = { NC_EXT("permitted;DNS:corp.example") },
		    LEAF_HAS("DNS:a.corp.example"), .want = "no meaning" },
		{ "4.2.1.10 a dNSName with a star", LOWER,
		    .bad = { NC_EXT("excluded;DNS:*.corp.example") },
		    .good = { NC_EXT("excluded;DNS:corp.example") }, LEAF_HAS("DNS:a.example"),
		    .want = "no meaning" },
		{ "4.2.1.10 a network of 7 octets", LOWER,
		    .bad = { NC_EXT("DER:300da10b30098707c0000200ffffff") },
		    .good = { NC_EXT("DER:300ea10c300a8708c0000200ffffff00") },
		    .want = "no meaning" },
		{ "4.2.1.10 a mask with a hole", LOWER,
		    .bad = { NC_EXT("excluded;IP:192.0.2.0/255.0.255.0") },
		    .good = { NC_EXT("excluded;IP:192.0.2.0/255.255.255.0") },
		    .want = "no meaning" },
		{ "4.2.1.10 a URI with a scheme", LOWER,
		    .bad = { NC_EXT("excluded;URI:https://corp.example/") },
		    .good = { NC_EXT("excluded;URI:corp.example") }, .want = "no meaning" },
		{ "4.2.1.10 an rfc822Name with two @", LOWER,
		    .bad = { NC_EXT("excluded;email:a@b@corp.example") },
		    .good = { NC_EXT("excluded;email:a@corp.example") }, .want = "no meaning" },
	};

	(void)state;
	all_refused(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alternative_names_have_their_forms),
		cmocka_unit_test(names_stay_within_constraints),
		cmocka_unit_test(constraints_have_their_forms),
	};

	return cmocka_run_group_tests(tests, bad_chains_setup, bad_chains_teardown);
}
