/* reach.c - the target that a jump's client asks for, and whether its login may open it */
#include <stdio.h>
#include <string.h>

#include "ident.h"
#include "login.h"
#include "reach.h"

static const char forbidden[] = "the certificate gives no access to this target";

int
reach_parse(struct reach *r, const uint8_t *host, size_t n, uint32_t port, struct err *e)
{
	char text[SETTINGS_HOST_MAX], name[JUMPNET_NAME_SIZE];

	memset(r, 0, sizeof(*r));
	if (port == 0 || port > 65535)
		return err_set(e, ERR_REFUSED, "port %u", (unsigned)port);
	r->port = (uint16_t)port;
	if (n >= sizeof(text) || memchr(host, '\0', n) != NULL)
		return err_set(e, ERR_REFUSED, "neither a host name nor an address");
	memcpy(text, host, n);
	text[n] = '\0';
	switch (jumpnet_host(text, name, &r->address)) {
	case JUMPNET_NAME:
		r->is_name = true;
		memcpy(r->host, name, sizeof(r->host));
		return 0;
	case JUMPNET_ADDRESS:
		addr_set_port(&r->address, r->port);
		(void)addr_text(&r->address, r->host);
		return 0;
	default:
		return err_set(e, ERR_REFUSED, "neither a host name nor an address");
	}
}

char *
reach_text(const struct reach *r, char dst[REACH_TEXT_SIZE])
{
	bool v6 = strchr(r->host, ':') != NULL;

	(void)snprintf(dst, REACH_TEXT_SIZE, "%s%s%s:%u", v6 ? "[" : "", r->host, v6 ? "]" : "",
	    (unsigned)r->port);
	return dst;
}

/* What this way of the login allows; bits of enum idmap_to. */
static unsigned
ask_way(const struct login_case *l, enum keylogin_by way, const struct reach *r,
    const struct idmap_dial *d, struct idmap_rule_info *rule)
{
	struct idmap_query q;

	if (!l->by.by[way] ||
	    (way == KEYLOGIN_LISTED && !authkey_opens(l->by.listing, r->host, r->port)))
		return 0;
	keylogin_query(&l->k, way, &q);
	return idmap_to(l->k.gen->map, &q, d, rule);
}

/* When this way may allow it no more. */
static void
keep_end(const struct login_case *l, enum keylogin_by way, const struct idmap_rule_info *rule,
    struct verdict *v)
{
	v->max_session = idmap_first_end(v->max_session, rule->max_session);
	if (way == KEYLOGIN_LISTED && l->by.listing->expires != INT64_MAX)
		v->key_to = l->by.listing->expires;
}

/* An address is known: by the map or by the name that led to it, and not one of those that none
 * may reach. */
static int
judge_address(const struct jump *j, unsigned allowed, const struct sockaddr_storage *address,
    struct verdict *v)
{
	const struct settings *s = &j->id->gen->settings;
	char at[ADDR_TEXT_SIZE];

	if ((allowed & IDMAP_TO_LITERAL) != 0)
		return 0;
	if ((allowed & (IDMAP_TO_NAME | IDMAP_TO_ADDRESS)) == 0) {
		err_set(&v->why, ERR_REFUSED, "%s: no to= of the identity map has it",
		    addr_text(address, at));
		return verdict_refuse(v, REFUSED_MAP, forbidden);
	}
	if (jumpnet_judge(j->id->route, s->jump_networks, s->njump_networks, address, &v->why) ==
	    -1)
		return verdict_refuse(v, REFUSED_MAP, forbidden);
	return 0;
}

int
reach_judge_for(const struct jump *j, const struct login_case *l, const struct reach *r,
    const struct sockaddr_storage *address, struct verdict *v)
{
	const struct idmap_dial d = { .host = r->is_name ? r->host : NULL,
		.address = (const struct sockaddr *)address,
		.port = r->port };
	struct idmap_rule_info rule = { 0 };
	unsigned allowed = 0;

	v->max_session = 0;
	v->key_to = 0;
	for (unsigned way = 0; way < KEYLOGIN_WAYS; way++) {
		struct idmap_rule_info other;
		unsigned here = ask_way(l, (enum keylogin_by)way, r, &d, &other);

		if (here == 0)
			continue;
		if (allowed == 0)
			rule = other;
		allowed |= here;
		keep_end(l, (enum keylogin_by)way, &other, v);
	}
	v->line = rule.line;
	if (allowed == 0) {
		err_set(&v->why, ERR_REFUSED, "%s",
		    l->by.by[KEYLOGIN_LISTED] && !l->by.by[KEYLOGIN_BOUND] &&
			    !authkey_opens(l->by.listing, r->host, r->port)
			? "the SSH key's line in authorized-keys does not permit this target"
			: "no to= of the identity map grants this target");
		return verdict_refuse(v, REFUSED_MAP, forbidden);
	}
	return address == NULL ? 0 : judge_address(j, allowed, address, v);
}

int
reach_judge(const struct jump *j, const struct reach *r, const struct sockaddr_storage *address,
    struct verdict *v)
{
	struct login_case l;
	struct verdict login = { 0 };
	int ret = -1;

	/* a target is as good as a login: what only keeps a connection opens nothing */
	if (login_judge(j, &j->key, JUDGE_NEW, &l, &login) == -1)
		*v = login;
	else
		ret = reach_judge_for(j, &l, r, address, v);
	login_case_done(&l);
	return ret;
}
