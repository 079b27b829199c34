/* x509text.c - strings and names of certificates */
#include <string.h>
#include <openssl/bio.h>
#include <openssl/err.h>

#include "text.h"
#include "utf8.h"
#include "x509text.h"

/* Bytes of one character: 1, 2 (BMPString), 4 (UniversalString); 0 for types that we do not take.
 */
static size_t
char_width(int type)
{
	switch (type) {
	case V_ASN1_UTF8STRING:
	case V_ASN1_PRINTABLESTRING:
	case V_ASN1_NUMERICSTRING:
	case V_ASN1_IA5STRING:
		return 1;
	case V_ASN1_BMPSTRING:
		return 2;
	case V_ASN1_UNIVERSALSTRING:
		return 4;
	default:
		return 0;
	}
}

static uint32_t
char_at(const uint8_t *p, size_t width)
{
	uint32_t c = 0;

	for (size_t i = 0; i < width; i++)
		c = c << 8 | p[i];
	return c;
}

/* UTF-8 of one character; its length, 0 for what is none (utf8_is_clean() judges the rest). */
static size_t
char_put(uint32_t c, uint8_t out[4])
{
	if (c > 0x10ffff)
		return 0;
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (c & 0x3f));
	return 4;
}

static bool
is_ascii(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 0x80)
			return false;
	return true;
}

/* BMPString and UniversalString to UTF-8: bytes written, or -1 (ill-formed, does not fit). */
static ssize_t
wide_to_utf8(const uint8_t *p, size_t n, size_t width, uint8_t *dst, size_t size)
{
	uint8_t one[4];
	size_t o = 0, len;

	if (n % width != 0)
		return -1;
	for (size_t i = 0; i < n; i += width, o += len) {
		if ((len = char_put(char_at(p + i, width), one)) == 0 || len > size - o)
			return -1;
		memcpy(dst + o, one, len);
	}
	return (ssize_t)o;
}

int
x509text_utf8(
    const ASN1_STRING *s, uint8_t *dst, size_t size, size_t *n, const char *what, struct err *e)
{
	const uint8_t *p = ASN1_STRING_get0_data(s);
	size_t len = (size_t)ASN1_STRING_length(s);
	int type = ASN1_STRING_type(s);
	size_t width = char_width(type);
	ssize_t put;

	if (width == 0)
		return err_set(e, ERR_REFUSED, "%s: a string of ASN.1 type %d, which is not taken",
		    what, type);
	if (len == 0)
		return err_set(e, ERR_REFUSED, "%s: empty", what);
	if (len > size)
		return err_set(
		    e, ERR_REFUSED, "%s: %zu bytes, at most %zu are taken", what, len, size);
	if (width == 1) {
		if (type != V_ASN1_UTF8STRING && !is_ascii(p, len))
			return err_set(e, ERR_REFUSED, "%s: a byte beyond ASCII", what);
		memcpy(dst, p, len);
	} else {
		if ((put = wide_to_utf8(p, len, width, dst, size)) == -1)
			return err_set(e, ERR_REFUSED, "%s: ill-formed or too long", what);
		len = (size_t)put;
	}
	if (!utf8_is_clean(dst, len))
		return err_set(e, ERR_REFUSED, "%s: a control character, or not UTF-8", what);
	*n = len;
	return 0;
}

int
x509text_ia5(const ASN1_STRING *s, const uint8_t **p, size_t *n, const char *what, struct err *e)
{
	const uint8_t *data = ASN1_STRING_get0_data(s);
	size_t len = (size_t)ASN1_STRING_length(s);

	if (len == 0)
		return err_set(e, ERR_REFUSED, "%s: empty", what);
	if (!is_ascii(data, len))
		return err_set(e, ERR_REFUSED, "%s: a byte beyond ASCII", what);
	if (!utf8_is_clean(data, len))
		return err_set(e, ERR_REFUSED, "%s: a control character", what);
	*p = data;
	*n = len;
	return 0;
}

bool
x509text_has_control(const ASN1_STRING *s)
{
	const uint8_t *p = ASN1_STRING_get0_data(s);
	size_t n = (size_t)ASN1_STRING_length(s);
	size_t width = char_width(ASN1_STRING_type(s));
	uint32_t c;

	if (width == 0)
		width = 1;
	for (size_t i = 0; i + width <= n; i += width)
		if ((c = char_at(p + i, width)) < 0x20 || c == 0x7f)
			return true;
	return false;
}

char *
x509text_name(char *dst, size_t size, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n = 0;

	/*
	 * libcrypto escapes what would let one attribute pass for two; text_escape() then makes
	 * the line safe to show. When there is no memory the line says so and nothing else fails.
	 */
	if (bio != NULL && X509_NAME_print_ex(bio, name, 0,
			       XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
		n = BIO_get_mem_data(bio, &text);
	if (text == NULL || n < 0)
		(void)text_escape(dst, size, "?", 1);
	else
		(void)text_escape(dst, size, text, (size_t)n);
	BIO_free(bio);
	return dst;
}
