/* conf_addr.c - addresses, ports and names as they are written in the configuration */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf_local.h"
#include "text.h"

bool
conf_number_parse(const char *text, int64_t min, int64_t max, uint32_t *v)
{
	size_t digits = strspn(text, "0123456789");
	long long n;

	/* 010 is ten to one reader and eight to another; ten digits hold every uint32_t */
	if (digits == 0 || digits > 10 || text[digits] != '\0' || (digits > 1 && text[0] == '0'))
		return false;
	n = strtoll(text, NULL, 10);
	if (n < min || n > max)
		return false;
	*v = (uint32_t)n;
	return true;
}

/*
 * Split "HOST:PORT" or "[HOST]:PORT" at its last colon. -1: no port, a port out of range, too
 * long, or brackets that do not fit. *v6: it had brackets.
 */
static int
split_port(const char *text, char host[SETTINGS_HOST_MAX], uint32_t *port, bool *v6)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon == NULL ? 0 : (size_t)(colon - text);

	if (n == 0 || !conf_number_parse(colon + 1, 1, 65535, port))
		return -1;
	*v6 = text[0] == '[';
	if (*v6) {
		if (text[n - 1] != ']')
			return -1;
		text++;
		n -= 2;
	}
	if (n == 0 || n >= SETTINGS_HOST_MAX)
		return -1;
	memcpy(host, text, n);
	host[n] = '\0';
	return 0;
}

/* An IPv6 address, behind it perhaps "%" and the number of an interface. */
static int
parse_v6(char *host, uint32_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	char *percent = strchr(host, '%');

	if (percent != NULL) {
		*percent = '\0';
		if (!conf_number_parse(percent + 1, 1, INT32_MAX, &in6.sin6_scope_id))
			return -1;
	}
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
		return -1;
	memcpy(ss, &in6, sizeof(in6));
	return addr_fold(ss);
}

static int
parse_v4(const char *host, uint32_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
		return -1;
	memcpy(ss, &in, sizeof(in));
	return 0;
}

int
conf_listen_parse(const char *text, struct sockaddr_storage *ss, struct err *e)
{
	struct sockaddr_storage got = { 0 };
	char host[SETTINGS_HOST_MAX], shown[80];
	uint32_t port;
	bool v6;

	if (strlen(text) >= ADDR_TEXT_SIZE || split_port(text, host, &port, &v6) == -1 ||
	    (v6 ? parse_v6(host, port, &got) : parse_v4(host, port, &got)) == -1)
		return err_set(e, ERR_FORMAT,
		    "\"%s\" is no address to listen on, allowed: "
		    "[IPV6]:PORT or IPV4:PORT, numeric, port 1 to 65535; [::] takes IPv4 too",
		    text_escape(shown, sizeof(shown), text, strlen(text)));
	*ss = got;
	return 0;
}

/* One label of a DNS name, `n` bytes. */
static bool
label_valid(const char *p, size_t n)
{
	if (n == 0 || n > 63 || p[0] == '-' || p[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '-' ||
			p[i] == '_'))
			return false;
	return true;
}

/* getaddrinfo(3) reads 127.1, 2130706433 and 0x7f.1 as IPv4: a name must not end like that. */
static bool
label_is_number(const char *p)
{
	if (p[0] == '0' && p[1] == 'x')
		return p[2 + strspn(p + 2, "0123456789abcdef")] == '\0';
	return p[strspn(p, "0123456789")] == '\0';
}

/* `name` is lower case and has no last dot. */
static bool
hostname_valid(const char *name)
{
	const char *p = name;
	size_t n;

	if (strlen(name) > 253)
		return false;
	for (;;) {
		n = strcspn(p, ".");
		if (!label_valid(p, n))
			return false;
		if (p[n] == '\0')
			return !label_is_number(p);
		p += n + 1;
	}
}

int
conf_hostname_parse(const char *text, char dst[SETTINGS_HOST_MAX], struct err *e)
{
	char name[SETTINGS_HOST_MAX], shown[80];
	size_t n = strlen(text);

	if (n > 0 && text[n - 1] == '.')
		n--;
	if (n == 0 || n >= sizeof(name))
		goto bad;
	for (size_t i = 0; i < n; i++)
		name[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
	name[n] = '\0';
	if (!hostname_valid(name))
		goto bad;
	memcpy(dst, name, n + 1);
	return 0;
bad:
	return err_set(e, ERR_FORMAT,
	    "\"%s\" is no host name, allowed: labels of a-z 0-9 - _ with "
	    "dots between, the last not a number; no wildcard",
	    text_escape(shown, sizeof(shown), text, strlen(text)));
}

int
conf_address_parse(const char *text, struct settings_target *t, struct err *e)
{
	struct sockaddr_storage ss = { 0 };
	char host[SETTINGS_HOST_MAX], numeric[ADDR_TEXT_SIZE], shown[80];
	uint32_t port;
	bool v6;

	if (split_port(text, host, &port, &v6) == -1 ||
	    (v6 && (strchr(host, '%') != NULL || parse_v6(host, port, &ss) == -1)))
		return err_set(e, ERR_FORMAT,
		    "\"%s\" is no address of a server, allowed: HOST:PORT, "
		    "IPV4:PORT or [IPV6]:PORT, port 1 to 65535, no %%interface",
		    text_escape(shown, sizeof(shown), text, strlen(text)));
	if (v6 || parse_v4(host, port, &ss) == 0) {
		(void)addr_text(&ss, numeric);
		memcpy(t->host, numeric, strlen(numeric) + 1);
	} else if (conf_hostname_parse(host, t->host, e) == -1) {
		return -1;
	} else if (host[strlen(host) - 1] == '.') {
		/* Here, unlike in SNI, a last dot has a meaning: no search list. 254 bytes at most.
		 */
		memcpy(t->host + strlen(t->host), ".", 2);
	}
	t->port = port;
	return 0;
}
