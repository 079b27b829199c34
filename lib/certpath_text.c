/* certpath_text.c - why a path was refused, in words that name the certificate */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <openssl/x509v3.h>

#include "certpath_local.h"
#include "certtime.h"
#include "text.h"
#include "x509text.h"

/* "leaf "CN=alice"" */
static void
label(char *dst, size_t size, const struct certpath_path *path, int depth)
{
	char name[X509TEXT_NAME_SIZE];

	(void)x509text_name(name, sizeof(name), X509_get_subject_name(path->cert[depth]));
	if (depth == 0)
		(void)snprintf(dst, size, "leaf \"%s\"", name);
	else if (path->whole && depth == path->n - 1)
		(void)snprintf(dst, size, "anchor \"%s\"", name);
	else
		(void)snprintf(dst, size, "intermediate %d \"%s\"", depth, name);
}

int
certpath_refuse(
    struct err *e, int code, const struct certpath_path *path, int depth, const char *fmt, ...)
{
	char who[X509TEXT_NAME_SIZE + 32], why[sizeof(e->text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	label(who, sizeof(who), path, depth < 0 || depth >= path->n ? 0 : depth);
	err_set(e, ERR_REFUSED, "%s: %s", who, why);
	e->detail = code;
	return -1;
}

/* "3 h ago (notAfter 2026-11-23T19:00:00Z)"; `dst` has SPAN_SIZE bytes. */
#define SPAN_SIZE 96
static char *
since(char dst[SPAN_SIZE], const char *field, const ASN1_TIME *t, int64_t now)
{
	char span[CERTTIME_SPAN_SIZE], when[TEXT_TIME_SIZE];
	int64_t at;

	if (t == NULL || certtime_get(t, &at) == -1)
		(void)snprintf(dst, SPAN_SIZE, "(%s cannot be read)", field);
	else if (at <= now)
		(void)snprintf(dst, SPAN_SIZE, "%s ago (%s %s)", certtime_span(span, now - at),
		    field, text_time(when, at));
	else
		(void)snprintf(dst, SPAN_SIZE, "in %s (%s %s)", certtime_span(span, at - now),
		    field, text_time(when, at));
	return dst;
}

int
certpath_refuse_code(
    struct err *e, int code, const struct certpath_path *path, int depth, int64_t now)
{
	char issuer[X509TEXT_NAME_SIZE], span[SPAN_SIZE];
	X509 *x;

	if (depth < 0 || depth >= path->n)
		depth = 0;
	x = path->cert[depth];
	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return certpath_refuse(e, code, path, depth, "expired %s",
		    since(span, "notAfter", X509_get0_notAfter(x), now));
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return certpath_refuse(e, code, path, depth, "not valid yet, begins %s",
		    since(span, "notBefore", X509_get0_notBefore(x), now));
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		(void)x509text_name(issuer, sizeof(issuer), X509_get_issuer_name(x));
		return certpath_refuse(
		    e, code, path, depth, "its signature is not that of \"%s\"", issuer);
	case X509_V_ERR_NO_EXPLICIT_POLICY:
		return certpath_refuse(e, code, path, 0,
		    "no certificate policy that is asked for "
		    "holds for the whole path");
	default:
		return certpath_refuse(
		    e, code, path, depth, "%s", X509_verify_cert_error_string(code));
	}
}
