/*
 * certpath_names.c - the names in a path: well formed, unambiguous, and within name constraints
 *
 * OpenSSL compares names with constraints (RFC 5280 section 4.2.1.10) as it finds them. It takes
 * the host of "https://evil.example?x.corp.example/" for one below corp.example, reads past a mask
 * with holes, and lets "*.corp.example" by where "secret.corp.example" is excluded. So where a
 * constraint of a kind is in force, names of that kind must have the plain form that leaves one
 * reading only, and the constraint itself too; else the path is refused.
 */
#include <string.h>
#include <strings.h>
#include <openssl/x509v3.h>

#include "certpath_local.h"
#include "identity.h"
#include "x509text.h"

static bool
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A domain name in preferred syntax: labels of letters, digits, "-", "_"; no dot at either end. */
static bool
is_domain(const uint8_t *p, size_t n)
{
	bool at_start = true;

	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.' ? at_start : !is_alnum(p[i]) && p[i] != '-' && p[i] != '_')
			return false;
		at_start = p[i] == '.';
	}
	return !at_start;
}

/*
 * Preferred name syntax (RFC 1034 section 3.5, RFC 1123 section 2.1), as RFC 5280 section 4.2.1.6
 * demands of a dNSName: labels of at most 63 letters, digits and inner "-". A "*." may begin it.
 */
static bool
is_preferred(const uint8_t *p, size_t n)
{
	size_t start = 0;

	if (n > 2 && p[0] == '*' && p[1] == '.') {
		p += 2;
		n -= 2;
	}
	if (!is_domain(p, n) || memchr(p, '_', n) != NULL)
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (i < n && p[i] != '.')
			continue;
		if (p[start] == '-' || p[i - 1] == '-' || i - start > 63)
			return false;
		start = i + 1;
	}
	return true;
}

/* "local@host", whatever the two are made of (RFC 5280 section 4.2.1.6, RFC 2821 "Mailbox") */
static bool
is_mailbox(const uint8_t *p, size_t n)
{
	const uint8_t *at = memrchr(p, '@', n);

	return at != NULL && at > p && at < p + n - 1;
}

/* "scheme:rest" (RFC 3986): not relative, and of something */
static bool
is_absolute_uri(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && (is_alnum(p[i]) || p[i] == '+' || p[i] == '-' || p[i] == '.'))
		i++;
	return i > 0 && i + 1 < n && p[i] == ':' && (p[0] < '0' || p[0] > '9') && is_alnum(p[0]);
}

/* The same, or one that begins with "*." */
static bool
is_plain_dns(const uint8_t *p, size_t n)
{
	if (n > 2 && p[0] == '*' && p[1] == '.')
		return is_domain(p + 2, n - 2);
	return is_domain(p, n);
}

/* One "@", something before it without quotes or blanks, a domain behind it. */
static bool
is_plain_email(const uint8_t *p, size_t n)
{
	const uint8_t *at = memchr(p, '@', n);

	if (at == NULL || at == p || memchr(p, '"', n) != NULL || memchr(p, ' ', n) != NULL ||
	    memchr(p, '\\', n) != NULL)
		return false;
	return is_domain(at + 1, n - (size_t)(at + 1 - p));
}

/* The last label has a letter: what else looks like a domain is an address. */
static bool
is_address(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] >= '0' && p[n - 1] <= '9')
		n--;
	return n == 0 || p[n - 1] == '.';
}

/*
 * "scheme://domain", then the end, "/" or ":digits" and one of these: no user, no literal, and no
 * address, under a constraint a reason to refuse (RFC 5280 section 4.2.1.10).
 */
static bool
is_plain_uri(const uint8_t *p, size_t n)
{
	const uint8_t *colon = memchr(p, ':', n), *host, *end = p + n, *stop;

	if (colon == NULL || colon == p || end - colon < 4 || colon[1] != '/' || colon[2] != '/')
		return false;
	host = stop = colon + 3;
	while (stop < end && *stop != '/' && *stop != ':')
		stop++;
	if (!is_domain(host, (size_t)(stop - host)) || is_address(host, (size_t)(stop - host)))
		return false;
	if (stop < end && *stop == ':') {
		stop++;
		while (stop < end && *stop >= '0' && *stop <= '9')
			stop++;
	}
	return stop == end || *stop == '/';
}

/* A mask is ones, then zeroes (RFC 4632). */
static bool
is_network(const uint8_t *p, size_t n)
{
	bool zero = false;

	if (n != 8 && n != 32)
		return false;
	for (size_t i = n / 2 * 8; i < n * 8; i++) {
		bool bit = (p[i / 8] >> (7 - i % 8) & 1) != 0;

		if (bit && zero)
			return false;
		zero = !bit;
	}
	return true;
}

/* Whether the base of a subtree has a form that RFC 5280 gives a meaning to. */
static bool
is_base(const GENERAL_NAME *g)
{
	int type;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(g, &type);
	const uint8_t *p;
	size_t n;

	/* Of a directoryName every form is one; other types OpenSSL refuses when one is met. */
	if (type != GEN_DNS && type != GEN_EMAIL && type != GEN_URI && type != GEN_IPADD)
		return true;
	p = ASN1_STRING_get0_data(s);
	n = (size_t)ASN1_STRING_length(s);
	switch (type) {
	case GEN_DNS: /* none: every domain */
		return n == 0 || is_domain(p, n);
	case GEN_EMAIL: /* a mailbox, a host, or all hosts below ".domain" */
		if (n > 0 && memchr(p, '@', n) != NULL)
			return is_plain_email(p, n);
		/* fall through */
	case GEN_URI: /* a host, or all hosts below ".domain" */
		return n > 1 && p[0] == '.' ? is_domain(p + 1, n - 1) : is_domain(p, n);
	default:
		return is_network(p, n);
	}
}

static bool
is_plain(const GENERAL_NAME *g)
{
	int type;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(g, &type);

	switch (type) {
	case GEN_DNS:
		return is_plain_dns(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	case GEN_EMAIL:
		return is_plain_email(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	case GEN_URI:
		return is_plain_uri(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	default:
		return true;
	}
}

/* "*.corp.example" could stand for a name in the excluded subtree "secret.corp.example". */
static bool
wildcard_reaches(const GENERAL_NAME *name, const GENERAL_NAME *base)
{
	int type, base_type;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(name, &type);
	const ASN1_STRING *b = GENERAL_NAME_get0_value(base, &base_type);
	const char *p, *q;
	int n, m;

	if (type != GEN_DNS || base_type != GEN_DNS)
		return false;
	p = (const char *)ASN1_STRING_get0_data(s);
	n = ASN1_STRING_length(s);
	q = (const char *)ASN1_STRING_get0_data(b);
	m = ASN1_STRING_length(b);
	/* compared from the dot behind the star on */
	return n > 2 && p[0] == '*' && m > n - 1 &&
	       strncasecmp(q + m - (n - 1), p + 1, (size_t)(n - 1)) == 0;
}

static const char *
check_subtrees(const STACK_OF(GENERAL_SUBTREE) * trees, const GENERAL_NAMES *sans, bool excluded)
{
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(trees, i)->base;

		for (int k = 0; k < sk_GENERAL_NAME_num(sans); k++) {
			const GENERAL_NAME *name = sk_GENERAL_NAME_value(sans, k);

			if (name->type == base->type && !is_plain(name))
				return "a name of its subjectAltName has a form that cannot be "
				       "held "
				       "against the name constraints of its issuers";
			if (excluded && wildcard_reaches(name, base))
				return "a wildcard of its subjectAltName reaches into an excluded "
				       "subtree";
		}
	}
	return NULL;
}

/* The form of the constraints themselves. */
static const char *
check_bases(const STACK_OF(GENERAL_SUBTREE) * trees)
{
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		const GENERAL_SUBTREE *tree = sk_GENERAL_SUBTREE_value(trees, i);

		if (tree->maximum != NULL ||
		    (tree->minimum != NULL && ASN1_INTEGER_get(tree->minimum) != 0))
			return "a name constraint with a minimum or maximum";
		if (!is_base(tree->base))
			return "a name constraint of a form that has no meaning (RFC 5280 section "
			       "4.2.1.10)";
	}
	return NULL;
}

/*
 * The constraints of path[depth] against all certificates below it. A million comparisons is
 * where OpenSSL stops, too: it has refused before what would take longer here.
 */
static int
rule_constraints(
    const struct certpath_path *path, GENERAL_NAMES *const *sans, int depth, struct err *e)
{
	X509 *x = path->cert[depth];
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(x, NID_name_constraints, NULL, NULL);
	const char *why = NULL;
	int at = depth;

	if (nc == NULL)
		return 0;
	if ((X509_get_extension_flags(x) & EXFLAG_CA) == 0)
		why = "name constraints in a certificate that is no CA's";
	else if (sk_GENERAL_SUBTREE_num(nc->permittedSubtrees) <= 0 &&
		 sk_GENERAL_SUBTREE_num(nc->excludedSubtrees) <= 0)
		why = "name constraints that are empty";
	else if ((why = check_bases(nc->permittedSubtrees)) == NULL)
		why = check_bases(nc->excludedSubtrees);
	for (int i = depth - 1; i >= 0 && why == NULL; i--) {
		/* RFC 5280 section 6.1.3 (b): not for self-issued certificates but the leaf */
		if (i > 0 && (X509_get_extension_flags(path->cert[i]) & EXFLAG_SI) != 0)
			continue;
		at = i;
		if ((why = check_subtrees(nc->permittedSubtrees, sans[i], false)) == NULL)
			why = check_subtrees(nc->excludedSubtrees, sans[i], true);
	}
	NAME_CONSTRAINTS_free(nc);
	return why == NULL
		   ? 0
		   : certpath_refuse(e, X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, path, at, "%s", why);
}

/* Every attribute of a subject is free of controls; where it is mapped, also convertible. */
static const char *
check_name(const X509_NAME *name, bool mapped, struct err *why)
{
	uint8_t utf8[IDENTITY_VALUE_MAX];
	size_t n;
	int cns = 0;

	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);

		if (x509text_has_control(value))
			return "a NUL or control character";
		if (!mapped)
			continue;
		if (x509text_utf8(value, utf8, sizeof(utf8), &n, "an attribute", why) == -1)
			return why->text;
		if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) == NID_commonName && ++cns > 1)
			return "more than one CN";
	}
	return NULL;
}

static const char *
check_upn(const GENERAL_NAME *g, bool mapped, struct err *why)
{
	ASN1_OBJECT *type;
	ASN1_TYPE *value;
	uint8_t utf8[IDENTITY_VALUE_MAX];
	size_t n;

	if (!mapped || GENERAL_NAME_get0_otherName(g, &type, &value) != 1 ||
	    OBJ_obj2nid(type) != NID_ms_upn)
		return NULL;
	if (ASN1_TYPE_get(value) != V_ASN1_UTF8STRING)
		return "a UPN that is no UTF8String";
	if (x509text_utf8(value->value.utf8string, utf8, sizeof(utf8), &n, "a UPN", why) == -1)
		return why->text;
	return NULL;
}

static const char *
check_syntax(int type, const uint8_t *p, size_t n)
{
	if (type == GEN_DNS)
		return is_preferred(p, n) ? NULL : "a dNSName that is no domain name";
	if (type == GEN_EMAIL)
		return is_mailbox(p, n) ? NULL : "an rfc822Name that is no mailbox";
	return is_absolute_uri(p, n) ? NULL : "a URI without a scheme";
}

static const char *
check_san(const GENERAL_NAME *g, bool mapped, struct err *why)
{
	const ASN1_STRING *s;
	const uint8_t *p;
	size_t n;
	int type, len;

	s = GENERAL_NAME_get0_value(g, &type);
	switch (type) {
	case GEN_EMAIL:
	case GEN_DNS:
	case GEN_URI:
		if (x509text_ia5(s, &p, &n, "a name", why) == -1)
			return why->text;
		return check_syntax(type, p, n);
	case GEN_IPADD:
		len = ASN1_STRING_length(s);
		return len == 4 || len == 16 ? NULL : "an iPAddress of other than 4 or 16 bytes";
	case GEN_DIRNAME:
		if (X509_NAME_entry_count(g->d.directoryName) == 0)
			return "a directoryName that is empty";
		return check_name(g->d.directoryName, false, why);
	case GEN_OTHERNAME:
		return check_upn(g, mapped, why);
	default:
		return NULL;
	}
}

/* The names of one certificate below the anchor; those of the leaf are `mapped` where asked. */
static int
rule_names(const struct certpath_path *path, const GENERAL_NAMES *sans, int depth, bool mapped,
    struct err *e)
{
	struct err why;
	const char *text;

	text = check_name(X509_get_subject_name(path->cert[depth]), mapped, &why);
	if (text != NULL)
		return certpath_refuse(
		    e, X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, path, depth, "its subject has %s", text);
	for (int i = 0; i < sk_GENERAL_NAME_num(sans); i++)
		if ((text = check_san(sk_GENERAL_NAME_value(sans, i), mapped, &why)) != NULL)
			return certpath_refuse(e, X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, path, depth,
			    "name %d of its subjectAltName: %s", i + 1, text);
	return 0;
}

int
certpath_names(const struct certpath_request *r, const struct certpath_path *path, struct err *e)
{
	GENERAL_NAMES *sans[CERTPATH_LEN_MAX] = { NULL };
	int ret = 0;

	/* A subjectAltName that does not parse was refused before, as a malformed extension. */
	for (int i = 0; i < path->n; i++)
		sans[i] = X509_get_ext_d2i(path->cert[i], NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < path->n - 1 && ret == 0; i++)
		ret = rule_names(path, sans[i], i, i == 0 && r->identity_rules, e);
	for (int i = 0; i < path->n && ret == 0; i++)
		ret = rule_constraints(path, sans, i, e);
	if (ret == 0 && r->identity_rules &&
	    ASN1_STRING_type(X509_get0_serialNumber(r->leaf)) == V_ASN1_NEG_INTEGER)
		ret = certpath_refuse(
		    e, X509_V_ERR_UNSPECIFIED, path, 0, "its serial number is negative");
	for (int i = 0; i < path->n; i++)
		GENERAL_NAMES_free(sans[i]);
	return ret;
}
