/* certpath_revoked.c - a path and the CRLs of its issuers */
#include <stdio.h>
#include <string.h>
#include <openssl/x509v3.h>

#include "certpath_local.h"
#include "certtime.h"
#include "text.h"
#include "x509text.h"

/* ", keyCompromise", ", on hold"; "" when there is nothing to tell. */
static const char *
reason_text(char *dst, size_t size, unsigned reason)
{
	const char *name = crlindex_reason_name(reason);

	if (reason == CRL_REASON_CERTIFICATE_HOLD)
		(void)snprintf(dst, size, ", on hold");
	else
		(void)snprintf(dst, size, "%s%s", *name == '\0' ? "" : ", ", name);
	return dst;
}

/* "2 h ago (nextUpdate 2026-11-23T19:00:00Z)", "in 2 h (thisUpdate …)" */
static const char *
since(char *dst, size_t size, const char *field, int64_t at, int64_t now)
{
	char span[CERTTIME_SPAN_SIZE], when[TEXT_TIME_SIZE];

	(void)certtime_span(span, now - at);
	if (at <= now)
		(void)snprintf(dst, size, "%s ago (%s %s)", span, field, text_time(when, at));
	else
		(void)snprintf(dst, size, "in %s (%s %s)", span, field, text_time(when, at));
	return dst;
}

/* What the answer means for certificate `i`. */
static int
judge(const struct crlindex_answer *a, const struct certpath_path *path, int i, int64_t now,
    struct err *e)
{
	char issuer[96], more[96];

	(void)x509text_name(issuer, sizeof(issuer), X509_get_issuer_name(path->cert[i]));
	switch (a->state) {
	case CRLINDEX_CURRENT:
		if (!a->revoked)
			return 0;
		return certpath_refuse(e, X509_V_ERR_CERT_REVOKED, path, i,
		    "revoked by its issuer \"%s\" (CRL %s%s)", issuer, a->list->file,
		    reason_text(more, sizeof(more), a->reason));
	case CRLINDEX_OTHERS:
		return certpath_refuse(e, X509_V_ERR_DIFFERENT_CRL_SCOPE, path, i,
		    "the CRL of its issuer \"%s\" (%s) is for %s certificates only", issuer,
		    a->list->file, a->list->scope == CRLINDEX_CAS ? "CA" : "user");
	case CRLINDEX_EARLY:
		return certpath_refuse(e, X509_V_ERR_CRL_NOT_YET_VALID, path, i,
		    "the CRL of its issuer \"%s\" (%s) begins %s", issuer, a->list->file,
		    since(more, sizeof(more), "thisUpdate", a->list->this_update, now));
	case CRLINDEX_STALE:
		return certpath_refuse(e, X509_V_ERR_CRL_HAS_EXPIRED, path, i,
		    "the CRL of its issuer \"%s\" (%s) expired %s", issuer, a->list->file,
		    since(more, sizeof(more), "nextUpdate", a->list->next_update, now));
	case CRLINDEX_MISSING:
		break;
	}
	return certpath_refuse(e, X509_V_ERR_UNABLE_TO_GET_CRL, path, i,
	    "there is no CRL for its issuer \"%s\"", issuer);
}

/* libcrypto keeps the magnitude's octets, and the sign in the type. */
static int
get_serial(const X509 *x, struct crlindex_serial *s)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	int n = ASN1_STRING_length(serial);

	if (n < 0 || n > CRLINDEX_MAGNITUDE)
		return -1;
	memset(s->magnitude, 0, sizeof(s->magnitude));
	if (n > 0)
		memcpy(s->magnitude + sizeof(s->magnitude) - (size_t)n,
		    ASN1_STRING_get0_data(serial), (size_t)n);
	s->negative = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;
	return 0;
}

/*
 * Ask for the CRLs of certificate `i`. Its issuer is the next one in the path. Where the same
 * authority stands higher in the path with another key (a key that was rolled over), that key may
 * have signed the list: the first key that has one decides, and its id goes to *res.
 */
static int
ask(const struct certpath_trust *t, const struct certpath_path *path, int i, int64_t now,
    struct certpath_result *res, struct err *e)
{
	static const struct crlindex none;
	struct crlindex_query q = { .section = t->section };
	struct crlindex_answer a, best = { .state = CRLINDEX_MISSING };
	uint8_t other[CRLINDEX_ID];

	if (get_serial(path->cert[i], &q.serial) == -1)
		return certpath_refuse(e, X509_V_ERR_UNSPECIFIED, path, i,
		    "its serial number has more than 20 octets");
	q.is_ca = (X509_get_extension_flags(path->cert[i]) & EXFLAG_CA) != 0;
	for (int k = i + 1; k < path->n; k++) {
		if (k > i + 1 && X509_NAME_cmp(X509_get_subject_name(path->cert[k]),
				     X509_get_issuer_name(path->cert[i])) != 0)
			continue;
		if (certpath_issuer_id(path->cert[k], other) == -1)
			return err_nomem(e, "certificate path");
		q.issuer = other;
		crlindex_ask(t->index != NULL ? t->index : &none, &q, now, &a);
		if (a.state == CRLINDEX_MISSING)
			continue;
		if ((X509_get_key_usage(path->cert[k]) & KU_CRL_SIGN) == 0)
			return certpath_refuse(e, X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, path, k,
			    "its key usage leaves out cRLSign, but it signed a CRL");
		best = a;
		memcpy(res->issuers[i], other, CRLINDEX_ID);
		if (a.state != CRLINDEX_OTHERS)
			break;
	}
	if (best.list != NULL && best.list->next_update < res->crls_until)
		res->crls_until = best.list->next_update;
	return judge(&best, path, i, now, e);
}

int
certpath_revoked(const struct certpath_trust *t, const struct certpath_path *path, int64_t now,
    struct certpath_result *res, struct err *e)
{
	res->crls_until = INT64_MAX;
	for (int i = 0; i + 1 < path->n; i++) {
		if (certpath_issuer_id(path->cert[i + 1], res->issuers[i]) == -1)
			return err_nomem(e, "certificate path");
		if (t->revocation == CERTPATH_REVOCATION_REQUIRE &&
		    ask(t, path, i, now, res, e) == -1)
			return -1;
	}
	return 0;
}
