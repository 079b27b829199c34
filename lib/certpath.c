/* certpath.c - validation of a path (RFC 5280 section 6) */
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "certpath_local.h"
#include "certtime.h"

/* One path in the hands of X509_verify_cert(), as its call-backs find it. */
struct attempt {
	const struct certpath_trust *t;
	const struct certpath_request *r;
	const struct certpath_path *path;
	struct certpath_result *res;
	struct err *e;
	bool refused; /* *e is filled */
};

/* The path is fixed: the issuer of each certificate is the next one in it. */
static int
on_check_issued(X509_STORE_CTX *ctx, X509 *x, X509 *issuer)
{
	const struct attempt *a = X509_STORE_CTX_get_app_data(ctx);

	for (int i = 0; i + 1 < a->path->n; i++)
		if (a->path->cert[i] == x)
			return a->path->cert[i + 1] == issuer;
	return 0;
}

/*
 * Two errors are none of ours. RFC 5280 section 4.1.2.5 counts the very second of notAfter as
 * valid, while OpenSSL refuses it. And a CA without key usage may sign (section 6.1.4 (n): "if a
 * key usage extension is present"); with one that leaves out keyCertSign it was refused before.
 * The error is put back to OK, since what stands there at the end is the verdict's reason. Nothing
 * else is ever excused, and an excused one only ends its own check.
 */
static bool
is_excused(const struct attempt *a, X509_STORE_CTX *ctx, int code)
{
	int64_t end;

	if (code == X509_V_ERR_CA_CERT_MISSING_KEY_USAGE)
		return true;
	if (code != X509_V_ERR_CERT_HAS_EXPIRED)
		return false;
	return certtime_get(X509_get0_notAfter(X509_STORE_CTX_get_current_cert(ctx)), &end) == 0 &&
	       end == a->r->now;
}

static int
on_verify(int ok, X509_STORE_CTX *ctx)
{
	struct attempt *a = X509_STORE_CTX_get_app_data(ctx);
	int code = X509_STORE_CTX_get_error(ctx);
	int depth = X509_STORE_CTX_get_error_depth(ctx);

	if (ok == 1)
		return 1;
	if (is_excused(a, ctx, code)) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	certpath_refuse_code(a->e, code, a->path, depth, a->r->now);
	a->refused = true;
	return 0;
}

/*
 * Put the initial policy set into `param`. When none is asked for it is {anyPolicy} (RFC 5280
 * section 6.1.1 (c)): to OpenSSL no set is an empty one, under which nothing is valid as soon as
 * an authority demands an explicit policy.
 */
static int
set_policies(X509_VERIFY_PARAM *param, const struct certpath_request *r, struct err *e)
{
	static const char *const any[] = { "2.5.29.32.0" };
	const char *const *set = r->npolicies > 0 ? r->policies : any;

	for (size_t i = 0; i < (r->npolicies > 0 ? r->npolicies : 1); i++) {
		ASN1_OBJECT *oid = OBJ_txt2obj(set[i], 1);

		if (oid == NULL) {
			err_set(e, ERR_REFUSED, "%.80s: not a policy OID", set[i]);
			e->detail = X509_V_ERR_INVALID_CALL;
			return -1;
		}
		if (X509_VERIFY_PARAM_add0_policy(param, oid) != 1) {
			ASN1_OBJECT_free(oid);
			return err_nomem(e, "certificate policies");
		}
	}
	return 0;
}

static int
set_params(X509_STORE_CTX *ctx, const struct certpath_request *r, struct err *e)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	unsigned long flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN |
			      X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_POLICY_CHECK;

	if (r->npolicies > 0)
		flags |= X509_V_FLAG_EXPLICIT_POLICY;
	/* Names of hosts are looked for in the SAN only; a CN is none, for constraints either. */
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	X509_VERIFY_PARAM_set_depth(param, CERTPATH_DEPTH_MAX);
	X509_VERIFY_PARAM_set_time(param, (time_t)r->now);
	if (X509_VERIFY_PARAM_set_flags(param, flags) != 1)
		return err_nomem(e, "verification parameters");
	return set_policies(param, r, e);
}

/* Add one dotted OID to the result. */
static int
result_policy(struct certpath_result *res, const ASN1_OBJECT *oid)
{
	char text[256], **grown;
	int n = OBJ_obj2txt(text, sizeof(text), oid, 1);

	/* One that is longer than any real one names no policy that a rule could ask for. */
	if (n <= 0 || (size_t)n >= sizeof(text))
		return 0;
	if ((grown = reallocarray(res->policies, res->npolicies + 1, sizeof(*grown))) == NULL)
		return -1;
	res->policies = grown;
	if ((grown[res->npolicies] = strdup(text)) == NULL)
		return -1;
	res->npolicies++;
	return 0;
}

/*
 * The policies of the whole path: those that the authorities constrain it to, and of them what
 * the initial set leaves (RFC 5280 section 6.1.5 (g)). anyPolicy names none.
 */
static int
result_policies(struct certpath_result *res, X509_STORE_CTX *ctx)
{
	X509_POLICY_TREE *tree = X509_STORE_CTX_get0_policy_tree(ctx);
	STACK_OF(X509_POLICY_NODE) * nodes;

	if (tree == NULL)
		return 0;
	nodes = X509_policy_tree_get0_user_policies(tree);
	for (int i = 0; i < sk_X509_POLICY_NODE_num(nodes); i++) {
		const ASN1_OBJECT *oid =
		    X509_policy_node_get0_policy(sk_X509_POLICY_NODE_value(nodes, i));

		if (OBJ_obj2nid(oid) != NID_any_policy && result_policy(res, oid) == -1)
			return -1;
	}
	return 0;
}

/* What was verified must be the very path that was built. */
static bool
is_same_path(STACK_OF(X509) * chain, const struct certpath_path *path)
{
	if (sk_X509_num(chain) != path->n)
		return false;
	for (int i = 0; i < path->n; i++)
		if (sk_X509_value(chain, i) != path->cert[i])
			return false;
	return true;
}

static int
verify_ready(X509_STORE_CTX *ctx, struct attempt *a)
{
	struct certpath_result res = { 0 };
	int ok;

	if (set_params(ctx, a->r, a->e) == -1)
		return -1;
	X509_STORE_CTX_set_app_data(ctx, a);
	ok = X509_verify_cert(ctx);
	if (ok != 1) {
		if (a->refused)
			return -1;
		/* No call-back spoke: out of memory, or something that libcrypto cannot do. */
		return X509_STORE_CTX_get_error(ctx) == X509_V_ERR_OUT_OF_MEM
			   ? err_nomem(a->e, "certificate path")
			   : certpath_refuse_code(a->e, X509_V_ERR_UNSPECIFIED, a->path, 0, 0);
	}
	if (a->refused || !is_same_path(X509_STORE_CTX_get0_chain(ctx), a->path))
		return certpath_refuse(a->e, X509_V_ERR_UNSPECIFIED, a->path, 0,
		    "another path was verified than was built");
	/* Serial numbers after signatures: until then a path is what somebody claims. */
	if (certpath_revoked(a->t, a->path, a->r->now, &res, a->e) == -1 ||
	    certpath_rules(a->r, a->path, a->e) == -1)
		return -1;
	if (result_policies(&res, ctx) == -1 ||
	    (res.path = X509_STORE_CTX_get1_chain(ctx)) == NULL) {
		certpath_result_done(&res);
		return err_nomem(a->e, "certificate path");
	}
	*a->res = res;
	return 0;
}

/* Have X509_verify_cert() judge one path; it finds nothing but that path's certificates. */
static int
verify_path(void *arg, const struct certpath_path *path, struct err *e)
{
	const struct attempt *given = arg;
	struct attempt a = *given;
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *inter = sk_X509_new_null(), *anchor = sk_X509_new_null();
	int ret = 0;

	a.path = path;
	a.e = e;
	a.refused = false;
	if (ctx == NULL || inter == NULL || anchor == NULL ||
	    sk_X509_push(anchor, path->cert[path->n - 1]) <= 0)
		ret = err_nomem(e, "certificate path");
	for (int i = 1; i < path->n - 1 && ret == 0; i++)
		if (sk_X509_push(inter, path->cert[i]) <= 0)
			ret = err_nomem(e, "certificate path");
	if (ret == 0 && X509_STORE_CTX_init(ctx, a.t->store, path->cert[0], inter) != 1)
		ret = err_nomem(e, "certificate path");
	if (ret == 0) {
		X509_STORE_CTX_set0_trusted_stack(ctx, anchor);
		ret = verify_ready(ctx, &a);
	}
	X509_STORE_CTX_free(ctx);
	/* The stacks only lend: the certificates are the caller's and the section's. */
	sk_X509_free(inter);
	sk_X509_free(anchor);
	ERR_clear_error();
	return ret;
}

int
certpath_verify(const struct certpath_trust *t, const struct certpath_request *r,
    struct certpath_result *res, struct err *e)
{
	struct attempt a = { .t = t, .r = r, .res = res };
	const struct certpath_try try = { .try = verify_path, .arg = &a };
	const struct certpath_path alone = { .cert = { r->leaf }, .n = 1 };
	int n, ret;

	if (t->fresh.n > 0 || t->nbad > 0)
		return err_set(e, ERR_REFUSED, "the CRLs of this section were not checked");
	ERR_clear_error();
	n = i2d_X509(r->leaf, NULL);
	if (n <= 0 || n > CERTPATH_LEAF_MAX)
		ret = certpath_refuse(e, X509_V_ERR_UNSPECIFIED, &alone, 0,
		    "the certificate has more than %d bytes", CERTPATH_LEAF_MAX);
	else if ((X509_get_extension_flags(r->leaf) & EXFLAG_INVALID) != 0)
		ret = certpath_refuse(e, X509_V_ERR_INVALID_EXTENSION, &alone, 0,
		    "an extension is malformed or stands twice");
	else if (X509_get0_pubkey(r->leaf) == NULL)
		ret = certpath_refuse(e, X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, &alone, 0,
		    "its public key cannot be read");
	else if (sk_X509_num(r->untrusted) > CERTPATH_UNTRUSTED_MAX)
		ret = certpath_refuse(e, X509_V_ERR_CERT_CHAIN_TOO_LONG, &alone, 0,
		    "%d certificates came with it, at most %d are looked at",
		    sk_X509_num(r->untrusted), CERTPATH_UNTRUSTED_MAX);
	else
		ret = certpath_build(t, r, &try, e);
	ERR_clear_error();
	return ret;
}

void
certpath_result_done(struct certpath_result *res)
{
	sk_X509_pop_free(res->path, X509_free);
	for (size_t i = 0; i < res->npolicies; i++)
		free(res->policies[i]);
	free(res->policies);
	*res = (struct certpath_result){ 0 };
}

void
certpath_store_setup(X509_STORE *store)
{
	X509_STORE_set_verify_cb(store, on_verify);
	X509_STORE_set_check_issued(store, on_check_issued);
}
