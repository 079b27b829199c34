/*
 * certpath_build.c - every path from a leaf to an anchor, by names and key identifiers
 *
 * OpenSSL's own builder takes the first issuer that fits and never comes back to another one. With
 * two certificates of one name (a key that was rolled over, a cross-certificate, one that expired)
 * that is a matter of luck. Here each path is tried, nearest anchor first, until one is valid.
 */
#include <openssl/x509v3.h>

#include "certpath_local.h"
#include "x509text.h"

/*
 * What a peer may cost: paths that are judged (a false one costs one signature check, for it ends
 * at the anchor's signature), and certificates that are looked at while building them.
 */
#define PATHS_MAX 32
#define STEPS_MAX 20000

struct build {
	const struct certpath_trust *t;
	const struct certpath_request *r;
	const struct certpath_try *try;
	struct certpath_path path;
	struct certpath_path dead_end; /* the longest that led nowhere */
	int paths, steps;
	bool too_long;	  /* somewhere the limit of intermediates ended the search */
	bool other_key;	  /* an issuer of the right name has another key */
	bool malformed;	  /* or an extension that cannot be read */
	struct err first; /* why the first path failed */
};

/* A certificate for the same name and key, this very one or another: a loop. */
static bool
is_in_path(const struct certpath_path *p, const X509 *x)
{
	for (int i = 0; i < p->n; i++)
		if (X509_NAME_cmp(X509_get_subject_name(p->cert[i]), X509_get_subject_name(x)) ==
			0 &&
		    certpath_same_key(p->cert[i], x))
			return true;
	return false;
}

/*
 * Whether `issuer` may have issued the last certificate of the path. One without keyCertSign is
 * taken here: verifying says better what is wrong with it.
 */
static bool
may_issue(struct build *b, X509 *issuer)
{
	X509 *x = b->path.cert[b->path.n - 1];

	b->steps++;
	if (X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(issuer)) != 0)
		return false;
	switch (X509_check_issued(issuer, x)) {
	case X509_V_OK:
	case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
		return !is_in_path(&b->path, issuer);
	case X509_V_ERR_AKID_SKID_MISMATCH:
	case X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
	case X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH:
		b->other_key = true;
		return false;
	default:
		b->malformed = true;
		return false;
	}
}

/* One whole path. 0 when it is valid, 1 when the search goes on, -1 when it must end. */
static int
try_path(struct build *b)
{
	struct err e;

	if (b->try->try(b->try->arg, &b->path, &e) == 0)
		return 0;
	if (b->paths++ == 0 || e.kind != ERR_REFUSED)
		b->first = e;
	return e.kind != ERR_REFUSED || b->paths == PATHS_MAX ? -1 : 1;
}

static int search(struct build *b);

/* Go on from each certificate of `pool` that may be the issuer; `anchors`: the path ends there. */
static int
search_pool(struct build *b, STACK_OF(X509) * pool, bool anchors)
{
	int ret = 1, n = b->path.n;

	for (int i = 0; i < sk_X509_num(pool) && ret == 1; i++) {
		X509 *issuer = sk_X509_value(pool, i);

		if (b->steps >= STEPS_MAX)
			return -1;
		if (!may_issue(b, issuer))
			continue;
		if (!anchors && n > CERTPATH_DEPTH_MAX) {
			b->too_long = true;
			return 1;
		}
		b->path.cert[b->path.n++] = issuer;
		b->path.whole = anchors;
		ret = anchors ? try_path(b) : search(b);
		b->path.whole = false;
		b->path.n = n;
	}
	return ret;
}

/* 0 found, 1 not from here, -1 give up. At most CERTPATH_DEPTH_MAX calls deep. */
static int
search(struct build *b)
{
	int ret, before = b->paths;

	if ((ret = search_pool(b, b->t->anchors, true)) != 1)
		return ret;
	if ((ret = search_pool(b, b->t->inter, false)) != 1)
		return ret;
	if (b->r->untrusted != NULL && (ret = search_pool(b, b->r->untrusted, false)) != 1)
		return ret;
	if (b->paths == before && b->path.n > b->dead_end.n)
		b->dead_end = b->path;
	return 1;
}

/* No path reached an anchor: tell where the longest one ended. */
static int
no_path(const struct build *b, struct err *e)
{
	int last = b->dead_end.n - 1;
	X509 *x = b->dead_end.cert[last];
	char issuer[X509TEXT_NAME_SIZE];

	if (b->too_long)
		return certpath_refuse(e, X509_V_ERR_CERT_CHAIN_TOO_LONG, &b->dead_end, 0,
		    "more than %d intermediates to an anchor", CERTPATH_DEPTH_MAX);
	(void)x509text_name(issuer, sizeof(issuer), X509_get_issuer_name(x));
	if ((X509_get_extension_flags(x) & EXFLAG_SI) != 0)
		return certpath_refuse(e,
		    last == 0 ? X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
			      : X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
		    &b->dead_end, last, "issued by itself, and %s",
		    last == 0 ? "no anchor issued it" : "it is not one of the anchors");
	return certpath_refuse(e, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, &b->dead_end, last,
	    "its issuer \"%s\" is %s", issuer,
	    b->other_key   ? "here with another key only (the key identifiers differ)"
	    : b->malformed ? "here, but with an extension that is malformed or stands twice"
			   : "neither an anchor nor among the intermediates");
}

int
certpath_build(const struct certpath_trust *t, const struct certpath_request *r,
    const struct certpath_try *try, struct err *e)
{
	struct build b = { .t = t, .r = r, .try = try };

	b.path.cert[0] = r->leaf;
	b.path.n = 1;
	b.dead_end = b.path;
	switch (search(&b)) {
	case 0:
		return 0;
	case 1:
		break;
	default:
		if (b.paths == 0)
			return certpath_refuse(e, X509_V_ERR_CERT_CHAIN_TOO_LONG, &b.dead_end, 0,
			    "too many certificates of one name to find a path");
	}
	if (b.paths > 0) {
		*e = b.first;
		return -1;
	}
	return no_path(&b, e);
}
