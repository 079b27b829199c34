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

bool
certpath_again(const struct certpath_trust *t, const struct certpath_result *res, int64_t now)
{
	struct certpath_path path = { .n = sk_X509_num(res->path), .whole = true };
	struct certpath_result ids = { 0 };
	struct err e;

	if (path.n <= 0 || path.n > CERTPATH_LEN_MAX)
		return false;
	for (int i = 0; i < path.n; i++) {
		path.cert[i] = sk_X509_value(res->path, i);
		if (!is_valid_at(path.cert[i], now))
			return false;
	}
	return certpath_revoked(t, &path, now, &ids, &e) == 0;
}
