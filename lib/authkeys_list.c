/* authkeys_list.c - from= and permitopen= of an authorized key */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "authkeys_local.h"
#include "jumpnet.h"
#include "text.h"

bool
authkeys_item(const char **list, char dst[AUTHKEYS_ITEM_MAX])
{
	size_t n = strcspn(*list, ",");

	if (n == 0 || n >= AUTHKEYS_ITEM_MAX)
		return false;
	memcpy(dst, *list, n);
	dst[n] = '\0';
	*list += n + ((*list)[n] == ',');
	return true;
}

/* A line is never longer than AUTHKEYS_LINE_MAX, nor is what its values become. */
static int
list_append(char *list, const char *item, struct err *e)
{
	size_t used = strlen(list);

	if (used + strlen(item) + 2 > AUTHKEYS_LINE_MAX)
		return err_set(e, ERR_FORMAT, "the line is too long");
	(void)snprintf(list + used, AUTHKEYS_LINE_MAX - used, "%s%s", used == 0 ? "" : ",", item);
	return 0;
}

/* An item of somebody's text for an error. */
static char *
show(char dst[100], const char *item)
{
	return text_escape(dst, 100, item, strlen(item));
}

/* ---- from= ---------------------------------------------------------------------------------- */
/* An address or a pattern of one: its characters, and `*` and `?`. Host names are not looked up. */
static bool
is_address_pattern(const char *s)
{
	struct sockaddr_storage ss;
	struct err ignored;

	if (strpbrk(s, "*?") == NULL)
		return addr_parse(s, &ss, &ignored) == 0;
	return strspn(s, "0123456789abcdef.:*?") == strlen(s) &&
	       (strspn(s, "*?") == strlen(s) || strpbrk(s, ".:") != NULL);
}

static int
from_item(char *item, struct err *e)
{
	const char *what = item + (item[0] == '!');
	struct cidr net;
	char shown[100];

	for (char *p = item; *p != '\0'; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p);
	if (strchr(what, '/') != NULL) {
		if (cidr_parse(what, &net, e) == -1)
			return err_prefix(e, "from");
		return 0;
	}
	if (is_address_pattern(what))
		return 0;
	return err_set(e, ERR_FORMAT,
	    "from: \"%s\", allowed are addresses, networks, and patterns of addresses such as "
	    "192.0.2.*; host names are not looked up",
	    show(shown, item));
}

int
authkeys_from_parse(char *list, const char *value, struct err *e)
{
	char item[AUTHKEYS_ITEM_MAX];
	bool any = false;

	do {
		if (!authkeys_item(&value, item))
			return err_set(e, ERR_FORMAT,
			    "from: an empty item or one of more than %d bytes",
			    AUTHKEYS_ITEM_MAX - 1);
		any = any || item[0] != '!';
		if (from_item(item, e) == -1 || list_append(list, item, e) == -1)
			return -1;
	} while (*value != '\0');
	if (!any)
		return err_set(e, ERR_FORMAT,
		    "from: nothing but exceptions matches no address, allowed with * or a network");
	return 0;
}

/* `*` any bytes, `?` one: as match_pattern() of sshd. */
static bool
pattern_match(const char *pattern, const char *s)
{
	const char *star = NULL, *at = NULL;

	while (*s != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			at = s;
		} else if (*pattern == '?' || *pattern == *s) {
			pattern++;
			s++;
		} else if (star != NULL && at != NULL) {
			pattern = star + 1;
			s = ++at;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool
from_match(const char *what, const struct sockaddr_storage *from, const char *text)
{
	struct sockaddr_storage other;
	struct cidr net;
	struct err e;

	if (strchr(what, '/') != NULL)
		return cidr_parse(what, &net, &e) == 0 && cidr_contains(&net, from);
	if (strpbrk(what, "*?") != NULL)
		return pattern_match(what, text);
	/* one address has many spellings in IPv6 */
	if (addr_parse(what, &other, &e) == -1)
		return false;
	addr_set_port(&other, addr_port(from));
	return addr_equal(&other, from);
}

bool
authkeys_from_holds(const char *list, const struct sockaddr *from)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in6 in6;
	char item[AUTHKEYS_ITEM_MAX], text[ADDR_TEXT_SIZE];
	bool matched = false;

	if (*list == '\0')
		return true;
	if (from == NULL || (from->sa_family != AF_INET && from->sa_family != AF_INET6))
		return false;
	if (from->sa_family == AF_INET) {
		memcpy(&ss, from, sizeof(struct sockaddr_in));
	} else {
		memcpy(&in6, from, sizeof(in6));
		in6.sin6_scope_id = 0; /* no line can name a link: an exception holds on each */
		memcpy(&ss, &in6, sizeof(in6));
	}
	(void)addr_text(&ss, text);
	while (authkeys_item(&list, item)) {
		if (!from_match(item + (item[0] == '!'), &ss, text))
			continue;
		if (item[0] == '!')
			return false;
		matched = true;
	}
	return matched;
}

/* ---- permitopen= ---------------------------------------------------------------------------- */
/* The host as it is compared: a name in lower case, an address in its one spelling. */
static bool
host_normal(const char *host, char dst[JUMPNET_NAME_SIZE])
{
	struct sockaddr_storage ss;
	char text[ADDR_TEXT_SIZE];

	switch (jumpnet_host(host, dst, &ss)) {
	case JUMPNET_ADDRESS:
		(void)snprintf(dst, JUMPNET_NAME_SIZE, "%s", addr_text(&ss, text));
		return true;
	case JUMPNET_NAME:
		return true;
	case JUMPNET_NEITHER:
		break;
	}
	return false;
}

/* 1 to 65535, or `*`. */
static bool
is_port(const char *s)
{
	size_t n = strspn(s, "0123456789");
	int v = 0;

	if (strcmp(s, "*") == 0)
		return true;
	if (n == 0 || n > 5 || s[n] != '\0' || s[0] == '0')
		return false;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return v <= 65535;
}

/* HOST:PORT, where an IPv6 address stands in brackets; taken apart in place. */
static bool
split(char *item, char **host, char **port)
{
	if (item[0] == '[') {
		*host = item + 1;
		if ((*port = strchr(item, ']')) == NULL || (*port)[1] != ':' ||
		    strchr(*host, ':') > *port)
			return false;
		*(*port)++ = '\0';
	} else {
		*host = item;
		if ((*port = strchr(item, ':')) == NULL)
			return false;
	}
	*(*port)++ = '\0';
	return is_port(*port);
}

int
authkeys_permitopen_parse(char *list, const char *value, struct err *e)
{
	char item[AUTHKEYS_ITEM_MAX], normal[AUTHKEYS_ITEM_MAX], name[JUMPNET_NAME_SIZE] = "*";
	char shown[100], *host, *port;

	(void)snprintf(item, sizeof(item), "%s", value);
	if (strlen(value) >= sizeof(item) || !split(item, &host, &port) ||
	    (strcmp(host, "*") != 0 && !host_normal(host, name)))
		return err_set(e, ERR_FORMAT,
		    "permitopen: \"%s\", allowed is HOST:PORT with a name, an address, [IPv6] or * "
		    "as HOST, and 1 to 65535 or * as PORT",
		    show(shown, value));
	(void)snprintf(normal, sizeof(normal), "%s:%s", name, port);
	return list_append(list, normal, e);
}

bool
authkeys_permitopen_holds(const char *list, const char *host, uint16_t port)
{
	char item[AUTHKEYS_ITEM_MAX], name[JUMPNET_NAME_SIZE], number[8], *colon;

	if (*list == '\0')
		return true;
	if (!host_normal(host, name))
		return false;
	(void)snprintf(number, sizeof(number), "%u", (unsigned)port);
	while (authkeys_item(&list, item)) {
		if ((colon = strrchr(item, ':')) == NULL)
			return false;
		*colon++ = '\0';
		if ((strcmp(item, "*") == 0 || strcmp(item, name) == 0) &&
		    (strcmp(colon, "*") == 0 || strcmp(colon, number) == 0))
			return true;
	}
	return false;
}
