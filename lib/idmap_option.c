/* idmap_option.c - options of a rule, but bind= and key=; and the table of all */
#include <string.h>

#include "idmap_local.h"

#define OPTIONS_ALLOWED "trust service from issuer policy bind key max-session to"
#define MAX_SESSION_MAX 2592000 /* seconds in 30 days */

/* ---- lists ------------------------------------------------------------------------------ */
int
idmap_item_empty(const char *option, struct err *e)
{
	return err_set(
	    e, ERR_FORMAT, "%s: an empty item, allowed is one comma between two", option);
}

int
idmap_list_parse(struct idmap *m, const char *option, const char *allowed, char *value,
    bool (*ok)(const char *), struct idmap_list *list, struct err *e)
{
	char *out, *item, shown[SHOW_SIZE];
	size_t n;

	if ((out = idmap_arena_alloc(&m->arena, strlen(value) + 1)) == NULL)
		return err_nomem(e, "identity map");
	list->first = out;
	while ((item = idmap_line_item(&value)) != NULL) {
		if (*item == '\0')
			return idmap_item_empty(option, e);
		if (!ok(item))
			return err_set(e, ERR_FORMAT, "%s: \"%s\", allowed is %s", option,
			    idmap_show(shown, item), allowed);
		n = strlen(item) + 1;
		memcpy(out, item, n);
		out += n;
		list->n++;
	}
	return 0;
}

static bool
list_has(const struct idmap_list *list, const void *p, size_t n)
{
	const char *item = list->first;

	for (size_t i = 0; i < list->n; i++, item = idmap_list_next(item))
		if (strlen(item) == n && memcmp(item, p, n) == 0)
			return true;
	return false;
}

static bool
is_service(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
	       strlen(s);
}

static bool
is_policy(const char *s)
{
	return dn_is_oid(s, strlen(s));
}

static int
parse_service(
    struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value, struct err *e)
{
	(void)r;
	return idmap_list_parse(
	    m, "service", "a name of a file in pam.d", value, is_service, &o->services, e);
}

static int
parse_policy(
    struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value, struct err *e)
{
	(void)r;
	return idmap_list_parse(m, "policy", "a dotted OID", value, is_policy, &o->policies, e);
}

static int
parse_issuer(
    struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value, struct err *e)
{
	if (idmap_pattern_issuer(m, value, r->deny, &o->issuer, &o->issuer_len, e) == -1)
		return err_prefix(e, "issuer");
	return 0;
}

static int
parse_trust(
    struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value, struct err *e)
{
	char *item, shown[SHOW_SIZE];

	(void)o;
	r->trust = 0;
	while ((item = idmap_line_item(&value)) != NULL) {
		uint32_t bit = 0;

		if (*item == '\0')
			return idmap_item_empty("trust", e);
		for (size_t i = 0; i < m->nsections; i++)
			if (strcmp(m->sections[i], item) == 0)
				bit = 1U << i;
		if (bit == 0)
			return err_set(e, ERR_FORMAT,
			    "trust: there is no section \"%s\", allowed "
			    "are the trust sections of sshbridge.conf",
			    idmap_show(shown, item));
		r->trust |= bit;
	}
	return 0;
}

/* ---- from= ------------------------------------------------------------------------------ */
static int
parse_from(
    struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value, struct err *e)
{
	struct idmap_net *nets;
	size_t count = 1;
	char *item;

	(void)r;
	for (const char *p = value; *p != '\0'; p++)
		count += *p == ',';
	if ((nets = idmap_arena_alloc(&m->arena, count * sizeof(*nets))) == NULL)
		return err_nomem(e, "identity map");
	while ((item = idmap_line_item(&value)) != NULL) {
		if (*item == '\0')
			return idmap_item_empty("from", e);
		if (idmap_net_parse("from", item, &nets[o->nnets], e) == -1)
			return -1;
		o->nnets++;
	}
	o->nets = nets;
	return 0;
}

static bool
from_holds(const struct idmap_options *o, const struct sockaddr *from)
{
	struct idmap_net a;

	if (from == NULL || !idmap_net_of(from, &a))
		return false;
	for (size_t i = 0; i < o->nnets; i++)
		if (idmap_net_has(&o->nets[i], &a))
			return true;
	return false;
}

/* ---- max-session= ----------------------------------------------------------------------- */
/* Digits without sign or leading zero, from 1 to the most allowed; 0 for anything else. */
static uint32_t
seconds_parse(const char *s)
{
	size_t n = strspn(s, "0123456789");
	uint32_t v = 0;

	if (n == 0 || n > 7 || s[n] != '\0' || s[0] == '0')
		return 0;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (uint32_t)(s[i] - '0');
	return v <= MAX_SESSION_MAX ? v : 0;
}

static int
parse_max_session(
    struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value, struct err *e)
{
	char shown[SHOW_SIZE];

	(void)m;
	if (r->deny)
		return err_set(e, ERR_FORMAT,
		    "max-session: a deny rule lets nobody in, allowed is the option on rules that "
		    "grant");
	if ((o->max_session = seconds_parse(value)) == 0)
		return err_set(e, ERR_FORMAT, "max-session: \"%s\", allowed are 1 to %d seconds",
		    idmap_show(shown, value), MAX_SESSION_MAX);
	return 0;
}

/* ---- all of them ------------------------------------------------------------------------ */
static const struct {
	const char *name;
	enum idmap_term term;
	int (*parse)(
	    struct idmap *, struct idmap_rule *, struct idmap_options *, char *, struct err *);
} options[] = {
	{ "trust", TERM_TRUST, parse_trust },
	{ "service", TERM_SERVICE, parse_service },
	{ "from", TERM_FROM, parse_from },
	{ "issuer", TERM_ISSUER, parse_issuer },
	{ "policy", TERM_POLICY, parse_policy },
	{ "bind", TERM_BIND, idmap_bind_parse },
	{ "key", TERM_KEY, idmap_key_parse },
	{ "max-session", TERM_MAX_SESSION, parse_max_session },
	{ "to", TERM_TO, idmap_to_parse },
};

const char *
idmap_term_name(unsigned term)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].term == term)
			return options[i].name;
	return NULL;
}

static int
option_unknown(const char *name, struct err *e)
{
	char shown[SHOW_SIZE];

	return err_set(e, ERR_FORMAT, "option: \"%s\" is unknown, allowed are %s",
	    idmap_show(shown, name), OPTIONS_ALLOWED);
}

int
idmap_option_parse(struct idmap *m, struct idmap_rule *r, struct idmap_options *o, unsigned *seen,
    char *text, struct err *e)
{
	char *value = strchr(text, '='), shown[SHOW_SIZE];

	if (value == NULL)
		return err_set(e, ERR_FORMAT, "option: \"%s\" is no NAME=VALUE, allowed are %s",
		    idmap_show(shown, text), OPTIONS_ALLOWED);
	*value++ = '\0';
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(text, options[i].name) != 0)
			continue;
		if ((*seen & options[i].term) != 0)
			return err_set(e, ERR_FORMAT,
			    "%s: given twice, allowed is one list with "
			    "commas",
			    text);
		*seen |= options[i].term;
		if (*value == '\0')
			return err_set(e, ERR_FORMAT, "%s: empty", text);
		return options[i].parse(m, r, o, value, e);
	}
	return option_unknown(text, e);
}

static bool
issuer_holds(const struct idmap_options *o, const struct idmap_query *q, bool deny)
{
	struct idmap_captures none;
	const struct id_value *v;
	uint8_t name[IDENTITY_VALUE_MAX];
	size_t pos = 0;

	while ((v = identity_next(q->id, ID_ISSUER, &pos)) != NULL) {
		if (v->len > sizeof(name))
			continue;
		memcpy(name, v->data, v->len);
		idmap_fold(ID_ISSUER, deny, name, v->len);
		if (idmap_dn_match(o->issuer, o->issuer_len, name, v->len, &none))
			return true;
	}
	return false;
}

static bool
policy_holds(const struct idmap_options *o, const struct idmap_query *q)
{
	const struct id_value *v;
	size_t pos = 0;

	while ((v = identity_next(q->id, ID_POLICY, &pos)) != NULL)
		if (list_has(&o->policies, v->data, v->len))
			return true;
	return false;
}

bool
idmap_service_allowed(const struct idmap_rule *r, const char *service)
{
	return r->options == NULL || (r->options->given & TERM_SERVICE) == 0 ||
	       list_has(&r->options->services, service, strlen(service));
}

const char *
idmap_option_unmet(const struct idmap_rule *r, const struct idmap_query *q, unsigned terms)
{
	const struct idmap_options *o = r->options;

	if (o == NULL)
		return NULL;
	terms &= o->given;
	if ((terms & TERM_ISSUER) != 0 && !issuer_holds(o, q, r->deny))
		return "issuer";
	if ((terms & TERM_POLICY) != 0 && !policy_holds(o, q))
		return "policy";
	if ((terms & TERM_FROM) != 0 && !from_holds(o, q->from))
		return "from";
	if ((terms & TERM_SERVICE) != 0 &&
	    (q->service == NULL || !idmap_service_allowed(r, q->service)))
		return "service";
	if ((terms & TERM_MAX_SESSION) != 0 && q->age >= o->max_session)
		return "max-session";
	return NULL;
}
