/* certinfo.c - facts of a certificate: serial, DER and its hash, times */
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>

#include "certtime.h"
#include "profile.h"
#include "text.h"

int
serial_text(const ASN1_INTEGER *serial, char dst[SERIAL_TEXT], struct err *e)
{
	int n = ASN1_STRING_length(serial);
	const unsigned char *p = ASN1_STRING_get0_data(serial);
	char hex[SERIAL_TEXT];

	while (n > 0 && *p == 0) {
		p++;
		n--;
	}
	if (n <= 0 || n > 20 || (ASN1_STRING_type(serial) & V_ASN1_NEG) != 0)
		return err_set(e, ERR_FORMAT,
		    "the serial is not a positive number of at most 20 "
		    "octets");
	text_hex(hex, sizeof(hex), p, (size_t)n);
	memcpy(dst, hex[0] == '0' ? hex + 1 : hex, strlen(hex) + 1 - (hex[0] == '0'));
	return 0;
}

int
serial_parse(const char *text, char dst[SERIAL_TEXT])
{
	static const char hex[] = "0123456789abcdefABCDEF";
	size_t n = strlen(text);

	if (n == 0 || n > 40 || strspn(text, hex) != n)
		return -1;
	text += strspn(text, "0");
	n = strlen(text);
	for (size_t i = 0; i < n; i++)
		dst[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] - 'A' + 'a' : text[i]);
	dst[n] = '\0';
	return n == 0 ? -1 : 0;
}

int
cert_der(X509 *cert, uint8_t **der, size_t *n, uint8_t sha256[32], struct err *e)
{
	int len = i2d_X509(cert, NULL);
	unsigned char *buf = NULL, *end;

	if (len > 0 && (buf = end = malloc((size_t)len)) != NULL && i2d_X509(cert, &end) == len &&
	    EVP_Digest(buf, (size_t)len, sha256, NULL, EVP_sha256(), NULL) == 1) {
		*der = buf;
		*n = (size_t)len;
		return 0;
	}
	free(buf);
	ERR_clear_error();
	return err_nomem(e, "certificate");
}

int
cert_times(const X509 *cert, int64_t *not_before, int64_t *not_after, struct err *e)
{
	if (certtime_get(X509_get0_notBefore(cert), not_before) == -1 ||
	    certtime_get(X509_get0_notAfter(cert), not_after) == -1)
		return err_set(e, ERR_FORMAT, "the times of the certificate cannot be read");
	return 0;
}
