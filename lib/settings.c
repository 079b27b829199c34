/* settings.c - settings on their way from the monitor to its children */
#include <string.h>
#include <strings.h>

#include "settings.h"

static void
put_cidr(struct msg_out *o, const struct cidr *c)
{
	msg_put_u32(o, c->family);
	msg_put_u32(o, c->prefix);
	msg_put_bytes(o, c->bytes, sizeof(c->bytes));
}

static int
get_cidr(struct msg_in *m, struct cidr *c)
{
	uint32_t family, prefix;
	const uint8_t *p;
	size_t n;

	if (msg_get_u32(m, &family) == -1 || msg_get_u32(m, &prefix) == -1 ||
	    msg_get_bytes(m, &p, &n, sizeof(c->bytes)) == -1)
		return -1;
	if ((family != 4 && family != 6) || prefix > (family == 4 ? 32U : 128U) ||
	    n != sizeof(c->bytes)) {
		m->bad = true;
		return -1;
	}
	c->family = (uint8_t)family;
	c->prefix = (uint8_t)prefix;
	memcpy(c->bytes, p, n);
	return 0;
}

/* A count of at most `max`. */
static int
get_count(struct msg_in *m, uint32_t *n, size_t max)
{
	if (msg_get_u32(m, n) == -1)
		return -1;
	if (*n > max) {
		m->bad = true;
		return -1;
	}
	return 0;
}

static void
put_listener(struct msg_out *o, const struct settings_listener *l)
{
	msg_put_str(o, l->name);
	msg_put_u32(o, l->npeers);
	for (size_t i = 0; i < l->npeers; i++)
		put_cidr(o, &l->peers[i]);
}

static int
get_listener(struct msg_in *m, struct settings_listener *l)
{
	if (msg_get_str(m, l->name, sizeof(l->name)) == -1 ||
	    get_count(m, &l->npeers, SETTINGS_PEERS_MAX) == -1)
		return -1;
	for (size_t i = 0; i < l->npeers; i++)
		if (get_cidr(m, &l->peers[i]) == -1)
			return -1;
	return 0;
}

static void
put_section(struct msg_out *o, const struct settings_section *s)
{
	msg_put_str(o, s->name);
	msg_put_u32(o, s->revocation);
	msg_put_u32(o, s->stale_cut);
	msg_put_u32(o, s->nfields);
	for (size_t i = 0; i < s->nfields; i++)
		msg_put_u32(o, s->fields[i]);
}

static int
get_section(struct msg_in *m, struct settings_section *s)
{
	uint32_t f;

	if (msg_get_str(m, s->name, sizeof(s->name)) == -1 ||
	    get_count(m, &s->revocation, 1) == -1 || get_count(m, &s->stale_cut, 1) == -1 ||
	    get_count(m, &s->nfields, ID_NAMED_MAX) == -1)
		return -1;
	for (size_t i = 0; i < s->nfields; i++) {
		if (get_count(m, &f, ID_NAMED_MAX) == -1)
			return -1;
		s->fields[i] = (enum id_field)f;
	}
	return 0;
}

static void
put_target(struct msg_out *o, const struct settings_target *t)
{
	msg_put_str(o, t->name);
	msg_put_u32(o, t->nnames);
	for (size_t i = 0; i < t->nnames; i++)
		msg_put_str(o, t->names[i]);
	msg_put_u32(o, t->mode);
	msg_put_str(o, t->host);
	msg_put_u32(o, t->port);
	msg_put_u32(o, t->source);
	msg_put_u32(o, t->idle_timeout);
	msg_put_u32(o, t->keep_expired);
	msg_put_u32(o, t->reauth);
	msg_put_u32(o, t->nhost_keys);
	msg_put_u32(o, t->ssh_keys);
	msg_put_u32(o, t->aes_gcm);
	msg_put_str(o, t->pam);
	msg_put_str(o, t->banner);
}

static int
get_jump(struct msg_in *m, struct settings_target *t)
{
	if (get_count(m, &t->nhost_keys, SETTINGS_HOST_KEYS_MAX) == -1 ||
	    get_count(m, &t->ssh_keys, SSH_KEYS_EITHER) == -1 ||
	    get_count(m, &t->aes_gcm, 1) == -1 || msg_get_str(m, t->pam, sizeof(t->pam)) == -1 ||
	    msg_get_str(m, t->banner, sizeof(t->banner)) == -1)
		return -1;
	return 0;
}

static int
get_target(struct msg_in *m, struct settings_target *t)
{
	if (msg_get_str(m, t->name, sizeof(t->name)) == -1 ||
	    get_count(m, &t->nnames, SETTINGS_NAMES_MAX) == -1)
		return -1;
	for (size_t i = 0; i < t->nnames; i++)
		if (msg_get_str(m, t->names[i], sizeof(t->names[i])) == -1)
			return -1;
	if (get_count(m, &t->mode, TARGET_JUMP) == -1 ||
	    msg_get_str(m, t->host, sizeof(t->host)) == -1 || get_count(m, &t->port, 65535) == -1 ||
	    get_count(m, &t->source, SOURCE_SYSTEM) == -1 ||
	    msg_get_u32(m, &t->idle_timeout) == -1 || get_count(m, &t->keep_expired, 1) == -1 ||
	    msg_get_u32(m, &t->reauth) == -1)
		return -1;
	return get_jump(m, t);
}

/* The numbers, in wire order, for both directions. */
#define NUMBERS(s)                                                                           \
	&(s)->tls_min, &(s)->handshake_timeout, &(s)->dial_timeout, &(s)->connections,       \
	    &(s)->gate_connections, &(s)->per_address, &(s)->per_identity, &(s)->port_first, \
	    &(s)->port_last, &(s)->capture_min_uid, &(s)->ask_uid, &(s)->keys_gid,           \
	    &(s)->audit_require, &(s)->login_timeout, &(s)->channels

int
settings_encode(const struct settings *s, uint8_t *buf, size_t size, size_t *n, struct err *e)
{
	const uint32_t *const numbers[] = { NUMBERS(s) };
	struct msg_out o;

	msg_start(&o, buf, size, MSG_GENERATION, 0);
	msg_put_u32(&o, s->nlisteners);
	for (size_t i = 0; i < s->nlisteners; i++)
		put_listener(&o, &s->listeners[i]);
	msg_put_u32(&o, s->nsections);
	for (size_t i = 0; i < s->nsections; i++)
		put_section(&o, &s->sections[i]);
	msg_put_u32(&o, s->ntargets);
	for (size_t i = 0; i < s->ntargets; i++)
		put_target(&o, &s->targets[i]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		msg_put_u32(&o, *numbers[i]);
	msg_put_u32(&o, s->njump_networks);
	for (size_t i = 0; i < s->njump_networks; i++)
		put_cidr(&o, &s->jump_networks[i]);
	if (msg_finish(&o, e) == -1)
		return err_set(e, ERR_FORMAT,
		    "the configuration is too large: its settings need "
		    "more than %d bytes",
		    SETTINGS_BYTES_MAX);
	*n = o.len;
	return 0;
}

static bool
target_sane(const struct settings *s, const struct settings_target *t)
{
	if (t->source == 0)
		return false;
	if (t->mode == TARGET_JUMP)
		return t->nhost_keys > 0 && t->ssh_keys != 0 && s->login_timeout > 0 &&
		       s->channels > 0;
	return t->port != 0;
}

/* What the children rely on without looking again. */
static bool
settings_sane(const struct settings *s)
{
	for (size_t i = 0; i < s->nsections; i++)
		for (size_t k = 0; k < s->sections[i].nfields; k++)
			if (s->sections[i].fields[k] == 0)
				return false;
	for (size_t i = 0; i < s->ntargets; i++)
		if (!target_sane(s, &s->targets[i]))
			return false;
	return s->nsections > 0 && s->ntargets > 0 && s->port_first > 0 &&
	       s->port_first <= s->port_last && s->port_last <= 65535 && s->handshake_timeout > 0 &&
	       s->dial_timeout > 0;
}

int
settings_decode(const uint8_t *buf, size_t n, struct settings *s, struct err *e)
{
	uint32_t *const numbers[] = { NUMBERS(s) };
	struct msg_in m;

	memset(s, 0, sizeof(*s));
	if (msg_parse(&m, buf, n, e) == -1)
		return -1;
	if (m.type != MSG_GENERATION)
		return err_set(e, ERR_PEER, "these are not settings");
	if (get_count(&m, &s->nlisteners, SETTINGS_LISTENERS_MAX) == 0)
		for (size_t i = 0; i < s->nlisteners && !m.bad; i++)
			(void)get_listener(&m, &s->listeners[i]);
	if (get_count(&m, &s->nsections, SECTIONS_MAX) == 0)
		for (size_t i = 0; i < s->nsections && !m.bad; i++)
			(void)get_section(&m, &s->sections[i]);
	if (get_count(&m, &s->ntargets, SETTINGS_TARGETS_MAX) == 0)
		for (size_t i = 0; i < s->ntargets && !m.bad; i++)
			(void)get_target(&m, &s->targets[i]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (msg_get_u32(&m, numbers[i]) == -1)
			break;
	if (get_count(&m, &s->njump_networks, SETTINGS_NETWORKS_MAX) == 0)
		for (size_t i = 0; i < s->njump_networks && !m.bad; i++)
			(void)get_cidr(&m, &s->jump_networks[i]);
	if (msg_end(&m, e) == -1)
		return -1;
	if (!settings_sane(s))
		return err_set(e, ERR_PEER, "settings out of range");
	return 0;
}

const struct settings_target *
settings_target(const struct settings *s, const char *server_name)
{
	size_t n = strlen(server_name);

	if (n > 0 && server_name[n - 1] == '.')
		n--;
	for (size_t i = 0; n > 0 && i < s->ntargets; i++)
		for (size_t k = 0; k < s->targets[i].nnames; k++)
			if (strlen(s->targets[i].names[k]) == n &&
			    strncasecmp(s->targets[i].names[k], server_name, n) == 0)
				return &s->targets[i];
	return &s->targets[0];
}
