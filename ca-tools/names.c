/* names.c - the names that a certificate may carry: checked, then put into a subjectAltName */
#include <assert.h>
#include <arpa/inet.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509_vfy.h>

#include "name_syntax.h"
#include "names.h"
#include "text.h"

static const struct name_rule {
	const char *word;
	bool (*ok)(const char *s, size_t n);
	const char *allowed;
} rules[] = {
	[NAME_EMAIL] = { "email", syntax_email,
	    "LOCAL@DOMAIN in ASCII, without quotes, comments or blanks, is needed" },
	[NAME_URI] = { "uri", syntax_uri,
	    "an absolute URI in ASCII such as spiffe://corp.example/ops/alice is needed" },
	[NAME_UPN] = { "upn", syntax_upn, "NAME@REALM without blanks or controls is needed" },
	[NAME_DNS] = { "dns", syntax_host,
	    "a host name of letters, digits and hyphens is needed, no address, no wildcard" },
	[NAME_IP] = { "ip", syntax_ip, "an IPv4 or IPv6 address without port or scope is needed" },
};

const char *
name_word(enum name_type type)
{
	return rules[type].word;
}

bool
name_is_dns(const char *s)
{
	return syntax_host(s, strlen(s));
}

bool
name_is_ip(const char *s)
{
	return syntax_ip(s, strlen(s));
}

int
name_check_cn(const char *cn, struct err *e)
{
	size_t n = strlen(cn);
	char shown[200];

	if (n == 0)
		return err_set(e, ERR_FORMAT, "the name is empty: a certificate says who holds it");
	text_escape(shown, sizeof(shown), cn, n);
	if (!syntax_printable(cn, n))
		return err_set(e, ERR_FORMAT,
		    "the name \"%s\": printable UTF-8 without \\ and \" "
		    "is needed",
		    shown);
	if (cn[0] == ' ' || cn[n - 1] == ' ')
		return err_set(e, ERR_FORMAT, "the name \"%s\": there is a blank at an end", shown);
	if (syntax_characters(cn, n) > 64)
		return err_set(e, ERR_FORMAT, "the name \"%s\": has %zu characters, 64 are allowed",
		    shown, syntax_characters(cn, n));
	return 0;
}

/* An ASN.1 string of `type` in place of `gn`'s value. 1, or 0 when out of memory. */
static int
name_string(GENERAL_NAME *gn, int gen_type, int type, const void *p, size_t n)
{
	ASN1_STRING *s = ASN1_STRING_type_new(type);

	if (s == NULL || ASN1_STRING_set(s, p, (int)n) != 1) {
		ASN1_STRING_free(s);
		return 0;
	}
	GENERAL_NAME_set0_value(gn, gen_type, s);
	return 1;
}

static int
name_upn(GENERAL_NAME *gn, const char *value)
{
	ASN1_OBJECT *oid = OBJ_nid2obj(NID_ms_upn);
	ASN1_TYPE *any = ASN1_TYPE_new();
	ASN1_UTF8STRING *s = ASN1_UTF8STRING_new();

	if (any == NULL || s == NULL || ASN1_STRING_set(s, value, (int)strlen(value)) != 1) {
		ASN1_TYPE_free(any);
		ASN1_UTF8STRING_free(s);
		return 0;
	}
	ASN1_TYPE_set(any, V_ASN1_UTF8STRING, s);
	if (GENERAL_NAME_set0_othername(gn, oid, any) == 1)
		return 1;
	ASN1_TYPE_free(any);
	return 0;
}

static int
name_ip(GENERAL_NAME *gn, const char *value)
{
	unsigned char addr[16];

	if (inet_pton(AF_INET, value, addr) == 1)
		return name_string(gn, GEN_IPADD, V_ASN1_OCTET_STRING, addr, 4);
	if (inet_pton(AF_INET6, value, addr) == 1)
		return name_string(gn, GEN_IPADD, V_ASN1_OCTET_STRING, addr, 16);
	return 0;
}

static GENERAL_NAME *
name_make(enum name_type type, const char *value)
{
	GENERAL_NAME *gn = GENERAL_NAME_new();
	size_t n = strlen(value);
	int ok = 0;

	if (gn == NULL)
		return NULL;
	switch (type) {
	case NAME_EMAIL:
		ok = name_string(gn, GEN_EMAIL, V_ASN1_IA5STRING, value, n);
		break;
	case NAME_URI:
		ok = name_string(gn, GEN_URI, V_ASN1_IA5STRING, value, n);
		break;
	case NAME_DNS:
		ok = name_string(gn, GEN_DNS, V_ASN1_IA5STRING, value, n);
		break;
	case NAME_UPN:
		ok = name_upn(gn, value);
		break;
	case NAME_IP:
		ok = name_ip(gn, value);
		break;
	}
	if (ok == 1)
		return gn;
	GENERAL_NAME_free(gn);
	return NULL;
}

static bool
names_have(const GENERAL_NAMES *list, const GENERAL_NAME *gn)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++)
		if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(list, i), (GENERAL_NAME *)gn) == 0)
			return true;
	return false;
}

int
names_add(GENERAL_NAMES **list, enum name_type type, const char *value, struct err *e)
{
	GENERAL_NAME *gn;
	char shown[160];

	if (!rules[type].ok(value, strlen(value)))
		return err_set(e, ERR_FORMAT, "--%s \"%s\": %s", rules[type].word,
		    text_escape(shown, sizeof(shown), value, strlen(value)), rules[type].allowed);
	if (*list == NULL && (*list = sk_GENERAL_NAME_new_null()) == NULL)
		return err_nomem(e, "names");
	if (sk_GENERAL_NAME_num(*list) >= NAMES_MAX)
		return err_set(e, ERR_FORMAT, "more than %d names for one certificate", NAMES_MAX);
	if ((gn = name_make(type, value)) == NULL)
		return err_nomem(e, "names");
	if (names_have(*list, gn)) {
		GENERAL_NAME_free(gn);
		return 0;
	}
	if (sk_GENERAL_NAME_push(*list, gn) <= 0) {
		GENERAL_NAME_free(gn);
		return err_nomem(e, "names");
	}
	return 0;
}

static int
permit_check(enum name_type type, const char *value, struct err *e)
{
	const char *host = value;
	char shown[160];
	size_t n = strlen(value);

	if (type != NAME_DNS && value[0] == '.')
		host++;
	if (syntax_host(host, strlen(host)) || (type == NAME_EMAIL && syntax_email(value, n)))
		return 0;
	return err_set(e, ERR_FORMAT, "--permit-%s \"%s\": %s is needed", rules[type].word,
	    text_escape(shown, sizeof(shown), value, n),
	    type == NAME_DNS   ? "a domain like corp.example (which permits all below it too)"
	    : type == NAME_URI ? "a host, or .DOMAIN for all hosts below it"
			       : "a mailbox, a host, or .DOMAIN for all hosts below it");
}

int
names_permit(NAME_CONSTRAINTS **nc, enum name_type type, const char *value, struct err *e)
{
	static const int gen[] = {
		[NAME_EMAIL] = GEN_EMAIL, [NAME_URI] = GEN_URI, [NAME_DNS] = GEN_DNS
	};
	GENERAL_SUBTREE *tree;

	assert(type == NAME_EMAIL || type == NAME_URI || type == NAME_DNS);
	if (permit_check(type, value, e) == -1)
		return -1;
	if (*nc == NULL && (*nc = NAME_CONSTRAINTS_new()) == NULL)
		return err_nomem(e, "name constraints");
	if ((*nc)->permittedSubtrees == NULL &&
	    ((*nc)->permittedSubtrees = sk_GENERAL_SUBTREE_new_null()) == NULL)
		return err_nomem(e, "name constraints");
	if (sk_GENERAL_SUBTREE_num((*nc)->permittedSubtrees) >= NAMES_MAX)
		return err_set(e, ERR_FORMAT, "more than %d permitted names", NAMES_MAX);
	if ((tree = GENERAL_SUBTREE_new()) == NULL ||
	    name_string(tree->base, gen[type], V_ASN1_IA5STRING, value, strlen(value)) != 1 ||
	    sk_GENERAL_SUBTREE_push((*nc)->permittedSubtrees, tree) <= 0) {
		GENERAL_SUBTREE_free(tree);
		return err_nomem(e, "name constraints");
	}
	return 0;
}

char *
names_permitted(const NAME_CONSTRAINTS *nc, char *dst, size_t size)
{
	size_t o = 0;

	dst[0] = '\0';
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(nc->permittedSubtrees) && o < size; i++) {
		const GENERAL_SUBTREE *t = sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i);
		enum name_type type;
		char text[300];

		if (name_read(t->base, &type, text, sizeof(text)))
			o += (size_t)snprintf(dst + o, size - o, "%s%s %s", o == 0 ? "" : ", ",
			    rules[type].word, text);
	}
	return dst;
}

/* Whether OpenSSL's own judge permits this one name: asked of a certificate with no other. */
static bool
name_permitted(const GENERAL_NAME *gn, NAME_CONSTRAINTS *nc)
{
	X509 *cert = X509_new();
	GENERAL_NAMES *one = sk_GENERAL_NAME_new_null();
	bool ok = true;

	if (cert != NULL && one != NULL && sk_GENERAL_NAME_push(one, (GENERAL_NAME *)gn) > 0 &&
	    X509_add1_ext_i2d(cert, NID_subject_alt_name, one, 0, X509V3_ADD_APPEND) == 1) {
		/* its result does not matter: it makes OpenSSL look at the extensions */
		(void)X509_check_purpose(cert, -1, 0);
		ok = NAME_CONSTRAINTS_check(cert, nc) == X509_V_OK;
	}
	ERR_clear_error();
	sk_GENERAL_NAME_free(one); /* the name itself is the caller's */
	X509_free(cert);
	return ok;
}

char *
names_refused(const GENERAL_NAMES *names, NAME_CONSTRAINTS *nc, char *dst, size_t size)
{
	enum name_type type;
	char text[2100];

	dst[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *gn = sk_GENERAL_NAME_value(names, i);

		if (!name_permitted(gn, nc) && name_read(gn, &type, text, sizeof(text))) {
			(void)snprintf(dst, size, "%s %s", rules[type].word, text);
			break;
		}
	}
	return dst;
}

static bool
name_copy(const ASN1_STRING *s, char *dst, size_t size)
{
	int n = ASN1_STRING_length(s);
	const unsigned char *p = ASN1_STRING_get0_data(s);

	if (n < 0 || (size_t)n >= size || (n > 0 && memchr(p, '\0', (size_t)n) != NULL))
		return false;
	if (n > 0)
		memcpy(dst, p, (size_t)n);
	dst[n] = '\0';
	return true;
}

bool
name_read(const GENERAL_NAME *gn, enum name_type *type, char *dst, size_t size)
{
	const OTHERNAME *other;
	int n;

	switch (gn->type) {
	case GEN_EMAIL:
		*type = NAME_EMAIL;
		return name_copy(gn->d.rfc822Name, dst, size);
	case GEN_URI:
		*type = NAME_URI;
		return name_copy(gn->d.uniformResourceIdentifier, dst, size);
	case GEN_DNS:
		*type = NAME_DNS;
		return name_copy(gn->d.dNSName, dst, size);
	case GEN_IPADD:
		*type = NAME_IP;
		n = ASN1_STRING_length(gn->d.iPAddress);
		return (n == 4 || n == 16) &&
		       inet_ntop(n == 4 ? AF_INET : AF_INET6,
			   ASN1_STRING_get0_data(gn->d.iPAddress), dst, (socklen_t)size) != NULL;
	case GEN_OTHERNAME:
		*type = NAME_UPN;
		other = gn->d.otherName;
		return OBJ_obj2nid(other->type_id) == NID_ms_upn &&
		       other->value->type == V_ASN1_UTF8STRING &&
		       name_copy(other->value->value.utf8string, dst, size);
	default:
		return false;
	}
}
