/* explain.c - alerts and refusals as sentences */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "cred.h"
#include "explain.h"
#include "text.h"

#define PATH_SHOWN 200
#define NAME_SHOWN 160
#define nitems(a)  (sizeof(a) / sizeof((a)[0]))

char *
explain_span(int64_t seconds, char dst[EXPLAIN_SPAN_SIZE])
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = { { 86400, "days" }, { 3600, "h" }, { 60, "min" } };

	if (seconds < 0)
		seconds = 0;
	for (size_t i = 0; i < nitems(units); i++)
		if (seconds >= 2 * units[i].seconds) {
			(void)snprintf(dst, EXPLAIN_SPAN_SIZE, "%lld %s",
			    (long long)(seconds / units[i].seconds), units[i].unit);
			return dst;
		}
	(void)snprintf(dst, EXPLAIN_SPAN_SIZE, "%lld s", (long long)seconds);
	return dst;
}

static const char *
path_shown(const struct explain_self *s, char buf[PATH_SHOWN])
{
	return text_escape(buf, PATH_SHOWN, s->cert_path, strlen(s->cert_path));
}

/* The name of a certificate, escaped; X509_NAME_oneline() would leave control bytes in. */
static const char *
name_shown(const X509_NAME *name, char buf[NAME_SHOWN])
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n = 0;

	if (bio != NULL &&
	    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
		n = BIO_get_mem_data(bio, &p);
	(void)text_escape(buf, NAME_SHOWN, p == NULL ? "" : p, n > 0 ? (size_t)n : 0);
	BIO_free(bio);
	return buf;
}

char *
explain_validity(const struct explain_self *s, char *dst, size_t size)
{
	char span[EXPLAIN_SPAN_SIZE], when[TEXT_TIME_SIZE], path[PATH_SHOWN];

	if (s->now > s->not_after)
		(void)snprintf(dst, size,
		    "your certificate expired %s ago (%s); put a new one into "
		    "%s",
		    explain_span(s->now - s->not_after, span), text_time(when, s->not_after),
		    path_shown(s, path));
	else if (s->now < s->not_before)
		(void)snprintf(dst, size,
		    "your certificate is valid only from %s on, in %s; is this "
		    "computer's clock right?",
		    text_time(when, s->not_before), explain_span(s->not_before - s->now, span));
	else if (s->not_after - s->now < 3600)
		(void)snprintf(dst, size,
		    "your certificate expires in %s (%s); put a new one into "
		    "%s",
		    explain_span(s->not_after - s->now, span), text_time(when, s->not_after),
		    path_shown(s, path));
	else
		return NULL;
	return dst;
}

static void
on_expired(const struct explain_self *s, char *dst, size_t size)
{
	char span[EXPLAIN_SPAN_SIZE], when[TEXT_TIME_SIZE], path[PATH_SHOWN];

	(void)text_time(when, s->not_after);
	if (s->now > s->not_after)
		(void)snprintf(dst, size,
		    "the bridge refused your certificate: it expired %s ago "
		    "(%s); get a new one from your CA (\"mtls-ca issue user\") and put it into %s",
		    explain_span(s->now - s->not_after, span), when, path_shown(s, path));
	else
		(void)snprintf(dst, size,
		    "the bridge refused your certificate as expired, yet here "
		    "it is valid until %s: its intermediate has expired, the bridge's revocation "
		    "list is out of date, or one of the two clocks is wrong",
		    when);
}

static void
on_unknown_ca(const struct explain_self *s, char *dst, size_t size)
{
	char name[NAME_SHOWN], path[PATH_SHOWN];

	(void)snprintf(dst, size,
	    "the bridge does not trust the CA of your certificate (issuer "
	    "\"%s\"), or %s lacks the intermediate that signed it",
	    name_shown(X509_get_issuer_name(s->leaf), name), path_shown(s, path));
}

static void
on_revoked(const struct explain_self *s, char *dst, size_t size)
{
	char name[NAME_SHOWN];

	(void)snprintf(dst, size,
	    "the bridge refused your certificate (\"%s\"): it was revoked; "
	    "get a new one from your CA",
	    name_shown(X509_get_subject_name(s->leaf), name));
}

static void
on_bad(const struct explain_self *s, char *dst, size_t size)
{
	char why[360];

	if (s->now < s->not_before && explain_validity(s, why, sizeof(why)) != NULL)
		(void)snprintf(dst, size, "the bridge refused your certificate: %s", why);
	else
		(void)snprintf(dst, size,
		    "the bridge refused your certificate as not acceptable; "
		    "its log says why");
}

/* Both versions' way to say that no certificate came (RFC 8446 section 6.2, RFC 5246 7.2.2). */
static void
on_required(const struct explain_self *s, char *dst, size_t size)
{
	char path[PATH_SHOWN];

	(void)snprintf(dst, size,
	    "the bridge wants a certificate and got none: the kind of key in "
	    "%s is one that it does not take",
	    path_shown(s, path));
}

static void
on_handshake_failure(const struct explain_self *s, char *dst, size_t size)
{
	if (s->asked)
		on_required(s, dst, size);
	else
		(void)snprintf(dst, size, "the server shares no TLS version or cipher with us");
}

static const struct {
	int alert;
	const char *text; /* NULL: the function makes it */
	void (*make)(const struct explain_self *, char *, size_t);
} alerts[] = {
	{ SSL_AD_CERTIFICATE_EXPIRED, NULL, on_expired },
	{ SSL_AD_CERTIFICATE_REVOKED, NULL, on_revoked },
	{ SSL_AD_UNKNOWN_CA, NULL, on_unknown_ca },
	{ SSL_AD_CERTIFICATE_UNKNOWN, NULL, on_bad },
	{ SSL_AD_BAD_CERTIFICATE, NULL, on_bad },
	{ SSL_AD_CERTIFICATE_REQUIRED, NULL, on_required },
	{ SSL_AD_HANDSHAKE_FAILURE, NULL, on_handshake_failure },
	{ SSL_AD_UNSUPPORTED_CERTIFICATE,
	    "the bridge refused your certificate: it is not one for clients (extended key usage "
	    "clientAuth)",
	    NULL },
	{ SSL_AD_ACCESS_DENIED, "the bridge refuses access to this certificate", NULL },
	{ SSL_AD_DECRYPT_ERROR, "the bridge did not accept the proof that the key is yours", NULL },
	{ SSL_AD_PROTOCOL_VERSION,
	    "the server does not speak TLS 1.3; if it is the right one, allow 1.2 with "
	    "--min-version 1.2",
	    NULL },
	{ SSL_AD_INSUFFICIENT_SECURITY, "the server wants stronger ciphers than we have", NULL },
	{ SSL_AD_UNRECOGNIZED_NAME,
	    "the server does not know the name that it was called by; give the right one with "
	    "--server-name",
	    NULL },
	{ SSL_AD_INTERNAL_ERROR, "the bridge has an internal error; its log says more", NULL },
	{ SSL_AD_USER_CANCELLED, "the bridge gave the connection up", NULL },
};

char *
explain_alert(int alert, const struct explain_self *s, char *dst, size_t size)
{
	for (size_t i = 0; i < nitems(alerts); i++) {
		if (alerts[i].alert != alert)
			continue;
		if (alerts[i].make != NULL)
			alerts[i].make(s, dst, size);
		else
			(void)snprintf(dst, size, "%s", alerts[i].text);
		return dst;
	}
	(void)snprintf(dst, size, "the bridge ended the connection with TLS alert %d (%s)", alert,
	    SSL_alert_desc_string_long(alert));
	return dst;
}

char *
explain_tls(unsigned long code, int errnum, const struct explain_self *s, char *dst, size_t size)
{
	int reason = ERR_GET_REASON(code);
	char buf[128];

	if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
	    reason <= SSL_AD_REASON_OFFSET + 255)
		return explain_alert(reason - SSL_AD_REASON_OFFSET, s, dst, size);
	if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
	    (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_WRONG_SSL_VERSION))
		return explain_alert(SSL_AD_PROTOCOL_VERSION, s, dst, size);
	if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		(void)snprintf(dst, size, "the server closed the connection");
	else if (code != 0)
		(void)snprintf(dst, size, "TLS: %s",
		    ERR_reason_error_string(code) == NULL ? "unknown error"
							  : ERR_reason_error_string(code));
	else if (errnum != 0)
		(void)snprintf(
		    dst, size, "the connection broke: %s", strerror_r(errnum, buf, sizeof(buf)));
	else
		(void)snprintf(dst, size, "the server closed the connection");
	return dst;
}

static void
address_shown(const ASN1_OCTET_STRING *ip, char *dst, size_t size)
{
	int n = ASN1_STRING_length(ip);

	if ((n != 4 && n != 16) || inet_ntop(n == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(ip),
				       dst, (socklen_t)size) == NULL)
		(void)snprintf(dst, size, "a damaged address");
}

/* The names that a certificate does have, for one that has another than we asked for. */
static void
san_list(X509 *cert, char *dst, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	size_t o = 0;
	int shown = 0;

	dst[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && shown < 5; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
		char one[80];
		int n;

		if (g->type == GEN_DNS)
			(void)text_escape(one, sizeof(one), ASN1_STRING_get0_data(g->d.dNSName),
			    (size_t)ASN1_STRING_length(g->d.dNSName));
		else if (g->type == GEN_IPADD)
			address_shown(g->d.iPAddress, one, sizeof(one));
		else
			continue;
		n = snprintf(dst + o, size - o, "%s%s", shown > 0 ? ", " : "", one);
		if (n < 0 || (size_t)n >= size - o)
			break;
		o += (size_t)n;
		shown++;
	}
	GENERAL_NAMES_free(names);
}

/* Of the server's own certificate, though it may be one above it that the clock is against. */
static void
server_time(const X509 *cert, bool expired, char *dst, size_t size)
{
	int64_t t;
	char when[TEXT_TIME_SIZE], own[80] = "";

	if (cert != NULL &&
	    cred_time(expired ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert), &t) == 0)
		(void)snprintf(own, sizeof(own), " (the server's is good %s %s)",
		    expired ? "until" : "from", text_time(when, t));
	(void)snprintf(dst, size,
	    "the server's certificate, or that of its CA, %s%s: the bridge's administrator has to "
	    "put a new one there, or this computer's clock is wrong",
	    expired ? "has expired" : "is not valid yet", own);
}

char *
explain_verify(long result, X509 *cert, const char *name, char *dst, size_t size)
{
	char list[300] = "", issuer[NAME_SHOWN] = "?";

	if (cert != NULL) {
		san_list(cert, list, sizeof(list));
		(void)name_shown(X509_get_issuer_name(cert), issuer);
	}
	switch (result) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		(void)snprintf(dst, size,
		    "the server's certificate is not for \"%s\" but for %s; "
		    "if that is the bridge, give its name with --server-name",
		    name, list[0] == '\0' ? "no name at all (it has no subjectAltName)" : list);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		(void)snprintf(dst, size,
		    "the server's certificate (issuer \"%s\") is not signed by "
		    "a CA of yours; see --ca",
		    issuer);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		server_time(cert, result == X509_V_ERR_CERT_HAS_EXPIRED, dst, size);
		break;
	case X509_V_ERR_INVALID_PURPOSE:
		(void)snprintf(dst, size,
		    "the server's certificate is not one for servers (extended "
		    "key usage serverAuth)");
		break;
	default:
		(void)snprintf(dst, size, "the server's certificate was not accepted: %s",
		    X509_verify_cert_error_string(result));
	}
	return dst;
}

char *
explain_not_tls(const uint8_t *p, size_t n, char *dst, size_t size)
{
	size_t line = 0;
	char shown[100];

	/* the content types of TLS records: 20 to 23 */
	if (n == 0 || (p[0] >= 20 && p[0] <= 23))
		return NULL;
	if (n >= 4 && memcmp(p, "SSH-", 4) == 0) {
		(void)snprintf(dst, size,
		    "the server answers in plain SSH, not TLS: is the port "
		    "right?");
	} else if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		(void)snprintf(dst, size,
		    "the server answers in plain HTTP, not TLS: is the port "
		    "right?");
	} else {
		while (line < n && line < 40 && p[line] != '\r' && p[line] != '\n')
			line++;
		(void)snprintf(dst, size,
		    "the server does not speak TLS, it says \"%s\": is the "
		    "port right?",
		    text_escape(shown, sizeof(shown), p, line));
	}
	return dst;
}
