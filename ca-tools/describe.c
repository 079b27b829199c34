/* describe.c - certificates of the store for people and for programs */
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crl.h"
#include "describe.h"
#include "names.h"
#include "spki.h"
#include "text.h"

const char *
cert_status(const struct store_cert *c, int64_t now)
{
	if (c->revoked)
		return "revoked";
	if (now > c->not_after)
		return "expired";
	return now < c->not_before ? "future" : "valid";
}

/* RFC 4514; "" when it cannot be had. */
static void
name_text(const X509_NAME *name, char *dst, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n = 0;

	if (bio != NULL && X509_NAME_print_ex(bio, name, 0,
			       XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
		n = BIO_get_mem_data(bio, &p);
	(void)snprintf(dst, size, "%.*s", n > 0 ? (int)n : 0, n > 0 ? p : "");
	ERR_clear_error();
	BIO_free(bio);
}

static int
add_text(json_t *o, const char *key, const char *value)
{
	return json_object_set_new(o, key, json_string(value));
}

static int
add_time(json_t *o, const char *key, int64_t t)
{
	char text[TEXT_TIME_SIZE];

	return add_text(o, key, text_time(text, t));
}

/* {"email": [...], "uri": [...]}: kinds that it has, in the order of the certificate */
static json_t *
names_json(X509 *cert)
{
	GENERAL_NAMES *list = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	json_t *o = json_object(), *kind;
	enum name_type type;
	char text[2100];
	int bad = o == NULL;

	for (int i = 0; !bad && i < sk_GENERAL_NAME_num(list); i++) {
		if (!name_read(sk_GENERAL_NAME_value(list, i), &type, text, sizeof(text)))
			continue;
		if ((kind = json_object_get(o, name_word(type))) == NULL) {
			kind = json_array();
			bad = json_object_set_new(o, name_word(type), kind) != 0;
		}
		bad = bad || json_array_append_new(kind, json_string(text)) != 0;
	}
	GENERAL_NAMES_free(list);
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

/* The SHA-256 of each SSH key that the extension of spki.h lists. */
static json_t *
ssh_json(X509 *cert)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(SPKI_SSHKEYS_OID, 1);
	int at = oid == NULL ? -1 : X509_get_ext_by_OBJ(cert, oid, -1), bad;
	json_t *list = json_array();
	const ASN1_OCTET_STRING *value;
	char text[TEXT_SHA256_SIZE];

	ASN1_OBJECT_free(oid);
	bad = list == NULL;
	if (!bad && at >= 0) {
		value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
		/* the one form that this CA writes: SEQUENCE of one OCTET STRING of 32 */
		if (ASN1_STRING_length(value) == 36)
			bad = json_array_append_new(list,
				  json_string(
				      text_sha256(text, ASN1_STRING_get0_data(value) + 4))) != 0;
	}
	if (!bad)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *
spki_json(X509 *cert)
{
	unsigned char *der = NULL;
	uint8_t md[32];
	char text[TEXT_SHA256_SIZE];
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der), ok;

	ok = n > 0 && EVP_Digest(der, (size_t)n, md, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	return ok ? json_string(text_sha256(text, md)) : NULL;
}

static int
add_facts(json_t *o, X509 *cert)
{
	char text[1024];
	int bad = 0;

	name_text(X509_get_subject_name(cert), text, sizeof(text));
	bad |= add_text(o, "subject", text);
	name_text(X509_get_issuer_name(cert), text, sizeof(text));
	bad |= add_text(o, "issuer", text);
	bad |= json_object_set_new(o, "names", names_json(cert));
	bad |= json_object_set_new(o, "ssh_keys", ssh_json(cert));
	bad |= json_object_set_new(o, "spki", spki_json(cert));
	return bad;
}

json_t *
cert_json(const struct store_cert *c, int64_t now, struct err *e)
{
	const unsigned char *p = c->der;
	X509 *cert = d2i_X509(NULL, &p, (long)c->der_len);
	char fingerprint[TEXT_SHA256_SIZE];
	json_t *o = json_object();
	int bad = o == NULL || cert == NULL;

	if (!bad) {
		bad |= add_text(o, "serial", c->serial);
		bad |= add_text(o, "profile", c->profile);
		bad |= add_text(o, "name", c->name);
		bad |= add_text(o, "status", cert_status(c, now));
		bad |= add_time(o, "issued", c->issued);
		bad |= add_time(o, "not_before", c->not_before);
		bad |= add_time(o, "not_after", c->not_after);
		bad |= add_text(o, "fingerprint", text_sha256(fingerprint, c->sha256));
		bad |= add_facts(o, cert);
	}
	if (!bad && c->revoked) {
		bad |= add_time(o, "revoked_at", c->revoked_at);
		bad |= add_text(o, "reason", crl_reason_word(c->reason));
	}
	ERR_clear_error();
	X509_free(cert);
	if (!bad)
		return o;
	json_decref(o);
	err_set(e, ERR_NOMEM, "certificate %s: damaged in the store, or out of memory", c->serial);
	return NULL;
}

static void
print_value(const char *key, json_t *value, FILE *out)
{
	char text[4096];

	if (json_is_string(value))
		fprintf(out, "%-12s %s\n", key,
		    text_escape(
			text, sizeof(text), json_string_value(value), json_string_length(value)));
}

int
cert_print(const struct store_cert *c, int64_t now, FILE *out, struct err *e)
{
	json_t *o = cert_json(c, now, e), *value, *item, *list;
	const char *key, *kind;
	size_t i;

	if (o == NULL)
		return -1;
	json_object_foreach(o, key, value)
	{
		print_value(key, value, out);
		if (json_is_array(value))
			json_array_foreach(value, i, item) print_value(key, item, out);
		if (json_is_object(value))
			json_object_foreach(value, kind, list) json_array_foreach(list, i, item)
			    print_value(kind, item, out);
	}
	json_decref(o);
	return 0;
}
