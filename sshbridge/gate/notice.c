/* notice.c - one line to the user in a CertificateRequest */
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>

#include "notice.h"

/* Where an SSL has the text while notice_send() runs. */
static int text_index = -1;

int
notice_setup(struct err *e)
{
	if (text_index == -1)
		text_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return text_index == -1 ? err_nomem(e, "TLS") : 0;
}

/* For every CertificateRequest; only one of notice_send()'s has a text. */
static int
on_add(SSL *ssl, unsigned type, unsigned context, const unsigned char **out, size_t *n, X509 *x,
    size_t chain_index, int *alert, void *arg)
{
	const char *text = SSL_get_ex_data(ssl, text_index);

	(void)type;
	(void)context;
	(void)x;
	(void)chain_index;
	(void)alert;
	(void)arg;
	if (text == NULL)
		return 0;
	*out = (const unsigned char *)text;
	*n = strlen(text);
	return 1;
}

int
notice_context(SSL_CTX *ctx, struct err *e)
{
	if (SSL_CTX_add_custom_ext(ctx, NOTICE_EXTENSION, SSL_EXT_TLS1_3_CERTIFICATE_REQUEST,
		on_add, NULL, NULL, NULL, NULL) != 1)
		return err_nomem(e, "TLS extension");
	return 0;
}

void
notice_send(SSL *ssl, const char *text)
{
	char copy[400];

	(void)snprintf(copy, sizeof(copy), "%s", text);
	ERR_clear_error();
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	if (SSL_set_ex_data(ssl, text_index, copy) == 1 &&
	    SSL_verify_client_post_handshake(ssl) == 1)
		(void)SSL_do_handshake(ssl);
	(void)SSL_set_ex_data(ssl, text_index, NULL);
	ERR_clear_error();
}
