/* identity_x509.c - a certificate's names, numbers and digests as typed values */
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "certtime.h"
#include "dn.h"
#include "identity_x509.h"
#include "keyset.h"
#include "spki.h"
#include "text.h"
#include "x509text.h"

#define OID_MAX 256 /* a dotted OID */

/* Room for the attributes of one RDN while it is written. */
struct rdn {
	struct dn_ava avas[DN_AVAS_MAX];
	char types[DN_AVAS_MAX][OID_MAX];
	uint8_t values[DN_MAX];
	size_t n, used;
};

static int
rdn_add(struct rdn *r, const X509_NAME_ENTRY *entry, const char *what, struct err *e)
{
	struct dn_ava *ava;
	size_t len;
	int n;

	if (r->n == DN_AVAS_MAX)
		return err_set(
		    e, ERR_REFUSED, "%s: more than %d attributes in one RDN", what, DN_AVAS_MAX);
	ava = &r->avas[r->n];
	n = OBJ_obj2txt(r->types[r->n], OID_MAX, X509_NAME_ENTRY_get_object(entry), 1);
	if (n <= 0 || n >= OID_MAX)
		return err_set(e, ERR_REFUSED, "%s: an attribute type that is too long", what);
	if (x509text_utf8(X509_NAME_ENTRY_get_data(entry), r->values + r->used,
		sizeof(r->values) - r->used, &len, what, e) == -1)
		return -1;
	ava->type = (const uint8_t *)r->types[r->n];
	ava->type_len = (size_t)n;
	ava->value = r->values + r->used;
	ava->value_len = len;
	r->used += len;
	r->n++;
	return 0;
}

/*
 * The canonical form of a name (dn.h). X.509 has the least specific RDN first, RFC 4514 the most
 * specific; entries of one RDN have one set number.
 */
static int
name_write(
    const X509_NAME *name, const char *what, struct dn_writer *w, struct rdn *r, struct err *e)
{
	dn_writer_init(w);
	for (int i = X509_NAME_entry_count(name) - 1; i >= 0;) {
		int set = X509_NAME_ENTRY_set(X509_NAME_get_entry(name, i));

		r->n = r->used = 0;
		for (; i >= 0 && X509_NAME_ENTRY_set(X509_NAME_get_entry(name, i)) == set; i--)
			if (rdn_add(r, X509_NAME_get_entry(name, i), what, e) == -1)
				return -1;
		if (dn_writer_rdn(w, r->avas, r->n, e) == -1) {
			e->kind = ERR_REFUSED;
			return err_prefix(e, "%s", what);
		}
	}
	return 0;
}

/* An empty name is no value at all: it matches no rule. */
static int
add_name(struct identity *id, enum id_field field, const X509_NAME *name, struct err *e)
{
	struct dn_writer *w;
	struct rdn *r;
	int ret;

	if (X509_NAME_entry_count(name) == 0)
		return 0;
	w = malloc(sizeof(*w));
	r = malloc(sizeof(*r));
	if (w == NULL || r == NULL)
		ret = err_nomem(e, "identity");
	else if ((ret = name_write(name, id_field_name(field), w, r, e)) == 0)
		ret = identity_add(id, field, w->buf, w->len, e);
	free(w);
	free(r);
	return ret;
}

/* Each attribute of one kind of the subject as a value of its own. */
static int
add_attributes(
    struct identity *id, enum id_field field, const X509_NAME *name, int nid, struct err *e)
{
	uint8_t utf8[IDENTITY_VALUE_MAX];
	size_t n;

	for (int i = -1; (i = X509_NAME_get_index_by_NID(name, nid, i)) >= 0;) {
		const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));

		if (x509text_utf8(s, utf8, sizeof(utf8), &n, id_field_name(field), e) == -1 ||
		    identity_add(id, field, utf8, n, e) == -1)
			return -1;
	}
	return 0;
}

static int
add_upn(struct identity *id, const GENERAL_NAME *g, struct err *e)
{
	ASN1_OBJECT *type;
	ASN1_TYPE *value;
	uint8_t utf8[IDENTITY_VALUE_MAX];
	size_t n;

	if (GENERAL_NAME_get0_otherName(g, &type, &value) != 1 || OBJ_obj2nid(type) != NID_ms_upn)
		return 0;
	if (ASN1_TYPE_get(value) != V_ASN1_UTF8STRING)
		return err_set(e, ERR_REFUSED, "upn: not a UTF8String");
	if (x509text_utf8(value->value.utf8string, utf8, sizeof(utf8), &n, "upn", e) == -1)
		return -1;
	return identity_add(id, ID_UPN, utf8, n, e);
}

static int
add_san(struct identity *id, const GENERAL_NAME *g, struct err *e)
{
	enum id_field field;
	const uint8_t *p;
	size_t n;
	int type;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(g, &type);

	switch (type) {
	case GEN_EMAIL:
		field = ID_EMAIL;
		break;
	case GEN_URI:
		field = ID_URI;
		break;
	case GEN_DNS:
		field = ID_DNS;
		break;
	case GEN_OTHERNAME:
		return add_upn(id, g, e);
	default:
		return 0; /* not mapped */
	}
	if (x509text_ia5(s, &p, &n, id_field_name(field), e) == -1)
		return -1;
	return identity_add(id, field, p, n, e);
}

static int
add_sans(struct identity *id, X509 *leaf, struct err *e)
{
	int critical, ret = 0;
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);

	if (names == NULL && critical != -1)
		return err_set(e, ERR_REFUSED, "subjectAltName: malformed, or there twice");
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && ret == 0; i++)
		ret = add_san(id, sk_GENERAL_NAME_value(names, i), e);
	GENERAL_NAMES_free(names);
	return ret;
}

/* Lower-case hexadecimal without leading zeros; a serial number is positive (RFC 5280). */
static int
add_serial(struct identity *id, const X509 *leaf, struct err *e)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	const uint8_t *p = ASN1_STRING_get0_data(serial);
	size_t n = (size_t)ASN1_STRING_length(serial);
	char hex[2 * PATHCERT_SERIAL_MAX + 1], *digits = hex;

	while (n > 0 && *p == 0) {
		p++;
		n--;
	}
	if (n == 0 || ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
		return err_set(e, ERR_REFUSED, "serial: not a positive number");
	if (n > PATHCERT_SERIAL_MAX)
		return err_set(e, ERR_REFUSED, "serial: more than %d bytes", PATHCERT_SERIAL_MAX);
	(void)text_hex(hex, sizeof(hex), p, n);
	if (*digits == '0')
		digits++;
	return identity_add(id, ID_SERIAL, digits, strlen(digits), e);
}

/* "SHA256:…" of DER bytes that `der` holds; takes `der`. */
static int
add_digest(struct identity *id, enum id_field field, unsigned char *der, int n, struct err *e)
{
	uint8_t sha256[32];
	char text[TEXT_SHA256_SIZE];
	int ok;

	if (n <= 0 || der == NULL)
		return err_nomem(e, "identity");
	ok = EVP_Digest(der, (size_t)n, sha256, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	if (ok != 1)
		return err_nomem(e, "identity");
	(void)text_sha256(text, sha256);
	return identity_add(id, field, text, strlen(text), e);
}

static int
add_digests(struct identity *id, X509 *leaf, struct err *e)
{
	unsigned char *der = NULL;
	int n;

	n = i2d_X509(leaf, &der);
	if (add_digest(id, ID_FINGERPRINT, der, n, e) == -1)
		return -1;
	der = NULL;
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
	return add_digest(id, ID_SPKI, der, n, e);
}

static int
add_ssh_key_list(struct identity *id, const ASN1_OCTET_STRING *value, struct err *e)
{
	struct keyset keys;
	char text[TEXT_SHA256_SIZE];

	if (keyset_from_extension(
		ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value), &keys, e) == -1) {
		e->kind = ERR_REFUSED;
		return err_prefix(e, "ssh-key");
	}
	for (uint32_t i = 0; i < keys.n; i++) {
		(void)text_sha256(text, keys.sha256[i]);
		if (identity_add(id, ID_SSH_KEY, text, strlen(text), e) == -1)
			return -1;
	}
	return 0;
}

/* A list that cannot be read is refused: it would be a binding that nobody can check. */
static int
add_ssh_keys(struct identity *id, X509 *leaf, struct err *e)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(SPKI_SSHKEYS_OID, 1);
	int at, r = 0;

	if (oid == NULL)
		return err_nomem(e, "identity");
	if ((at = X509_get_ext_by_OBJ(leaf, oid, -1)) >= 0) {
		if (X509_get_ext_by_OBJ(leaf, oid, at) >= 0)
			r = err_set(e, ERR_REFUSED, "ssh-key: the extension is there twice");
		else
			r = add_ssh_key_list(
			    id, X509_EXTENSION_get_data(X509_get_ext(leaf, at)), e);
	}
	ASN1_OBJECT_free(oid);
	return r;
}

static int
add_all(struct identity *id, X509 *leaf, char *const *policies, size_t npolicies, struct err *e)
{
	const X509_NAME *subject = X509_get_subject_name(leaf);

	if (add_name(id, ID_SUBJECT, subject, e) == -1 ||
	    add_name(id, ID_ISSUER, X509_get_issuer_name(leaf), e) == -1 ||
	    add_attributes(id, ID_CN, subject, NID_commonName, e) == -1 ||
	    add_attributes(id, ID_OU, subject, NID_organizationalUnitName, e) == -1 ||
	    add_attributes(id, ID_O, subject, NID_organizationName, e) == -1 ||
	    add_sans(id, leaf, e) == -1 || add_serial(id, leaf, e) == -1 ||
	    add_digests(id, leaf, e) == -1 || add_ssh_keys(id, leaf, e) == -1)
		return -1;
	for (size_t i = 0; i < npolicies; i++)
		if (identity_add(id, ID_POLICY, policies[i], strlen(policies[i]), e) == -1)
			return -1;
	return 0;
}

struct identity *
identity_from_x509(X509 *leaf, char *const *policies, size_t npolicies, struct err *e)
{
	struct identity *id = identity_new();

	if (id == NULL) {
		err_nomem(e, "identity");
		return NULL;
	}
	if (add_all(id, leaf, policies, npolicies, e) == -1) {
		identity_free(id);
		id = NULL;
	}
	ERR_clear_error();
	return id;
}

/* The content octets of the INTEGER as they stand in the DER, sign and all. */
static int
get_serial(const X509 *cert, struct pathcert *pc, struct err *e)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int n = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &der), tag, class;
	long len = 0;

	if (n <= 0)
		return err_nomem(e, "certificate");
	p = der;
	if ((ASN1_get_object(&p, &len, &tag, &class, n) & 0x80) != 0 || len < 1 ||
	    len > PATHCERT_SERIAL_MAX) {
		OPENSSL_free(der);
		return err_set(
		    e, ERR_REFUSED, "serial: none, or more than %d bytes", PATHCERT_SERIAL_MAX);
	}
	memcpy(pc->serial, p, (size_t)len);
	pc->serial_len = (size_t)len;
	OPENSSL_free(der);
	return 0;
}

int
pathcert_from_x509(
    X509 *cert, const char *section, const uint8_t *issuer, struct pathcert *pc, struct err *e)
{
	struct pathcert got = { 0 };
	size_t n = strlen(section);
	int ret;

	if (n >= sizeof(got.section))
		return err_set(e, ERR_FORMAT,
		    "%.40s: the name of a trust section has at most %d bytes", section,
		    SECTION_MAX - 1);
	memcpy(got.section, section, n);
	if (issuer != NULL)
		memcpy(got.issuer, issuer, sizeof(got.issuer));
	if (certtime_get(X509_get0_notBefore(cert), &got.not_before) == -1 ||
	    certtime_get(X509_get0_notAfter(cert), &got.not_after) == -1)
		return err_set(e, ERR_REFUSED, "notBefore or notAfter cannot be read");
	if ((ret = get_serial(cert, &got, e)) == 0 &&
	    X509_digest(cert, EVP_sha256(), got.sha256, NULL) != 1)
		ret = err_nomem(e, "certificate");
	ERR_clear_error();
	if (ret == 0)
		*pc = got;
	return ret;
}
