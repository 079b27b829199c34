/* endpoint.c - HOST:PORT of the bridge */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "text.h"

#define ALNUM	   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define HOST_CHARS ALNUM ".-_"

static int
bad(struct err *e, const char *text, const char *why)
{
	char shown[120];

	return err_set(e, ERR_FORMAT, "\"%s\": %s",
	    text_escape(shown, sizeof(shown), text, strlen(text)), why);
}

int
endpoint_port(const char *text, uint16_t *port, struct err *e)
{
	size_t n = strlen(text);
	long v;

	if (n == 0 || n > 5 || strspn(text, "0123456789") != n || text[0] == '0' ||
	    (v = strtol(text, NULL, 10)) > 65535)
		return bad(e, text, "a port is a number from 1 to 65535");
	*port = (uint16_t)v;
	return 0;
}

/* IPv6, with or without %SCOPE (RFC 4007 section 11): 0, or -1 and *e. */
static int
parse_v6(const char *text, const char *host, struct endpoint *r, struct err *e)
{
	struct in6_addr a;
	const char *scope = strchr(host, '%');
	size_t n = scope == NULL ? strlen(host) : (size_t)(scope - host);

	if (n >= sizeof(r->name))
		return bad(e, text, "not an IPv6 address");
	memcpy(r->name, host, n);
	r->name[n] = '\0';
	if (inet_pton(AF_INET6, r->name, &a) != 1)
		return bad(e, text, "not an IPv6 address");
	if (scope != NULL && (scope[1] == '\0' || strlen(scope + 1) > 31 ||
				 strspn(scope + 1, HOST_CHARS) != strlen(scope + 1)))
		return bad(e, text, "after % an interface's name or number is meant");
	(void)snprintf(r->host, sizeof(r->host), "%s", host);
	r->literal = r->v6 = true;
	return 0;
}

/* A host name or an IPv4 address. */
static int
parse_name(const char *text, const char *host, struct endpoint *r, struct err *e)
{
	struct in_addr a;
	size_t n = strlen(host);
	const char *last;

	if (n == 0)
		return bad(e, text, "the host is missing");
	if (strspn(host, HOST_CHARS) != n)
		return bad(e, text,
		    "a host name has letters, digits, \".\", \"-\" and \"_\" only "
		    "(others in their xn-- form)");
	if (host[0] == '-' || host[0] == '.' || strstr(host, "..") != NULL)
		return bad(e, text, "not a host name");
	memcpy(r->host, host, n + 1);
	memcpy(r->name, host, n + 1);
	if (r->name[n - 1] == '.')
		r->name[n - 1] = '\0';
	r->v6 = false;
	r->literal = inet_pton(AF_INET, r->name, &a) == 1;
	/* 127.1 or 010.0.0.1 would be an address to getaddrinfo(), yet not to a certificate. */
	last = strrchr(r->name, '.');
	last = last == NULL ? r->name : last + 1;
	if (!r->literal && last[strspn(last, "0123456789")] == '\0')
		return bad(e, text, "not an IPv4 address");
	return 0;
}

int
endpoint_parse(const char *text, struct endpoint *ep, struct err *e)
{
	struct endpoint r = { .port = ENDPOINT_PORT };
	char host[ENDPOINT_HOST_MAX + 2];
	const char *start = text, *end, *port = NULL;

	if (text[0] == '[') {
		start = text + 1;
		if ((end = strchr(start, ']')) == NULL)
			return bad(e, text, "the closing ] is missing");
		if (end[1] == ':')
			port = end + 2;
		else if (end[1] != '\0')
			return bad(e, text, "after ] only :PORT may follow");
	} else {
		end = start + strcspn(start, ":");
		if (*end == ':')
			port = end + 1;
		if (port != NULL && strchr(port, ':') != NULL)
			return bad(e, text, "an IPv6 address goes in brackets: [2001:db8::1]:8443");
	}
	if ((size_t)(end - start) >= sizeof(host) - 1)
		return bad(e, text, "the host is too long");
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	if ((text[0] == '[' ? parse_v6 : parse_name)(text, host, &r, e) == -1)
		return -1;
	if (port != NULL && endpoint_port(port, &r.port, e) == -1)
		return -1;
	*ep = r;
	return 0;
}

int
endpoint_name(const char *text, struct endpoint *ep, struct err *e)
{
	struct endpoint r = *ep;

	if (strlen(text) > ENDPOINT_HOST_MAX)
		return bad(e, text, "the name is too long");
	if ((strchr(text, ':') != NULL ? parse_v6 : parse_name)(text, text, &r, e) == -1)
		return -1;
	memcpy(ep->name, r.name, sizeof(ep->name));
	ep->literal = r.literal;
	return 0;
}

char *
endpoint_text(const struct endpoint *ep, char dst[ENDPOINT_TEXT_SIZE])
{
	(void)snprintf(
	    dst, ENDPOINT_TEXT_SIZE, ep->v6 ? "[%s]:%u" : "%s:%u", ep->host, (unsigned)ep->port);
	return dst;
}
