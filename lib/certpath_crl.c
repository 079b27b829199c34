/* certpath_crl.c - CRLs as they come: which are taken, and who signed them */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "certpath_local.h"
#include "crlpem.h"
#include "crlwalk.h"
#include "x509text.h"

/* One CRL while it is read. */
struct reading {
	const struct certpath_trust *t;
	const struct certpath_crl_file *file;
	struct crldraft draft;
	struct crlwalk w;
	X509_NAME *issuer;
	X509_ALGOR *algorithm;
	X509 *signer; /* the section's; not counted */
	bool stranger;
};

static void
reading_done(struct reading *r)
{
	crldraft_done(&r->draft);
	X509_NAME_free(r->issuer);
	X509_ALGOR_free(r->algorithm);
}

/* ERR_FORMAT naming the CRL and its issuer; return -1. */
static int
refuse(const struct reading *r, struct err *e, int code, const char *why)
{
	char issuer[X509TEXT_NAME_SIZE];

	err_set(e, ERR_FORMAT, "%s: CRL of \"%s\": %s", r->file->name,
	    x509text_name(issuer, sizeof(issuer), r->issuer), why);
	e->detail = code;
	return -1;
}

/* ---- who signed it -----------------------------------------------------------------------------
 */

/* The digest of the mask: MGF1 of one that is named, or of SHA-1. NULL: another mask. */
static const EVP_MD *
pss_mask_digest(const X509_ALGOR *mask)
{
	const EVP_MD *md = NULL;
	X509_ALGOR *hash;

	if (mask == NULL)
		return EVP_sha1();
	if (OBJ_obj2nid(mask->algorithm) != NID_mgf1 || mask->parameter == NULL ||
	    (hash = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), mask->parameter)) == NULL)
		return NULL;
	md = EVP_get_digestbyobj(hash->algorithm);
	X509_ALGOR_free(hash);
	return md;
}

/* RFC 4055 section 3.1; a digest of SHA-1, which is the default, is found too weak later. */
static bool
set_pss(const X509_ALGOR *alg, EVP_PKEY_CTX *ctx)
{
	RSA_PSS_PARAMS *pss =
	    ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter);
	const EVP_MD *mask = pss == NULL ? NULL : pss_mask_digest(pss->maskGenAlgorithm);
	long salt = 20;
	bool ok = mask != NULL;

	if (ok && pss->saltLength != NULL)
		ok = (salt = ASN1_INTEGER_get(pss->saltLength)) >= 0 && salt <= 1024;
	if (ok && pss->trailerField != NULL)
		ok = ASN1_INTEGER_get(pss->trailerField) == 1;
	RSA_PSS_PARAMS_free(pss);
	return ok && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mask) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)salt) > 0;
}

/* The digest of an RSA-PSS signature; NID_undef when its parameters cannot be read. */
static int
pss_digest(const X509_ALGOR *alg)
{
	RSA_PSS_PARAMS *pss;
	int nid = NID_undef;

	if (alg->parameter == NULL || alg->parameter->type != V_ASN1_SEQUENCE ||
	    (pss = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter)) ==
		NULL)
		return NID_undef;
	/* absent: SHA-1 */
	nid = pss->hashAlgorithm == NULL ? NID_sha1 : OBJ_obj2nid(pss->hashAlgorithm->algorithm);
	RSA_PSS_PARAMS_free(pss);
	return nid;
}

/* Digest and kind of key of the signature; NID_undef for none. */
static void
signature_kind(const X509_ALGOR *alg, int *md, int *key)
{
	int nid = OBJ_obj2nid(alg->algorithm);

	*md = *key = NID_undef;
	(void)OBJ_find_sigid_algs(nid, md, key);
	if (nid == NID_rsassaPss)
		*md = pss_digest(alg);
}

/* Over the bytes as they came, which no object of libcrypto has seen. */
static bool
signature_holds(const struct reading *r, EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	const EVP_MD *md = NULL;
	bool pss = OBJ_obj2nid(r->algorithm->algorithm) == NID_rsassaPss, ok;
	int md_nid, key_nid, base = EVP_PKEY_get_base_id(key);

	signature_kind(r->algorithm, &md_nid, &key_nid);
	ok = ctx != NULL &&
	     (pss ? base == EVP_PKEY_RSA || base == EVP_PKEY_RSA_PSS : base == key_nid) &&
	     (md_nid == NID_undef ? !pss : (md = EVP_get_digestbynid(md_nid)) != NULL) &&
	     EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key) == 1 &&
	     (!pss || set_pss(r->algorithm, pctx)) &&
	     EVP_DigestVerify(ctx, r->w.signature.p, der_left(&r->w.signature), r->w.tbs.p,
		 der_left(&r->w.tbs)) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* A certificate of `pool` that bears the issuer's name, may sign CRLs and signed this one. */
static X509 *
find_signer(const struct reading *r, STACK_OF(X509) * pool, bool *named)
{
	for (int i = 0; i < sk_X509_num(pool); i++) {
		X509 *x = sk_X509_value(pool, i);
		EVP_PKEY *key;

		if (X509_NAME_cmp(X509_get_subject_name(x), r->issuer) != 0)
			continue;
		*named = true;
		/* UINT32_MAX, all bits, when there is no key usage */
		if ((X509_get_key_usage(x) & KU_CRL_SIGN) == 0 ||
		    (key = X509_get0_pubkey(x)) == NULL)
			continue;
		if (signature_holds(r, key))
			return x;
	}
	return NULL;
}

static int
check_signer(struct reading *r, struct err *e)
{
	bool named = false;

	if ((r->signer = find_signer(r, r->t->anchors, &named)) == NULL)
		r->signer = find_signer(r, r->t->inter, &named);
	if (r->signer != NULL)
		return 0;
	r->stranger = true;
	if (!named)
		return refuse(r, e, X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
		    "its issuer is neither an anchor nor an intermediate of this section");
	return refuse(r, e, X509_V_ERR_CRL_SIGNATURE_FAILURE,
	    "no key of its issuer signed it, or none that may (cRLSign)");
}

static int
check_strength(struct reading *r, struct err *e)
{
	const char *why;
	int md, key;

	signature_kind(r->algorithm, &md, &key);
	if ((why = certpath_weak_digest(md, key)) != NULL)
		return refuse(r, e, X509_V_ERR_CA_MD_TOO_WEAK, why);
	if ((why = certpath_weak_key(r->signer)) != NULL)
		return refuse(r, e, X509_V_ERR_CA_KEY_TOO_SMALL, why);
	return 0;
}

/* When it says which key signed it, that is the one which did. */
static int
check_key_id(struct reading *r, struct err *e)
{
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(r->signer);
	const unsigned char *p = r->w.akid.p;
	AUTHORITY_KEYID *akid;
	bool bad;

	if (p == NULL)
		return 0;
	akid = d2i_AUTHORITY_KEYID(NULL, &p, (long)der_left(&r->w.akid));
	bad = akid == NULL || p != r->w.akid.end;
	if (!bad && akid->keyid != NULL && ski != NULL && ASN1_STRING_cmp(akid->keyid, ski) != 0) {
		AUTHORITY_KEYID_free(akid);
		return refuse(r, e, X509_V_ERR_AKID_SKID_MISMATCH,
		    "its authority key identifier is not that of the key that signed it");
	}
	AUTHORITY_KEYID_free(akid);
	return bad ? refuse(r, e, X509_V_ERR_INVALID_EXTENSION,
			 "its authority key identifier is malformed")
		   : 0;
}

/* ---- one CRL ------------------------------------------------------------------------------------
 */

/* What the walk found wrong, in the words and codes of the rest. */
static int
refuse_walk(struct reading *r, struct err *e)
{
	static const int codes[] = {
		[CRLWALK_EXTENSION] = X509_V_ERR_INVALID_EXTENSION,
		[CRLWALK_CRITICAL] = X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
		[CRLWALK_SCOPE] = X509_V_ERR_DIFFERENT_CRL_SCOPE,
		[CRLWALK_THIS_UPDATE] = X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD,
		[CRLWALK_NEXT_UPDATE] = X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD,
	};
	char why[sizeof(e->text)];

	if (e->kind != ERR_FORMAT)
		return -1;
	memcpy(why, e->text, sizeof(why));
	if (r->issuer == NULL || r->w.fault <= CRLWALK_LIMIT)
		return err_set(e, ERR_FORMAT, "%s: %.200s", r->file->name, why);
	return refuse(r, e, codes[r->w.fault], why);
}

static int
parse_parts(struct reading *r, struct err *e)
{
	const unsigned char *p = r->w.issuer.p;

	if (p != NULL) {
		r->issuer = d2i_X509_NAME(NULL, &p, (long)der_left(&r->w.issuer));
		if (r->issuer == NULL || p != r->w.issuer.end)
			return err_set(
			    e, ERR_FORMAT, "%s: a damaged CRL: its issuer", r->file->name);
	}
	if ((p = r->w.algorithm.p) != NULL) {
		r->algorithm = d2i_X509_ALGOR(NULL, &p, (long)der_left(&r->w.algorithm));
		if (r->algorithm == NULL || p != r->w.algorithm.end)
			return err_set(e, ERR_FORMAT, "%s: a damaged CRL: its signature algorithm",
			    r->file->name);
	}
	return 0;
}

static int
fill_list(struct reading *r, struct err *e)
{
	struct crlindex_list *l = &r->draft.list;
	size_t n = strlen(r->file->name);

	if (certpath_issuer_id(r->signer, l->issuer) == -1)
		return err_nomem(e, r->file->name);
	l->section = r->file->section;
	(void)snprintf(l->section_name, sizeof(l->section_name), "%s", r->file->section_name);
	/* of a name that is too long the end tells more */
	(void)snprintf(l->file, sizeof(l->file), "%s",
	    r->file->name + (n < sizeof(l->file) ? 0 : n - sizeof(l->file) + 1));
	(void)x509text_name(l->name, sizeof(l->name), r->issuer);
	return 0;
}

/* 0: r->draft is good. -1: *e; r->w.fault and r->stranger say how bad it is. */
static int
read_crl(struct reading *r, const uint8_t *der, size_t n, struct err *e)
{
	struct err walk;
	int walked = crlwalk(der, n, &r->draft, &r->w, &walk);

	/* the parts first: what is wrong is told with its issuer's name */
	if (walked == -1 && r->w.fault == CRLWALK_DAMAGED) {
		*e = walk;
		return refuse_walk(r, e);
	}
	if (parse_parts(r, e) == -1) {
		r->w.fault = CRLWALK_DAMAGED;
		return -1;
	}
	if (r->issuer != NULL && r->algorithm != NULL && check_signer(r, e) == -1)
		return -1;
	if (walked == -1) {
		*e = walk;
		return refuse_walk(r, e);
	}
	if (check_strength(r, e) == -1 || check_key_id(r, e) == -1)
		return -1;
	return fill_list(r, e);
}

/* ---- all of a text ------------------------------------------------------------------------------
 */

/* Where CRLs go. `bad` takes those that are whole and are not to be taken; NULL: an error. */
struct target {
	struct crldrafts *good;
	struct certpath_trust *bad;
};

static int
add_bad(struct certpath_trust *t, const struct err *why, bool stranger, struct err *e)
{
	struct certpath_bad_crl *p = reallocarray(t->bad, t->nbad + 1, sizeof(*p));

	if (p == NULL)
		return err_nomem(e, "CRLs");
	t->bad = p;
	p[t->nbad++] = (struct certpath_bad_crl){ .why = *why, .stranger = stranger };
	return 0;
}

static int
add_der(const struct certpath_trust *t, const struct certpath_crl_file *f, const struct target *to,
    const uint8_t *der, size_t n, struct err *e)
{
	struct reading r = { .t = t, .file = f };
	struct err why;
	int ret;

	if (read_crl(&r, der, n, &why) == 0) {
		ret = crldrafts_take(to->good, &r.draft, e);
		if (ret == -1)
			(void)err_prefix(e, "%s", f->name);
	} else if (to->bad == NULL || why.kind != ERR_FORMAT || r.w.fault == CRLWALK_DAMAGED ||
		   r.w.fault == CRLWALK_LIMIT) {
		*e = why;
		ret = -1;
	} else {
		ret = add_bad(to->bad, &why, r.stranger, e);
	}
	reading_done(&r);
	return ret;
}

static int
add_pem(const struct certpath_trust *t, const struct certpath_crl_file *f, const struct target *to,
    const uint8_t *text, size_t n, struct err *e)
{
	struct crlpem pem = { .text = text, .n = n };
	char label[CRLPEM_LABEL_MAX];
	uint8_t *der;
	size_t len;
	int more, ret;

	while ((more = crlpem_next(&pem, label, &der, &len, e)) == 1) {
		if (strcmp(label, PEM_STRING_X509_CRL) != 0)
			ret = err_set(e, ERR_FORMAT, "%s: object %u is a %.40s, wanted is a CRL",
			    f->name, pem.count, label);
		else
			ret = add_der(t, f, to, der, len, e);
		free(der);
		if (ret == -1)
			return -1;
	}
	if (more == -1)
		return e->kind == ERR_FORMAT ? err_prefix(e, "%s", f->name) : -1;
	if (pem.count == 0)
		return err_set(e, ERR_FORMAT, "%s: %s", f->name,
		    n == 0 ? "the file is empty" : "no PEM or DER CRL in it");
	return (int)pem.count;
}

static int
add_text(const struct certpath_trust *t, const struct certpath_crl_file *f, const struct target *to,
    const uint8_t *text, size_t n, struct err *e)
{
	int ret;

	if (n > CERTPATH_CRL_MAX)
		return err_set(
		    e, ERR_FORMAT, "%s: larger than %u bytes", f->name, CERTPATH_CRL_MAX);
	ERR_clear_error();
	/* No PEM text begins with the byte of a SEQUENCE and a length of more than one byte. */
	if (n > 1 && text[0] == 0x30 && text[1] >= 0x80)
		ret = add_der(t, f, to, text, n, e) == -1 ? -1 : 1;
	else
		ret = add_pem(t, f, to, text, n, e);
	ERR_clear_error();
	return ret;
}

int
certpath_crls_read(const struct certpath_trust *t, const struct certpath_crl_file *f,
    const uint8_t *text, size_t n, struct crldrafts *to, struct err *e)
{
	const struct target target = { .good = to };

	return add_text(t, f, &target, text, n, e) == -1 ? -1 : 0;
}

/* ---- a section with CRLs of its own -------------------------------------------------------------
 */

int
certpath_crl_add(
    struct certpath_trust *t, const char *name, const uint8_t *text, size_t n, struct err *e)
{
	const struct certpath_crl_file f = { .name = name, .section_name = "" };
	const struct target target = { .good = &t->fresh, .bad = t };

	return add_text(t, &f, &target, text, n, e);
}

void
certpath_crl_done(struct certpath_trust *t)
{
	crldrafts_done(&t->fresh);
	free(t->bad);
	free(t->own_bytes);
}

/* Those that were added since, and those of the index there is. */
static int
renew_index(struct certpath_trust *t, struct err *e)
{
	struct sealed s;
	uint8_t *bytes;
	size_t n;

	for (uint32_t i = 0; i < t->own.nlists; i++)
		if (crldrafts_keep(&t->fresh, &t->own, &t->own.lists[i], e) == -1)
			return -1;
	if ((bytes = crldrafts_pack(&t->fresh, &n, e)) == NULL)
		return -1;
	crldrafts_done(&t->fresh);
	free(t->own_bytes);
	t->own_bytes = bytes;
	s = (struct sealed){ .p = bytes, .n = n };
	if (crlindex_open(&s, &t->own, e) == -1)
		return -1;
	certpath_trust_index(t, &t->own, 0);
	return 0;
}

int
certpath_trust_check(struct certpath_trust *t, int64_t now,
    void (*note)(void *arg, const char *text), void *arg, struct err *e)
{
	char line[1000];

	if (t->nbad > 0) {
		*e = t->bad[0].why;
		return -1;
	}
	if (t->fresh.n > 0 && renew_index(t, e) == -1)
		return -1;
	for (uint32_t i = 0; i < t->own.nlists; i++)
		if (crlindex_age(&t->own.lists[i], now, line, sizeof(line)))
			note(arg, line);
	return 0;
}

void
certpath_trust_drop_strangers(
    struct certpath_trust *t, void (*note)(void *arg, const char *text), void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->nbad; i++) {
		if (t->bad[i].stranger)
			note(arg, t->bad[i].why.text);
		else
			t->bad[kept++] = t->bad[i];
	}
	t->nbad = kept;
}

void
certpath_trust_index(struct certpath_trust *t, const struct crlindex *ix, uint32_t section)
{
	t->index = ix;
	t->section = section;
}
