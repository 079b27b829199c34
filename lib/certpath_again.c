/*
 * certpath_again.c - a path that was accepted before, at another time
 *
 * What was signed stays signed. What may change between one use and the next is looked at each
 * time: the validity of each certificate, the age of the CRLs, and whether they list it.
 */
#include "certpath_local.h"
#include "certtime.h"

static bool
is_valid_at(const X509 *x, int64_t now)
{
	int64_t from, until;

	return certtime_get(X509_get0_notBefore(x), &from) == 0 &&
	       certtime_get(X509_get0_notAfter(x), &until) == 0 && from <= now && now <= until;
}

/*
 * Where one CRL of its issuer is in force and none that has begun lists the certificate. A CRL for
 * one kind of certificate only is left to certpath_verify().
 */
static bool
is_clean(STACK_OF(X509_CRL) * crls, X509 *x, int64_t now)
{
	bool current = false;

	for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(crls, i);
		X509_REVOKED *entry;
		int64_t from, until;

		if (certtime_get(X509_CRL_get0_lastUpdate(crl), &from) == -1 ||
		    certtime_get(X509_CRL_get0_nextUpdate(crl), &until) == -1 ||
		    X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1) >= 0 ||
		    X509_CRL_get0_by_cert(crl, &entry, x) != 0)
			return false;
		current |= from <= now && now < until;
	}
	return current;
}

bool
certpath_again(const struct certpath_trust *t, const struct certpath_result *res, int64_t now)
{
	struct certpath_path path = { .n = sk_X509_num(res->path), .whole = true };
	bool ok = path.n > 0 && path.n <= CERTPATH_LEN_MAX;

	for (int i = 0; ok && i < path.n; i++) {
		path.cert[i] = sk_X509_value(res->path, i);
		ok = is_valid_at(path.cert[i], now);
	}
	if (t->revocation != CERTPATH_REVOCATION_REQUIRE)
		return ok;
	for (int i = 0; ok && i + 1 < path.n; i++) {
		STACK_OF(X509_CRL) *crls =
		    certpath_crls_for(t, &path, i + 1, X509_get_issuer_name(path.cert[i]));

		ok = is_clean(crls, path.cert[i], now);
		sk_X509_CRL_pop_free(crls, X509_CRL_free);
	}
	return ok;
}
