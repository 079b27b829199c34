/* idmap_to.c - to=: which targets a rule opens behind a jump */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "idmap_local.h"
#include "jumpnet.h"

#define TO_ALLOWED                                                                       \
	"HOST:PORT with a host name, a pattern such as *.prod.example, an address or a " \
	"network (192.0.2.7, 10.0.0.0/8, [2001:db8::/32]), and 1 to 65535 or * as PORT"

/* ---- reading ---------------------------------------------------------------------------- */
/* 1 to 65535 without sign or leading zero; `*` is 0; -1 for anything else. */
static int
port_parse(const char *s)
{
	size_t n = strspn(s, "0123456789");
	int v = 0;

	if (strcmp(s, "*") == 0)
		return 0;
	if (n == 0 || n > 5 || s[n] != '\0' || s[0] == '0')
		return -1;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return v <= 65535 ? v : -1;
}

/*
 * A name, or one with wildcards: put something in the place of each and it must be one. What has
 * digits alone beside them is no name but somebody's idea of a network.
 */
static bool
is_host_pattern(const char *host)
{
	char example[JUMPNET_NAME_SIZE], name[JUMPNET_NAME_SIZE];
	struct sockaddr_storage ss;
	size_t n = strlen(host);

	if (strcmp(host, "*") == 0)
		return true;
	if (n >= sizeof(example) || strspn(host, "0123456789.*") == n ||
	    strstr(host, "**") != NULL || host[n - 1] == '.')
		return false;
	for (size_t i = 0; i <= n; i++)
		example[i] = host[i] == '*' ? 'x' : host[i];
	return jumpnet_host(example, name, &ss) == JUMPNET_NAME;
}

static char *
copy_lower(struct idmap *m, const char *s)
{
	size_t n = strlen(s);
	char *copy = idmap_arena_alloc(&m->arena, n + 1);

	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		copy[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 : s[i]);
	return copy;
}

static int
bad_target(const char *text, struct err *e)
{
	char shown[SHOW_SIZE];

	return err_set(
	    e, ERR_FORMAT, "to: \"%s\", allowed is %s", idmap_show(shown, text), TO_ALLOWED);
}

/* The host of an item, which is taken apart. 0, 1 it is none, -1 *e. */
static int
host_parse(struct idmap *m, struct idmap_target *t, char *host, bool brackets, struct err *e)
{
	bool prefix = strchr(host, '/') != NULL;

	if (brackets || prefix || strchr(host, ':') != NULL ||
	    strspn(host, "0123456789.") == strlen(host)) {
		/* only IPv6 stands in brackets, and only there */
		if (brackets != (strchr(host, ':') != NULL))
			return 1;
		t->kind = prefix ? TO_NET : TO_ADDRESS;
		return idmap_net_parse("to", host, &t->net, e);
	}
	if (!is_host_pattern(host))
		return 1;
	t->kind = TO_NAME;
	if ((t->host = copy_lower(m, host)) == NULL)
		return err_nomem(e, "identity map");
	return 0;
}

static int
target_parse(struct idmap *m, struct idmap_target *t, char *item, struct err *e)
{
	char work[IDMAP_LINE_MAX + 1], *host = work, *end, *text;
	size_t n = strlen(item);
	bool brackets = item[0] == '[';
	int port, r;

	if ((text = idmap_arena_alloc(&m->arena, n + 1)) == NULL)
		return err_nomem(e, "identity map");
	memcpy(text, item, n + 1);
	memcpy(work, item, n + 1);
	t->text = text;
	if (brackets) {
		host++;
		if ((end = strchr(host, ']')) == NULL || end[1] != ':')
			return bad_target(item, e);
		*end++ = '\0';
	} else if ((end = strrchr(host, ':')) == NULL) {
		return bad_target(item, e);
	}
	*end++ = '\0';
	if ((port = port_parse(end)) == -1 || *host == '\0')
		return bad_target(item, e);
	t->port = (uint16_t)port;
	if ((r = host_parse(m, t, host, brackets, e)) == 1)
		return bad_target(item, e);
	return r;
}

int
idmap_to_parse(
    struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value, struct err *e)
{
	struct idmap_target *targets;
	size_t count = 1;
	char *item;

	if (r->deny)
		return err_set(e, ERR_FORMAT,
		    "to: a deny rule lets nobody in, allowed is the option on rules that grant");
	for (const char *p = value; *p != '\0'; p++)
		count += *p == ',';
	if ((targets = idmap_arena_alloc(&m->arena, count * sizeof(*targets))) == NULL)
		return err_nomem(e, "identity map");
	while ((item = idmap_line_item(&value)) != NULL) {
		if (*item == '\0')
			return idmap_item_empty("to", e);
		if (target_parse(m, &targets[o->ntargets], item, e) == -1)
			return -1;
		o->ntargets++;
	}
	o->targets = targets;
	return 0;
}

/* ---- matching --------------------------------------------------------------------------- */
/* `*` stands for one or more characters of one label. */
static bool
labels_match(const char *pattern, const char *name)
{
	const char *star = NULL, *at = NULL;

	while (*name != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			at = name;
			if (*name++ == '.')
				return false;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star != NULL && at != NULL && at[1] != '.' && at[1] != '\0') {
			/* one character more for the last wildcard */
			pattern = star + 1;
			name = ++at + 1;
		} else {
			return false;
		}
	}
	return *pattern == '\0';
}

bool
idmap_to_name_match(const char *pattern, const char *name)
{
	return strcmp(pattern, "*") == 0 || labels_match(pattern, name);
}

/* An IPv4-mapped address is no target: nothing that is written as IPv4 matches it. */
static bool
dial_address(const struct idmap_dial *d, struct idmap_net *net)
{
	if (d->address == NULL)
		return false;
	if (d->address->sa_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(
		&((const struct sockaddr_in6 *)(const void *)d->address)->sin6_addr))
		return false;
	return idmap_net_of(d->address, net);
}

struct search {
	const struct idmap_dial *dial;
	struct idmap_net net;
	bool has_address;
	unsigned allowed;
	const struct idmap_rule *rule; /* the first in the map of those that allow it */
	uint32_t max_session;	       /* when the first in time is over; 0: none is */
};

static unsigned
target_allows(const struct search *s, const struct idmap_target *t)
{
	if (t->port != 0 && t->port != s->dial->port)
		return 0;
	if (t->kind == TO_NAME)
		return s->dial->host != NULL && idmap_to_name_match(t->host, s->dial->host)
			   ? IDMAP_TO_NAME
			   : 0;
	/* a literal address is opened as that, and not by a name that somebody points to it */
	if (t->kind == TO_ADDRESS && s->dial->host != NULL)
		return 0;
	if (s->dial->address == NULL)
		return IDMAP_TO_MAYBE;
	if (!s->has_address || !idmap_net_has(&t->net, &s->net))
		return 0;
	return IDMAP_TO_ADDRESS | (t->kind == TO_ADDRESS ? IDMAP_TO_LITERAL : 0U);
}

static void
search_rule(void *arg, const struct idmap_rule *r)
{
	struct search *s = arg;
	unsigned allowed = 0;

	if (r->options == NULL)
		return;
	for (size_t i = 0; i < r->options->ntargets; i++)
		allowed |= target_allows(s, &r->options->targets[i]);
	s->allowed |= allowed;
	if ((allowed & (IDMAP_TO_NAME | IDMAP_TO_ADDRESS)) == 0)
		return;
	if (s->rule == NULL || r->line < s->rule->line)
		s->rule = r;
	s->max_session = idmap_first_end(s->max_session, r->options->max_session);
}

unsigned
idmap_to(const struct idmap *m, const struct idmap_query *q, const struct idmap_dial *d,
    struct idmap_rule_info *rule)
{
	struct search s = { .dial = d };

	s.has_address = dial_address(d, &s.net);
	*rule = (struct idmap_rule_info){ 0 };
	if (idmap_granting(m, q, search_rule, &s) != IDMAP_YES)
		return 0;
	if (s.rule != NULL)
		idmap_rule_tell(m, s.rule, rule);
	rule->max_session = s.max_session;
	return s.allowed;
}

/* ---- listing ---------------------------------------------------------------------------- */
struct listing {
	const char **target;
	size_t n, max;
	bool cut;
};

/* Where it is, or would be, in the sorted list. */
static size_t
position(const struct listing *l, const char *text, bool *found)
{
	size_t lo = 0, hi = l->n;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(text, l->target[mid]);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static void
list_rule(void *arg, const struct idmap_rule *r)
{
	struct listing *l = arg;

	for (size_t i = 0; r->options != NULL && i < r->options->ntargets; i++) {
		const char *text = r->options->targets[i].text;
		bool found;
		size_t at = position(l, text, &found);

		if (found)
			continue;
		if (l->n == l->max) {
			l->cut = true;
			return;
		}
		memmove(&l->target[at + 1], &l->target[at], (l->n - at) * sizeof(*l->target));
		l->target[at] = text;
		l->n++;
	}
}

size_t
idmap_targets(
    const struct idmap *m, const struct idmap_query *q, const char **target, size_t max, bool *cut)
{
	struct listing l = { .target = target, .max = max };

	if (idmap_granting(m, q, list_rule, &l) != IDMAP_YES)
		l = (struct listing){ .n = 0 };
	*cut = l.cut;
	return l.n;
}
