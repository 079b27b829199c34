/* test_bad_chains_form.c - certificates that break RFC 5280 section 4, one way each */
#include "bad_chains.h"

#define CLIENT .args = { "--purpose", "client" }
/* One edit of the certificate. */
#define EDIT(...) .edit = { { __VA_ARGS__ } }
#define EXT(...)  .spec = { .ext = { __VA_ARGS__ } }

#define ECDSA_SHA256	  "300a06082a8648ce3d040302"
#define ECDSA_SHA256_NULL "300c06082a8648ce3d0403020500"
#define ECDSA_SHA384	  "300a06082a8648ce3d040303"
#define NOT_AFTER	  "0.4.1"
#define EXTENSIONS	  "0.7.0"
/* basicConstraints, keyUsage, extendedKeyUsage, key identifiers: as pki.h has them */
#define KEY_USAGE_VALUE	  "0.7.0.1.2"
#define BASIC_CONSTRAINTS "0.7.0.0"

/* Sections 4.1.1 and 4.1.2.1 to 4.1.2.3, and that all of it is DER. */
static void
a_certificate_has_the_frame_of_one(void **state)
{
	static const struct badchain rows[] = {
		{ "4.1 bytes behind the certificate's three members", LEAF,
		    .bad = { EDIT("", DERTREE_APPEND, "0500") },
		    .want = "leaf.pem: a damaged certificate" },
		{ "4.1 the outer length in more octets than needed", LEAF,
		    .bad = { EDIT("", DERTREE_LONG, "") },
		    .want = "leaf.pem: a damaged certificate" },
		{ "4.1 the outer length is indefinite", LEAF,
		    .bad = { EDIT("", DERTREE_INDEFINITE, "") },
		    .want = "leaf.pem: a damaged certificate" },
		{ "4.1 the validity with a length in more octets than needed", LEAF,
		    .bad = { EDIT("0.4", DERTREE_LONG, "") }, .want = "not encoded in DER" },
		{ "4.1 the subject of indefinite length", LEAF,
		    .bad = { EDIT("0.5", DERTREE_INDEFINITE, "") }, .want = "not encoded in DER" },
		{ "4.1 the same in an intermediate", UPPER,
		    .bad = { EDIT("0.4", DERTREE_LONG, "") }, .want = "not encoded in DER" },
		{ "4.1 the same in the anchor", ROOT, .bad = { EDIT("0.4", DERTREE_LONG, "") },
		    .want = "not encoded in DER" },
		{ "4.1 a BOOLEAN of 1", LEAF,
		    .bad = { EDIT(BASIC_CONSTRAINTS ".1", DERTREE_CONTENT, "01") },
		    .good = { EDIT(BASIC_CONSTRAINTS ".1", DERTREE_CONTENT, "ff") },
		    .want = "not encoded in DER" },
		{ "4.1 a subject's value in pieces", LEAF,
		    .bad = { EDIT("0.5.0.0.1", DERTREE_REPLACE, "2c060c02616c0c00") },
		    .good = { EDIT("0.5.0.0.1", DERTREE_REPLACE, "0c02616c") },
		    .want = "not encoded in DER" },
		{ "4.1 an RDN without an attribute", LEAF,
		    .bad = { EDIT("0.5", DERTREE_APPEND, "3100") }, .want = "not encoded in DER" },
		{ "4.1 attributes of an RDN out of order", LEAF,
		    .bad = { EDIT("0.5.0", DERTREE_REPLACE,
			"311630090603550403"
			"0c02616c"
			"300906035504030c02616b") },
		    .good = { EDIT("0.5.0", DERTREE_REPLACE,
			"311630090603550403"
			"0c02616b"
			"300906035504030c02616c") },
		    .want = "not encoded in DER" },
		{ "4.1 an object identifier with a leading zero", LEAF,
		    .bad = { EDIT("0.5.0.0.0", DERTREE_CONTENT, "5504800b") },
		    .good = { EDIT("0.5.0.0.0", DERTREE_CONTENT, "55040b") },
		    .want = "leaf.pem: a damaged certificate" },
		{ "4.1.1.2 another algorithm outside than inside", LEAF,
		    .bad = { EDIT("1", DERTREE_REPLACE, ECDSA_SHA384) },
		    .good = { EDIT("1", DERTREE_REPLACE, ECDSA_SHA256) },
		    .want = "signature algorithm mismatch" },
		{ "4.1.1.2 parameters where ECDSA has none", LEAF,
		    .bad = { .edit = { { "0.2", DERTREE_REPLACE, ECDSA_SHA256_NULL },
				 { "1", DERTREE_REPLACE, ECDSA_SHA256_NULL } } },
		    .good = { .edit = { { "0.2", DERTREE_REPLACE, ECDSA_SHA256 },
				  { "1", DERTREE_REPLACE, ECDSA_SHA256 } } },
		    .want = "signature algorithm has parameters" },
		{ "4.1.2.1 version 1 with extensions", LEAF,
		    .bad = { EDIT("0.0", DERTREE_REPLACE, "") },
		    .want = "requires at least X509v3" },
		{ "4.1.2.1 version 2", LEAF, .bad = { EDIT("0.0.0", DERTREE_CONTENT, "01") },
		    .good = { EDIT("0.0.0", DERTREE_CONTENT, "02") },
		    .want = "requires at least X509v3" },
		{ "4.1.2.1 version 4", LEAF, .bad = { EDIT("0.0.0", DERTREE_CONTENT, "03") },
		    .good = { EDIT("0.0.0", DERTREE_CONTENT, "02") },
		    .want = "not a certificate of version 3" },
		{ "4.1.2.1 an intermediate of version 1", LOWER, .bad = { { .version = 1 } },
		    .also_spec = { .ext = { "authorityKeyIdentifier=DER:3004800201"
					    "02" } },
		    .good = { EXT("subjectKeyIdentifier=01:02") }, .want = "invalid CA" },
		{ "4.1.2.2 serial number 0", LEAF, .bad = { { .serial = "00" } },
		    .good = { { .serial = "01" } }, .want = "serial number is 0" },
		{ "4.1.2.2 serial number of 21 octets", LEAF,
		    .bad = { { .serial = "80FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" } },
		    .good = { { .serial = "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" } },
		    .want = "more than 20 octets" },
		{
		    "4.1.2.2 the same in an intermediate",
		    LOWER,
		    .bad = { { .serial = "0100FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" } },
		    .good = { { .serial = "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" } },
		    .want = "more than 20 octets",
		},
		{ "4.1.2.2 a negative serial number in whoever is mapped", LEAF,
		    .bad = { { .serial = "-01" } }, .good = { { .serial = "01" } }, CLIENT,
		    .want = "negative" },
		{ "4.1.2.2 a serial number with a leading zero", LEAF,
		    .bad = { EDIT("0.1", DERTREE_CONTENT, "0001") },
		    .good = { EDIT("0.1", DERTREE_CONTENT, "0080") },
		    .want = "leaf.pem: a damaged certificate" },
		{ "4.1.2.2 a serial number without octets", LEAF,
		    .bad = { EDIT("0.1", DERTREE_CONTENT, "") },
		    .good = { EDIT("0.1", DERTREE_CONTENT, "01") },
		    .want = "leaf.pem: a damaged certificate" },
	};

	(void)state;
	all_refused(rows);
}

/* Sections 4.1.2.4 to 4.1.2.9. */
static void
times_names_and_keys_have_their_forms(void **state)
{
	static const struct badchain rows[] = {
		{ "4.1.2.4 an issuer without a name", LOWER, .bad = { { .subject = "" } },
		    .want = "leaf \"CN=leaf\": Issuer name empty" },
		{ "4.1.2.5.1 UTCTime without seconds", LEAF,
		    .bad = { EDIT(NOT_AFTER, DERTREE_REPLACE, "170b343931323331323335395a") },
		    .good = { EDIT(NOT_AFTER, DERTREE_REPLACE, "170d3439313233313233353935395a") },
		    .want = "notAfter", .or = "leaf.pem: a damaged certificate" },
		{ "4.1.2.5.1 UTCTime with an offset", LEAF,
		    .bad = { EDIT(
			NOT_AFTER, DERTREE_REPLACE, "17113439313233313233353935392b30303030") },
		    .good = { EDIT(NOT_AFTER, DERTREE_REPLACE, "170d3439313233313233353935395a") },
		    .want = "notAfter" },
		{ "4.1.2.5.1 UTCTime without Z", LEAF,
		    .bad = { EDIT(NOT_AFTER, DERTREE_REPLACE, "170c343931323331323335393539") },
		    .good = { EDIT(NOT_AFTER, DERTREE_REPLACE, "170d3439313233313233353935395a") },
		    .want = "notAfter", .or = "leaf.pem: a damaged certificate" },
		{ "4.1.2.5.2 GeneralizedTime with a fraction", LEAF,
		    .bad = { EDIT(
			NOT_AFTER, DERTREE_REPLACE, "181132303530313233313233353935392e355a") },
		    .good = { EDIT(
			NOT_AFTER, DERTREE_REPLACE, "180f32303530313233313233353935395a") },
		    .want = "notAfter" },
		{ "4.1.2.5 the 31st of February", LEAF,
		    .bad = { EDIT(NOT_AFTER, DERTREE_REPLACE, "170d3439303233313233353935395a") },
		    .good = { EDIT(NOT_AFTER, DERTREE_REPLACE, "170d3439303232383233353935395a") },
		    .want = "notAfter" },
		{ "4.1.2.5 a time that is a string", LEAF,
		    .bad = { EDIT(NOT_AFTER, DERTREE_TAG, "13") },
		    .good = { EDIT(NOT_AFTER, DERTREE_TAG, "17") },
		    .want = "leaf.pem: a damaged certificate" },
		{ "4.1.2.6 no subject and no name besides", LEAF, .bad = { { .subject = "" } },
		    .good = { { .subject = "",
			.ext = { "subjectAltName=critical,email:a@corp.example" } } },
		    .want = "Subject" },
		{ "4.1.2.6 no subject, and a subjectAltName that is not critical", LEAF,
		    .bad = { { .subject = "", .ext = { "subjectAltName=email:a@corp.example" } } },
		    .good = { { .subject = "",
			.ext = { "subjectAltName=critical,email:a@corp.example" } } },
		    .want = "Subject empty and Subject Alt Name extension not critical" },
		{ "4.1.2.6 a control character in the subject", LEAF,
		    .bad = { { .subject = "CN=ali\nce" } }, .good = { { .subject = "CN=alice" } },
		    .want = "control character" },
		{ "4.1.2.6 the same in an intermediate", LOWER,
		    .bad = { { .subject = "CN=lo\nwer" } }, .want = "control character" },
		{ "4.1.2.6 two CNs where names are mapped", LEAF,
		    .bad = { { .subject = "CN=alice,CN=bob" } },
		    .good = { { .subject = "CN=alice,OU=bob" } }, CLIENT,
		    .want = "more than one CN" },
		{ "4.1.2.6 a TeletexString where names are mapped", LEAF,
		    .bad = { EDIT("0.5.0.0.1", DERTREE_TAG, "14") },
		    .good = { EDIT("0.5.0.0.1", DERTREE_TAG, "13") }, CLIENT,
		    .want = "ASN.1 type 20" },
		{ "4.1.2.7 RSA of 1024 bits", LEAF, .bad = { { .key_kind = PKI_RSA1024 } },
		    .good = { { .key_kind = PKI_RSA2048 } }, .want = "less than 2048 bits" },
		{ "4.1.2.7 the same in an intermediate", LOWER,
		    .bad = { { .key_kind = PKI_RSA1024 } }, .good = { { .key_kind = PKI_RSA2048 } },
		    .want = "less than 2048 bits" },
		{ "4.1.2.7 the same in the anchor", ROOT, .bad = { { .key_kind = PKI_RSA1024 } },
		    .good = { { .key_kind = PKI_RSA2048 } }, .want = "less than 2048 bits" },
		{ "4.1.2.7 P-224", LEAF, .bad = { { .key_kind = PKI_P224 } },
		    .good = { { .key_kind = PKI_P384 } }, .want = "elliptic curve other than" },
		{ "4.1.2.7 secp256k1", UPPER, .bad = { { .key_kind = PKI_SECP256K1 } },
		    .good = { { .key_kind = PKI_P521 } }, .want = "elliptic curve other than" },
		{ "4.1.2.7 a curve written as parameters", LEAF,
		    .bad = { { .key_kind = PKI_P256_EXPLICIT } }, .want = "explicit ECC param" },
		{ "4.1.2.7 DSA", LEAF, .bad = { { .key_kind = PKI_DSA2048 } },
		    .good = { { .key_kind = PKI_ED25519 } }, .want = "kind that is not taken" },
		{ "4.1.2.7 an RSA key without its NULL", LEAF,
		    .bad = { { .key_kind = PKI_RSA2048 }, EDIT("0.6.0.1", DERTREE_REPLACE, "") },
		    .good = { { .key_kind = PKI_RSA2048 } },
		    .want = "RSA key has parameters other than NULL" },
		{ "4.1.2.7 a key of an unknown algorithm", LEAF,
		    .bad = { EDIT("0.6.0.0", DERTREE_CONTENT, "2a0304") },
		    .want = "public key cannot be read" },
		{ "4.1.1.2 SHA-1", LEAF, .bad = { { .digest = "SHA1" } },
		    .good = { { .digest = "SHA512" } }, .want = "SHA-1 signature" },
		{ "4.1.1.2 SHA-224 on an intermediate", LOWER, .bad = { { .digest = "SHA224" } },
		    .good = { { .digest = "SHA384" } }, .want = "digest that is not taken" },
		{ "4.1.1.2 SHA-1 on the intermediate below the anchor", UPPER,
		    .bad = { { .digest = "SHA1" } }, .good = { { .digest = "SHA256" } },
		    .want = "SHA-1 signature" },
	};

	(void)state;
	all_refused(rows);
}

/* Section 4.2: what holds for every extension. */
static void
extensions_are_known_whole_and_there_once(void **state)
{
	static const struct badchain rows[] = {
		{ "4.2 an unknown critical extension in the leaf", LEAF,
		    .bad = { EXT("1.2.3.4=critical,DER:0500") },
		    .good = { EXT("1.2.3.4=DER:0500") }, .want = "unhandled critical extension" },
		{ "4.2 in the lower intermediate", LOWER,
		    .bad = { EXT("1.2.3.4=critical,DER:0500") },
		    .good = { EXT("1.2.3.4=DER:0500") }, .want = "unhandled critical extension" },
		{ "4.2 in the upper intermediate", UPPER,
		    .bad = { EXT("1.2.3.4=critical,DER:0500") },
		    .good = { EXT("1.2.3.4=DER:0500") }, .want = "unhandled critical extension" },
		{ "4.2 in the anchor", ROOT, .bad = { EXT("1.2.3.4=critical,DER:0500") },
		    .good = { EXT("1.2.3.4=DER:0500") }, .want = "unhandled critical extension" },
		{ "4.2 a critical extension of this RFC's arc that none defines", LEAF,
		    .bad = { EXT("2.5.29.99=critical,DER:0500") },
		    .good = { EXT("2.5.29.99=DER:0500") }, .want = "unhandled critical" },
		{ "4.2 an extension twice", LEAF,
		    .bad = { EXT("extendedKeyUsage=clientAuth", "+extendedKeyUsage=serverAuth") },
		    .good = { EXT("extendedKeyUsage=clientAuth,serverAuth") },
		    .want = "malformed or stands twice" },
		{ "4.2 an unknown extension twice", LEAF,
		    .bad = { EXT("1.2.3.4=DER:0500", "+1.2.3.4=DER:0500") },
		    .good = { EXT("1.2.3.4=DER:0500", "1.2.3.5=DER:0500") },
		    .want = "stands twice" },
		{ "4.2 the same in an intermediate", UPPER,
		    .bad = { EXT("1.2.3.4=DER:0500", "+1.2.3.4=DER:0500") },
		    .good = { EXT("1.2.3.4=DER:0500", "1.2.3.5=DER:0500") },
		    .want = "stands twice" },
		{ "4.2 bytes behind an extension's value", LEAF,
		    .bad = { EXT("keyUsage=critical,DER:030207800500") },
		    .good = { EXT("keyUsage=critical,DER:03020780") }, .want = "malformed" },
		{ "4.2 an extension's value with a length in too many octets", LEAF,
		    .bad = { EXT("subjectAltName=DER:308105"
				 "8103614062") },
		    .good = { EXT("subjectAltName=DER:30058103614062") },
		    .want = "malformed (not DER)" },
		{ "4.2 bits set in the padding of a key usage", LEAF,
		    .bad = { EXT("keyUsage=critical,DER:03020781") },
		    .good = { EXT("keyUsage=critical,DER:03020780") },
		    .want = "malformed (not DER)" },
		{ "4.2 a value that is cut", LEAF, .bad = { EXT("extendedKeyUsage=DER:300a0608") },
		    .want = "malformed" },
	};

	(void)state;
	all_refused(rows);
}

#define ID_1234 "subjectKeyIdentifier=01:02:03:04"
#define AKI	"authorityKeyIdentifier=DER:"

/* Sections 4.2.1.1 to 4.2.1.5 and 4.2.1.7 to 4.2.2.2; 4.2.1.6 and 4.2.1.10 in _names. */
static void
each_extension_has_its_form(void **state)
{
	static const struct badchain rows[] = {
		{ "4.2.1.1 no authority key identifier in the leaf", LEAF,
		    .bad = { EXT("authorityKeyIdentifier=") },
		    .want = "Missing Authority Key Identifier" },
		{ "4.2.1.1 nor in an intermediate", UPPER,
		    .bad = { EXT("authorityKeyIdentifier=") },
		    .want = "Missing Authority Key Identifier" },
		{ "4.2.1.1 an empty one", LEAF, .bad = { EXT(AKI "3000") },
		    .want = "Missing Authority Key Identifier" },
		{ "4.2.1.1 one with a serial number and no key", LEAF,
		    .bad = { EXT(AKI "3003820101") }, .also = LOWER,
		    .also_spec = { .serial = "01", .ext = { ID_1234 } },
		    .want = "Missing Authority Key Identifier" },
		{ "4.2.1.1 one with serial number, but no issuer", LEAF,
		    .bad = { EXT(AKI "3009800401020304820101") },
		    .good = { EXT(AKI "3006800401020304") }, .also = LOWER,
		    .also_spec = { .serial = "01", .ext = { ID_1234 } },
		    .want = "one of issuer and serial number only" },
		{ "4.2.1.1 one that is critical", LEAF,
		    .bad = { EXT("authorityKeyIdentifier=critical,keyid") },
		    .want = "unhandled critical extension" },
		{ "4.2.1.1 one of another key", LEAF, .bad = { EXT(AKI "3006800401020305") },
		    .good = { EXT(AKI "3006800401020304") }, .also = LOWER,
		    .also_spec = { .ext = { ID_1234 } }, .want = "with another key only" },
		{ "4.2.1.2 a CA without subject key identifier", LOWER,
		    .bad = { EXT("subjectKeyIdentifier=") },
		    .good = { EXT("subjectKeyIdentifier=01:02") },
		    .also_spec = { .ext = { AKI "3004800201"
						"02" } },
		    .want = "Missing Subject Key Identifier" },
		{ "4.2.1.2 one that is critical", LEAF,
		    .bad = { EXT("subjectKeyIdentifier=critical,hash") },
		    .want = "unhandled critical extension" },
		{ "4.2.1.3 a CA that may not sign certificates", LOWER,
		    .bad = { EXT("keyUsage=critical,cRLSign") },
		    .good = { EXT("keyUsage=critical,keyCertSign") }, .want = "invalid CA" },
		{ "4.2.1.3 the same above it", UPPER, .bad = { EXT("keyUsage=critical,cRLSign") },
		    .good = { EXT("keyUsage=") }, .want = "invalid CA" },
		{ "4.2.1.3 an anchor that may not", ROOT,
		    .bad = { EXT("keyUsage=critical,cRLSign") },
		    .good = { EXT("keyUsage=critical,keyCertSign") },
		    .want = "root.pem: \"CN=root\" cannot be an anchor" },
		{ "4.2.1.3 a leaf that may sign certificates", LEAF,
		    .bad = { EXT("keyUsage=critical,digitalSignature,keyCertSign") },
		    .want = "keyCertSign invalid for non-CA" },
		{ "4.2.1.3 key usage without a bit", LEAF,
		    .bad = { EXT("keyUsage=critical,DER:030100") }, .want = "malformed" },
		{ "4.2.1.3 a leaf whose key may not sign, to log in with", LEAF,
		    .bad = { EXT("keyUsage=critical,keyEncipherment") },
		    .good = { EXT("keyUsage=critical,digitalSignature") }, CLIENT,
		    .want = "leaves out digitalSignature" },
		{ "4.2.1.4 no policy in certificatePolicies", LEAF,
		    .bad = { EXT("certificatePolicies=DER:3000") },
		    .good = { EXT("certificatePolicies=1.2.3.4") },
		    .want = "an extension is empty" },
		{ "4.2.1.4 a policy twice", LEAF,
		    .bad = { EXT("certificatePolicies=1.2.3.4,1.2.3.4") },
		    .good = { EXT("certificatePolicies=1.2.3.4,1.2.3.5") },
		    .want = "policy extension" },
		{ "4.2.1.4 a critical qualifier that nobody knows", LEAF,
		    .bad = { EXT("certificatePolicies=critical,DER:"
				 "3012301006032a030430093007"
				 "06032a03050500") },
		    .good = { EXT("certificatePolicies=DER:"
				  "3012301006032a030430093007"
				  "06032a03050500") },
		    .want = "qualifier" },
		{ "4.2.1.4 certificatePolicies that do not parse", LEAF,
		    .bad = { EXT("certificatePolicies=DER:30020500") },
		    .want = "certificate policy extension" },
		{ "4.2.1.5 no mapping in policyMappings", LOWER,
		    .bad = { EXT("policyMappings=critical,DER:3000") },
		    .good = { EXT(
			"certificatePolicies=1.2.3.4", "policyMappings=critical,1.2.3.4:1.2.3.5") },
		    .want = "an extension is empty" },
		{ "4.2.1.5 anyPolicy is mapped", LOWER,
		    .bad = { EXT("certificatePolicies=1.2.3.4",
			"policyMappings=critical,2.5.29.32.0:1.2.3.5") },
		    .good = { EXT(
			"certificatePolicies=1.2.3.4", "policyMappings=critical,1.2.3.4:1.2.3.5") },
		    .want = "policy extension" },
		{ "4.2.1.7 an empty issuerAltName", LEAF, .bad = { EXT("issuerAltName=DER:3000") },
		    .good = { EXT("issuerAltName=DER:30058103614062") },
		    .want = "an extension is empty" },
		{ "4.2.1.7 an issuerAltName that does not parse", LOWER,
		    .bad = { EXT("issuerAltName=DER:30020500") },
		    .good = { EXT("issuerAltName=DER:30058103614062") },
		    .want = "an extension is malformed" },
		{ "4.2.1.8 empty subjectDirectoryAttributes", LEAF,
		    .bad = { EXT("2.5.29.9=DER:3000") },
		    .good = { EXT("2.5.29.9=DER:300b3009"
				  "06032a030431020500") },
		    .want = "an extension is empty" },
		{ "4.2.1.8 critical ones", LEAF,
		    .bad = { EXT("2.5.29.9=critical,DER:300b3009"
				 "06032a030431020500") },
		    .good = { EXT("2.5.29.9=DER:300b3009"
				  "06032a030431020500") },
		    .want = "unhandled critical extension" },
		{ "4.2.1.9 an issuer that is no CA", LOWER,
		    .bad = { EXT("basicConstraints=critical,CA:FALSE") },
		    .good = { EXT("basicConstraints=critical,CA:TRUE") }, .want = "invalid CA" },
		{ "4.2.1.9 the same above it", UPPER,
		    .bad = { EXT("basicConstraints=critical,CA:FALSE") },
		    .good = { EXT("basicConstraints=critical,CA:TRUE") }, .want = "invalid CA" },
		{ "4.2.1.9 an issuer that does not say that it is a CA", LOWER,
		    .bad = { EXT("basicConstraints=") }, .want = "invalid CA" },
		{ "4.2.1.9 one that says so in passing", LOWER,
		    .bad = { EXT("basicConstraints=CA:TRUE") },
		    .good = { EXT("basicConstraints=critical,CA:TRUE") },
		    .want = "not marked critical" },
		{ "4.2.1.9 the same in the anchor", ROOT,
		    .bad = { EXT("basicConstraints=CA:TRUE") },
		    .good = { EXT("basicConstraints=critical,CA:TRUE") },
		    .want = "not marked critical" },
		{ "4.2.1.9 a path length in a leaf", LEAF,
		    .bad = { EXT("basicConstraints=critical,CA:FALSE,pathlen:1") },
		    .want = "Path length invalid" },
		{ "4.2.1.9 a path length below 0", LOWER,
		    .bad = { EXT("basicConstraints=critical,DER:30060101ff0201ff") },
		    .good = { EXT("basicConstraints=critical,DER:30060101ff020100") },
		    .want = "leaf \"CN=leaf\": its issuer \"CN=lower\" is here, but with an "
			    "extension that is malformed" },
		{ "4.2.1.11 empty policyConstraints", LOWER,
		    .bad = { EXT("policyConstraints=critical,DER:3000") },
		    .good = { EXT("certificatePolicies=1.2.3.4",
			"policyConstraints=critical,requireExplicitPolicy:9") },
		    .want = "certificate policy extension" },
		{ "4.2.1.11 policyConstraints that are not critical", LOWER,
		    .bad = { EXT("certificatePolicies=1.2.3.4",
			"policyConstraints=requireExplicitPolicy:9") },
		    .good = { EXT("certificatePolicies=1.2.3.4",
			"policyConstraints=critical,requireExplicitPolicy:9") },
		    .want = "policy constraints are not marked critical" },
		{ "4.2.1.12 no purpose in extendedKeyUsage", LEAF,
		    .bad = { EXT("extendedKeyUsage=DER:3000") },
		    .good = { EXT("extendedKeyUsage=clientAuth") },
		    .want = "an extension is empty" },
		{ "4.2.1.12 the same in an intermediate", UPPER,
		    .bad = { EXT("extendedKeyUsage=DER:3000") },
		    .good = { EXT("extendedKeyUsage=clientAuth") },
		    .want = "an extension is empty" },
		{ "4.2.1.13 no point in cRLDistributionPoints", LEAF,
		    .bad = { EXT("crlDistributionPoints=DER:3000") },
		    .good = { EXT("crlDistributionPoints=URI:http://crl.example/") },
		    .want = "an extension is empty" },
		{ "4.2.1.13 a point of reasons alone", LEAF,
		    .bad = { EXT("crlDistributionPoints=DER:3006300481020640") },
		    .good = { EXT("crlDistributionPoints=URI:http://crl.example/") },
		    .want = "an extension is malformed" },
		{ "4.2.1.14 inhibitAnyPolicy that is not critical", UPPER,
		    .bad = { EXT("inhibitAnyPolicy=1") },
		    .good = { EXT("inhibitAnyPolicy=critical,1") },
		    .want = "inhibitAnyPolicy is not marked critical" },
		{ "4.2.1.15 a critical freshestCRL", LEAF,
		    .bad = { EXT("freshestCRL=critical,URI:http://crl.example/") },
		    .good = { EXT("freshestCRL=URI:http://crl.example/") },
		    .want = "unhandled critical extension" },
		{ "4.2.1.15 a freshestCRL of reasons alone", LEAF,
		    .bad = { EXT("freshestCRL=DER:3006300481020640") },
		    .good = { EXT("freshestCRL=URI:http://crl.example/") },
		    .want = "neither a place nor an issuer" },
		{ "4.2.2.1 an empty authorityInfoAccess", LEAF,
		    .bad = { EXT("authorityInfoAccess=DER:3000") },
		    .good = { EXT("authorityInfoAccess=caIssuers;URI:http://ca.example/") },
		    .want = "an extension is empty" },
		{ "4.2.2.1 one that does not parse", LEAF,
		    .bad = { EXT("authorityInfoAccess=DER:0403616263") },
		    .good = { EXT("authorityInfoAccess=caIssuers;URI:http://ca.example/") },
		    .want = "an extension is malformed" },
		{ "4.2.2.1 one that is critical", LEAF,
		    .bad = { EXT("authorityInfoAccess=critical,caIssuers;URI:http://ca.example/") },
		    .good = { EXT("authorityInfoAccess=caIssuers;URI:http://ca.example/") },
		    .want = "unhandled critical extension" },
		{ "4.2.2.2 a subjectInfoAccess that does not parse", LOWER,
		    .bad = { EXT("subjectInfoAccess=DER:30020500") },
		    .good = { EXT("subjectInfoAccess=caRepository;URI:http://ca.example/") },
		    .want = "an extension is malformed" },
	};

	(void)state;
	all_refused(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_has_the_frame_of_one),
		cmocka_unit_test(times_names_and_keys_have_their_forms),
		cmocka_unit_test(extensions_are_known_whole_and_there_once),
		cmocka_unit_test(each_extension_has_its_form),
	};

	return cmocka_run_group_tests(tests, bad_chains_setup, bad_chains_teardown);
}
