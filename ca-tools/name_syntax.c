/* name_syntax.c - what an e-mail address, a URI, a host name looks like */
#include <arpa/inet.h>
#include <string.h>

#include "name_syntax.h"
#include "text.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
syntax_label(const char *s, size_t n)
{
	if (n == 0 || n > 63 || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

bool
syntax_host(const char *s, size_t n)
{
	const char *end = s + n, *label = s, *dot;
	bool numeric = true;

	if (n == 0 || n > 253)
		return false;
	for (;; label = dot + 1) {
		dot = memchr(label, '.', (size_t)(end - label));
		if (!syntax_label(label, (size_t)((dot == NULL ? end : dot) - label)))
			return false;
		if (dot == NULL)
			break;
	}
	/* a last label of digits only would make an address of it somewhere (WHATWG, inet_aton) */
	for (const char *p = label; p < end; p++)
		numeric = numeric && is_digit(*p);
	return !numeric;
}

bool
syntax_ip(const char *s, size_t n)
{
	char buf[INET6_ADDRSTRLEN];
	unsigned char addr[16];

	if (n == 0 || n >= sizeof(buf) || memchr(s, '\0', n) != NULL)
		return false;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return inet_pton(AF_INET, buf, addr) == 1 || inet_pton(AF_INET6, buf, addr) == 1;
}

/* RFC 5322 atext and single dots between: what is left of an address before the @ */
static bool
syntax_dot_atom(const char *s, size_t n)
{
	if (n == 0 || s[0] == '.' || s[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.' && s[i + 1] == '.')
			return false;
		if (!is_alnum(s[i]) &&
		    (s[i] == '\0' || strchr("!#$%&'*+-/=?^_`{|}~.", s[i]) == NULL))
			return false;
	}
	return true;
}

bool
syntax_email(const char *s, size_t n)
{
	const char *at = memchr(s, '@', n);
	size_t local = at == NULL ? 0 : (size_t)(at - s);

	return at != NULL && n <= 254 && local <= 64 && syntax_dot_atom(s, local) &&
	       syntax_host(at + 1, n - local - 1);
}

static bool
syntax_uri_bytes(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%' && (n - i < 3 || !is_hex(s[i + 1]) || !is_hex(s[i + 2])))
			return false;
		if (!is_alnum(s[i]) &&
		    (s[i] == '\0' || strchr("-._~:/?#[]@!$&'()*+,;=%", s[i]) == NULL))
			return false;
	}
	return true;
}

/* Behind "//": [userinfo@]host[:port], the host not empty */
static bool
syntax_authority(const char *s, size_t n)
{
	const char *at = memchr(s, '@', n), *host = at == NULL ? s : at + 1, *colon;
	size_t left = n - (size_t)(host - s), len = left;
	const char *close;

	if (left > 0 && host[0] == '[') {
		if ((close = memchr(host, ']', left)) == NULL)
			return false;
		len = (size_t)(close - host) + 1;
		if (!syntax_ip(host + 1, len - 2) || memchr(host, ':', len) == NULL)
			return false;
	} else {
		colon = memchr(host, ':', left);
		len = colon == NULL ? left : (size_t)(colon - host);
		if (!syntax_host(host, len) && !syntax_ip(host, len))
			return false;
	}
	if (len < left && host[len] != ':')
		return false;
	for (size_t i = len + 1; i < left; i++)
		if (!is_digit(host[i]))
			return false;
	return true;
}

bool
syntax_uri(const char *s, size_t n)
{
	const char *colon = memchr(s, ':', n), *rest;
	size_t left, len = 0;

	if (colon == NULL || colon == s || n > 2048 || is_digit(s[0]) || !is_alnum(s[0]))
		return false;
	for (const char *p = s; p < colon; p++)
		if (!is_alnum(*p) && *p != '+' && *p != '-' && *p != '.')
			return false;
	rest = colon + 1;
	left = n - (size_t)(rest - s);
	if (left == 0 || !syntax_uri_bytes(rest, left))
		return false;
	if (left < 2 || memcmp(rest, "//", 2) != 0)
		return true;
	while (2 + len < left && strchr("/?#", rest[2 + len]) == NULL)
		len++;
	return syntax_authority(rest + 2, len);
}

bool
syntax_printable(const char *s, size_t n)
{
	char out[4096];

	/* text_escape() leaves alone exactly what is safe to show, and marks what it cuts */
	if (n == 0 || n >= sizeof(out) || memchr(s, '\0', n) != NULL)
		return false;
	text_escape(out, sizeof(out), s, n);
	return strlen(out) == n && memcmp(out, s, n) == 0;
}

size_t
syntax_characters(const char *s, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += ((unsigned char)s[i] & 0xc0U) != 0x80U;
	return k;
}

bool
syntax_upn(const char *s, size_t n)
{
	const char *at = memchr(s, '@', n);
	size_t name = at == NULL ? 0 : (size_t)(at - s);

	return at != NULL && name > 0 && n <= 512 && syntax_printable(s, n) &&
	       memchr(s, ' ', n) == NULL && syntax_host(at + 1, n - name - 1);
}
