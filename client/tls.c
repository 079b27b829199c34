/* tls.c - the TLS side */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "agentprov.h"
#include "clock.h"
#include "explain.h"
#include "tls.h"

/*
 * Compressed certificates (RFC 8879, OpenSSL 3.2 and later) would have the peer unpack what nobody
 * has proved yet; what little they save is no reason.
 */
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
#define NO_CERTIFICATE_COMPRESSION \
	(SSL_OP_NO_TX_CERTIFICATE_COMPRESSION | SSL_OP_NO_RX_CERTIFICATE_COMPRESSION)
#else
#define NO_CERTIFICATE_COMPRESSION 0
#endif

/* As many whole records as relay.c takes in one go: a read() ends on a record, not 200 bytes short.
 */
#define READ_AHEAD (WIRE_RECORDS * WIRE_RECORD)

static int
fail(struct err *e, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = ERR_reason_error_string(code);

	ERR_clear_error();
	return err_set(e, ERR_FORMAT, "TLS: %s: %s", what, why == NULL ? "failed" : why);
}

/* RFC 5280 section 4.2.1.12: libcrypto takes a certificate without the extension for any use. */
static int
verify_server(X509_STORE_CTX *xc, void *arg)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(xc);
	struct tls *t = arg;

	/* Only 1 is yes: 0 is no and a negative value an error of the verifier itself. */
	if (X509_verify_cert(xc) == 1) {
		if ((X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) != 0 &&
		    (X509_get_extended_key_usage(leaf) & XKU_SSL_SERVER) != 0)
			return 1;
		X509_STORE_CTX_set_error(xc, X509_V_ERR_INVALID_PURPOSE);
	}
	/* libssl keeps no certificate that it refused: the sentence is made here. */
	(void)explain_verify(
	    X509_STORE_CTX_get_error(xc), leaf, t->ep->name, t->refused, sizeof(t->refused));
	return 0;
}

/* The server asked for a certificate: what it has itself is left out (RFC 8446 section 4.2.4). */
static int
chain_choose(SSL *ssl, void *arg)
{
	struct tls *t = arg;

	if (t->open) {
		SSL_certs_clear(ssl);
		if (!renew_choose(t))
			return 1; /* an empty answer */
		if (SSL_use_cert_and_key(ssl, t->cred->leaf, t->cred->key, NULL, 1) != 1)
			return 0;
	}
	t->asked = true;
	t->chain_sent =
	    cred_chain_needed(t->cred->leaf, t->cred->chain, SSL_get0_peer_CA_list(ssl));
	if (SSL_clear_chain_certs(ssl) != 1)
		return 0;
	for (int i = 0; i < t->chain_sent; i++)
		if (SSL_add1_chain_cert(ssl, sk_X509_value(t->cred->chain, i)) != 1)
			return 0;
	return 1;
}

static int
context_trust(struct tls *t, struct err *e)
{
	X509_STORE *store = SSL_CTX_get_cert_store(t->ctx);
	const struct cred *c = t->cred;

	for (int i = 0; i < sk_X509_num(c->anchors); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(c->anchors, i)) != 1)
			return fail(e, "CA certificates");
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(t->ctx, verify_server, t);
	return 0;
}

static int
context_make(struct tls *t, bool tls12, struct err *e)
{
	SSL_CTX *ctx;

	if ((ctx = t->ctx = SSL_CTX_new(TLS_client_method())) == NULL)
		return fail(e, "context");
	if (SSL_CTX_set_min_proto_version(ctx, tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, 0) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
		return fail(e, "versions");
	SSL_CTX_set_security_level(ctx, 2);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					   SSL_OP_NO_TICKET | NO_CERTIFICATE_COMPRESSION);
	/* NO_AUTO_CHAIN: libssl would else fill up the chain from the server's CAs. */
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_NO_AUTO_CHAIN |
					SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
	if (SSL_CTX_use_certificate(ctx, t->cred->leaf) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, t->cred->key) != 1)
		return fail(e, "your certificate and key");
	SSL_CTX_set_cert_cb(ctx, chain_choose, t);
	if (renew_init(t, e) == -1)
		return -1;
	return context_trust(t, e);
}

/* RFC 9525: names come from the subjectAltName only, a wildcard is a whole label. */
static int
name_expect(SSL *ssl, const struct endpoint *ep, struct err *e)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);

	X509_VERIFY_PARAM_set_hostflags(
	    p, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	/* ca.pem holds anchors, self-signed or not (RFC 5280 section 6.1.1 (d)). */
	if (X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN |
					       X509_V_FLAG_TRUSTED_FIRST) != 1 ||
	    X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SSL_SERVER) != 1)
		return fail(e, "verification");
	if (ep->literal) {
		if (X509_VERIFY_PARAM_set1_ip_asc(p, ep->name) != 1)
			return fail(e, "server address");
	} else if (X509_VERIFY_PARAM_set1_host(p, ep->name, 0) != 1 ||
		   SSL_set_tlsext_host_name(ssl, ep->name) != 1)
		return fail(e, "server name");
	return 0;
}

int
tls_init(struct tls *t, const struct cred *c, const struct endpoint *ep, bool tls12, struct err *e)
{
	*t = (struct tls){ .fd = -1, .cred = c, .ep = ep };
	ERR_clear_error();
	if (wire_init(&t->wire, e) == -1 || context_make(t, tls12, e) == -1)
		return -1;
	if ((t->ssl = SSL_new(t->ctx)) == NULL)
		return fail(e, "connection");
	return name_expect(t->ssl, ep, e);
}

void
tls_done(struct tls *t)
{
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	wire_done(&t->wire);
	renew_done(t);
	*t = (struct tls){ .fd = -1 };
}

/* Until the first bytes have been looked at, libssl reads from a BIO that never has any. */
static int
socket_attach(struct tls *t, int fd, struct err *e)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = wire_bio(&t->wire);

	if (in == NULL || out == NULL) {
		BIO_free(in);
		BIO_free(out);
		return err_nomem(e, "TLS");
	}
	SSL_set_bio(t->ssl, in, out); /* both are the SSL's now */
	t->fd = t->wire.fd = fd;
	return 0;
}

/* Why SSL_connect() gave up, as a sentence. */
static int
handshake_failed(struct tls *t, int ssl_error, int errnum, struct err *e)
{
	struct explain_self s = { .now = time(NULL),
		.not_before = t->cred->not_before,
		.not_after = t->cred->not_after,
		.cert_path = t->cred->cert_path,
		.leaf = t->cred->leaf,
		.asked = t->asked };
	unsigned long code = ERR_peek_error();
	char text[sizeof(e->text)];

	if (agentprov_said(text, sizeof(text)))
		return err_set(e, ERR_REFUSED, "%s", text);
	if (t->refused[0] != '\0')
		(void)snprintf(text, sizeof(text), "%s", t->refused);
	else if (ssl_error == SSL_ERROR_SYSCALL ||
		 ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		(void)snprintf(text, sizeof(text),
		    "the server broke off the TLS handshake%s%s: it "
		    "is no bridge, or has too many connections",
		    errnum == 0 ? "" : ": ", errnum == 0 ? "" : strerror(errnum));
	else
		(void)explain_tls(code, errnum, &s, text, sizeof(text));
	ERR_clear_error();
	return err_set(e, ERR_REFUSED, "%s", text);
}

/*
 * The first bytes are looked at before libssl takes them: it would only say "wrong version". When
 * there are some, or the end, libssl gets the socket.
 */
static int
first_bytes_check(struct tls *t, bool *seen, struct err *e)
{
	char text[sizeof(e->text)];
	uint8_t buf[64];
	ssize_t n = recv(t->fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT);
	BIO *in;

	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return 0;
	if (n > 0 && explain_not_tls(buf, (size_t)n, text, sizeof(text)) != NULL)
		return err_set(e, ERR_PEER, "%s", text);
	if ((in = BIO_new_socket(t->fd, BIO_NOCLOSE)) == NULL)
		return err_nomem(e, "TLS");
	SSL_set0_rbio(t->ssl, in);
	*seen = true;
	return 0;
}

/* 0: something may be done; -1 and *e: out of time. */
static int
handshake_wait(struct tls *t, int64_t deadline_ms, struct err *e)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	int r;

	if (wire_pending(&t->wire) > 0)
		p.events |= POLLOUT;
	do
		r = poll(&p, 1, clock_left(deadline_ms));
	while (r == -1 && errno == EINTR);
	if (r == -1)
		return err_sys(e, errno, "poll");
	if (r == 0)
		return err_set(e, ERR_PEER,
		    "the server did not finish the TLS handshake in time: is "
		    "the port right?");
	wire_flush(&t->wire);
	return 0;
}

int
tls_handshake(struct tls *t, int fd, int64_t deadline_ms, struct err *e)
{
	bool seen = false;
	int r, ssl_error, errnum;
	int64_t begun_ms;

	if (socket_attach(t, fd, e) == -1)
		return -1;
	for (;;) {
		if (!seen && first_bytes_check(t, &seen, e) == -1)
			return -1;
		ERR_clear_error();
		errno = 0;
		begun_ms = clock_ms();
		r = SSL_connect(t->ssl);
		errnum = errno;
		/* It never waits for the server; when it takes long, somebody confirms to his
		 * agent. */
		deadline_ms += clock_ms() - begun_ms;
		wire_flush(&t->wire);
		if (r == 1)
			break;
		ssl_error = SSL_get_error(t->ssl, r);
		if (ssl_error != SSL_ERROR_WANT_READ && ssl_error != SSL_ERROR_WANT_WRITE)
			return handshake_failed(
			    t, ssl_error, ssl_error == SSL_ERROR_SYSCALL ? errnum : 0, e);
		if (handshake_wait(t, deadline_ms, e) == -1)
			return -1;
	}
	/* SSL_VERIFY_PEER has seen to it; a second look costs nothing. */
	if (SSL_get_verify_result(t->ssl) != X509_V_OK || SSL_get0_peer_certificate(t->ssl) == NULL)
		return err_set(e, ERR_REFUSED, "the server's certificate was not verified");
	t->open = true;
	return 0;
}
