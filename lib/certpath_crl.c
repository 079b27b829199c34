/* certpath_crl.c - CRLs: what is checked once when they are loaded, and which of them a path sees
 */
#include <stdio.h>
#include <stdlib.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "certpath_local.h"
#include "certtime.h"
#include "text.h"
#include "x509text.h"

#define CRL_NUMBER_MAX 20 /* octets, RFC 5280 section 5.2.3 */

bool
certpath_same_key(const X509 *a, const X509 *b)
{
	const ASN1_BIT_STRING *ka = X509_get0_pubkey_bitstr(a), *kb = X509_get0_pubkey_bitstr(b);

	return ka != NULL && kb != NULL && ASN1_STRING_cmp(ka, kb) == 0;
}

/* ERR_FORMAT naming the CRL and its issuer; return -1. */
static int
refuse(struct err *e, const struct certpath_crl *c, int code, const char *why)
{
	char issuer[X509TEXT_NAME_SIZE];

	err_set(e, ERR_FORMAT, "%s: CRL of \"%s\": %s", c->name,
	    x509text_name(issuer, sizeof(issuer), X509_CRL_get_issuer(c->crl)), why);
	e->detail = code;
	return -1;
}

/* A certificate of `pool` that bears the issuer's name, may sign CRLs and signed this one. */
static X509 *
find_signer(X509_CRL *crl, STACK_OF(X509) * pool, bool *named)
{
	for (int i = 0; i < sk_X509_num(pool); i++) {
		X509 *x = sk_X509_value(pool, i);
		EVP_PKEY *key;

		if (X509_NAME_cmp(X509_get_subject_name(x), X509_CRL_get_issuer(crl)) != 0)
			continue;
		*named = true;
		/* UINT32_MAX, all bits, when there is no key usage */
		if ((X509_get_key_usage(x) & KU_CRL_SIGN) == 0 ||
		    (key = X509_get0_pubkey(x)) == NULL)
			continue;
		if (X509_CRL_verify(crl, key) == 1)
			return x;
	}
	return NULL;
}

static int
check_signer(const struct certpath_trust *t, struct certpath_crl *c, struct err *e)
{
	bool named = false;
	X509 *x;

	if (c->signer != NULL)
		return 0;
	if ((x = find_signer(c->crl, t->anchors, &named)) == NULL)
		x = find_signer(c->crl, t->inter, &named);
	if (x == NULL && !named)
		return refuse(e, c, X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
		    "its issuer is neither an anchor nor an intermediate of this section");
	if (x == NULL)
		return refuse(e, c, X509_V_ERR_CRL_SIGNATURE_FAILURE,
		    "no key of its issuer signed it, or none that may (cRLSign)");
	X509_up_ref(x);
	c->signer = x;
	return 0;
}

/* The digest of an RSA-PSS signature; NID_undef when its parameters cannot be read. */
static int
pss_digest(const X509_ALGOR *alg)
{
	const void *value;
	int type, nid = NID_undef;
	RSA_PSS_PARAMS *pss;

	X509_ALGOR_get0(NULL, &type, &value, alg);
	if (type != V_ASN1_SEQUENCE ||
	    (pss = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter)) ==
		NULL)
		return NID_undef;
	/* absent: SHA-1 */
	if (pss->hashAlgorithm != NULL)
		nid = OBJ_obj2nid(pss->hashAlgorithm->algorithm);
	RSA_PSS_PARAMS_free(pss);
	return nid;
}

static int
check_signature_algorithm(struct certpath_crl *c, struct err *e)
{
	const X509_ALGOR *alg;
	const char *why;
	int md = NID_undef, key = NID_undef;

	X509_CRL_get0_signature(c->crl, NULL, &alg);
	(void)OBJ_find_sigid_algs(OBJ_obj2nid(alg->algorithm), &md, &key);
	if (OBJ_obj2nid(alg->algorithm) == NID_rsassaPss)
		md = pss_digest(alg);
	if ((why = certpath_weak_digest(md, key)) != NULL)
		return refuse(e, c, X509_V_ERR_CA_MD_TOO_WEAK, why);
	if ((why = certpath_weak_key(c->signer)) != NULL)
		return refuse(e, c, X509_V_ERR_CA_KEY_TOO_SMALL, why);
	return 0;
}

static int
check_number(struct certpath_crl *c, struct err *e)
{
	int critical;
	ASN1_INTEGER *n = X509_CRL_get_ext_d2i(c->crl, NID_crl_number, &critical, NULL);
	const char *why = NULL;

	if (n == NULL)
		why = critical == -1 ? "it has no CRL number" : "its CRL number is malformed";
	else if (critical == 1)
		why = "its CRL number is marked critical";
	else if (ASN1_STRING_type(n) == V_ASN1_NEG_INTEGER)
		why = "its CRL number is negative";
	else if (ASN1_STRING_length(n) > CRL_NUMBER_MAX)
		why = "its CRL number has more than 20 octets";
	ASN1_INTEGER_free(n);
	return why == NULL ? 0 : refuse(e, c, X509_V_ERR_INVALID_EXTENSION, why);
}

static int
check_idp(struct certpath_crl *c, struct err *e)
{
	int critical;
	ISSUING_DIST_POINT *idp =
	    X509_CRL_get_ext_d2i(c->crl, NID_issuing_distribution_point, &critical, NULL);
	const char *why = NULL;

	if (idp == NULL)
		return critical == -1 ? 0
				      : refuse(e, c, X509_V_ERR_INVALID_EXTENSION,
					    "its issuingDistributionPoint is malformed");
	if (idp->indirectCRL > 0)
		why = "an indirect CRL (indirectCRL) is not taken";
	else if (idp->onlysomereasons != NULL)
		why = "a CRL for some reasons only (onlySomeReasons) is not taken";
	else if (idp->distpoint != NULL)
		why = "a CRL for one distribution point only is not taken";
	else if (idp->onlyattr > 0)
		why = "a CRL for attribute certificates only is not taken";
	else if (idp->onlyuser > 0 && idp->onlyCA > 0)
		why = "onlyContainsUserCerts and onlyContainsCACerts exclude each other";
	ISSUING_DIST_POINT_free(idp);
	return why == NULL ? 0 : refuse(e, c, X509_V_ERR_DIFFERENT_CRL_SCOPE, why);
}

/* No delta, no extension twice, no critical one but the issuingDistributionPoint. */
static int
check_extensions(struct certpath_crl *c, struct err *e)
{
	if (X509_CRL_get_version(c->crl) != X509_CRL_VERSION_2)
		return refuse(e, c, X509_V_ERR_INVALID_EXTENSION, "it is not of version 2");
	for (int i = 0; i < X509_CRL_get_ext_count(c->crl); i++) {
		X509_EXTENSION *ext = X509_CRL_get_ext(c->crl, i);
		const ASN1_OBJECT *oid = X509_EXTENSION_get_object(ext);
		int nid = OBJ_obj2nid(oid);

		if (nid == NID_delta_crl)
			return refuse(e, c, X509_V_ERR_DIFFERENT_CRL_SCOPE,
			    "a delta CRL is not taken, only a complete one");
		if (X509_CRL_get_ext_by_OBJ(c->crl, oid, i) != -1)
			return refuse(
			    e, c, X509_V_ERR_INVALID_EXTENSION, "it has an extension twice");
		if (X509_EXTENSION_get_critical(ext) && nid != NID_issuing_distribution_point &&
		    nid != NID_crl_number)
			return refuse(e, c, X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
			    "it has a critical extension that is not known here");
	}
	if (check_number(c, e) == -1)
		return -1;
	return check_idp(c, e);
}

static int
check_entry(struct certpath_crl *c, const X509_REVOKED *r, struct err *e)
{
	for (int i = 0; i < X509_REVOKED_get_ext_count(r); i++) {
		X509_EXTENSION *ext = X509_REVOKED_get_ext(r, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
		ASN1_ENUMERATED *reason;
		long value;

		if (nid == NID_certificate_issuer)
			return refuse(e, c, X509_V_ERR_DIFFERENT_CRL_SCOPE,
			    "an entry names another issuer (certificateIssuer)");
		if (X509_EXTENSION_get_critical(ext))
			return refuse(e, c, X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
			    "an entry has a critical extension that is not known here");
		if (nid != NID_crl_reason)
			continue;
		reason = X509V3_EXT_d2i(ext);
		value = reason == NULL ? -1 : ASN1_ENUMERATED_get(reason);
		ASN1_ENUMERATED_free(reason);
		if (value < 0)
			return refuse(
			    e, c, X509_V_ERR_INVALID_EXTENSION, "an entry has a malformed reason");
		if (value == CRL_REASON_REMOVE_FROM_CRL)
			return refuse(e, c, X509_V_ERR_DIFFERENT_CRL_SCOPE,
			    "an entry says removeFromCRL, which only a delta CRL may");
	}
	return 0;
}

static int
check_entries(struct certpath_crl *c, struct err *e)
{
	STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(c->crl);

	for (int i = 0; i < sk_X509_REVOKED_num(all); i++)
		if (check_entry(c, sk_X509_REVOKED_value(all, i), e) == -1)
			return -1;
	return 0;
}

static int
check_times(struct certpath_crl *c, int64_t *from, int64_t *until, struct err *e)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(c->crl);

	if (certtime_get(X509_CRL_get0_lastUpdate(c->crl), from) == -1)
		return refuse(e, c, X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD,
		    "its thisUpdate cannot be read");
	/* RFC 5280 section 5.1.2.5 demands it; without it no CRL would ever be stale. */
	if (next == NULL)
		return refuse(
		    e, c, X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD, "it has no nextUpdate");
	if (certtime_get(next, until) == -1 || *until < *from)
		return refuse(e, c, X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD,
		    "its nextUpdate cannot be read, or is before thisUpdate");
	return 0;
}

/* One line when the CRL is not in force, or a quarter of its life or less is left. */
static void
tell_age(const struct certpath_crl *c, int64_t from, int64_t until, int64_t now,
    void (*note)(void *arg, const char *text), void *arg)
{
	char issuer[X509TEXT_NAME_SIZE], span[CERTTIME_SPAN_SIZE], when[TEXT_TIME_SIZE], line[400];
	char age[160];

	if (now < from)
		(void)snprintf(age, sizeof(age), "begins in %s (thisUpdate %s)",
		    certtime_span(span, from - now), text_time(when, from));
	else if (now >= until)
		(void)snprintf(age, sizeof(age),
		    "ended %s ago (nextUpdate %s): certificates of "
		    "this issuer are refused",
		    certtime_span(span, now - until), text_time(when, until));
	else if (until - now <= (until - from) / 4)
		(void)snprintf(age, sizeof(age), "ends in %s (nextUpdate %s)",
		    certtime_span(span, until - now), text_time(when, until));
	else
		return;
	(void)snprintf(line, sizeof(line), "%s: CRL of \"%s\" %s", c->name,
	    x509text_name(issuer, sizeof(issuer), X509_CRL_get_issuer(c->crl)), age);
	note(arg, line);
}

int
certpath_trust_check(struct certpath_trust *t, int64_t now,
    void (*note)(void *arg, const char *text), void *arg, struct err *e)
{
	int64_t from, until;
	int ret = 0;

	ERR_clear_error();
	for (size_t i = 0; i < t->ncrls && ret == 0; i++) {
		struct certpath_crl *c = &t->crls[i];

		if (check_signer(t, c, e) == -1 || check_signature_algorithm(c, e) == -1 ||
		    check_extensions(c, e) == -1 || check_entries(c, e) == -1 ||
		    check_times(c, &from, &until, e) == -1)
			ret = -1;
		else
			tell_age(c, from, until, now, note, arg);
	}
	ERR_clear_error();
	t->crls_checked = ret == 0;
	return ret;
}

void
certpath_trust_drop_strangers(
    struct certpath_trust *t, void (*note)(void *arg, const char *text), void *arg)
{
	size_t kept = 0;
	struct err e;

	ERR_clear_error();
	for (size_t i = 0; i < t->ncrls; i++) {
		struct certpath_crl *c = &t->crls[i];

		if (check_signer(t, c, &e) == 0) {
			t->crls[kept++] = *c;
			continue;
		}
		note(arg, e.text);
		X509_CRL_free(c->crl);
		free(c->name);
	}
	t->ncrls = kept;
	ERR_clear_error();
}

/* Whether one of path[from..] has the CRL issuer's name and the key that signed the CRL. */
static bool
is_signed_in_path(const struct certpath_crl *c, const struct certpath_path *path, int from)
{
	for (int i = from; i < path->n; i++)
		if (X509_NAME_cmp(
			X509_get_subject_name(path->cert[i]), X509_CRL_get_issuer(c->crl)) == 0 &&
		    certpath_same_key(path->cert[i], c->signer))
			return true;
	return false;
}

STACK_OF(X509_CRL) * certpath_crls_for(const struct certpath_trust *t,
			 const struct certpath_path *path, int from, const X509_NAME *name)
{
	STACK_OF(X509_CRL) *found = sk_X509_CRL_new_null();

	for (size_t i = 0; i < t->ncrls && found != NULL; i++) {
		const struct certpath_crl *c = &t->crls[i];

		if (X509_NAME_cmp(X509_CRL_get_issuer(c->crl), name) != 0 ||
		    !is_signed_in_path(c, path, from))
			continue;
		if (X509_CRL_up_ref(c->crl) != 1)
			continue;
		/* One CRL less is a refusal, never a login: no memory needs no other answer. */
		if (sk_X509_CRL_push(found, c->crl) <= 0)
			X509_CRL_free(c->crl);
	}
	return found;
}
