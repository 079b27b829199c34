/* conf_check.c - what the options of a section, and of the whole, must be to each other */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "conf_local.h"

/* The address that stands for all, of either family. */
static bool
is_any(const struct sockaddr_storage *ss)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (ss->ss_family == AF_INET) {
		memcpy(&in, ss, sizeof(in));
		return in.sin_addr.s_addr == htonl(INADDR_ANY);
	}
	memcpy(&in6, ss, sizeof(in6));
	return IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr);
}

static int
check_listen(const struct conf *c, uint32_t k, struct err *e)
{
	for (uint32_t i = 0; i < k; i++) {
		if (addr_equal(&c->listen[i], &c->listen[k]))
			return err_set(e, ERR_FORMAT,
			    "the same address as listen \"%s\", allowed: once",
			    c->settings.listeners[i].name);
		/* Of two sockets for everything the kernel would choose one at random. */
		if (is_any(&c->listen[i]) && is_any(&c->listen[k]) &&
		    addr_port(&c->listen[i]) == addr_port(&c->listen[k]))
			return err_set(e, ERR_FORMAT,
			    "overlaps listen \"%s\": [::] takes IPv4 too, "
			    "allowed: one of the two",
			    c->settings.listeners[i].name);
	}
	return 0;
}

static int
check_trust(struct conf *c, uint32_t k, struct err *e)
{
	struct settings_section *s = &c->settings.sections[k];
	uint32_t ncrls = c->trust[k].crls.n;

	if (s->revocation == CONF_REVOCATION_UNSET)
		s->revocation = ncrls > 0 ? 1 : 0;
	if (s->revocation == 1 && ncrls == 0)
		return err_set(e, ERR_FORMAT,
		    "revocation: \"require\" without a crl lets nobody in, "
		    "allowed: name a crl, or \"off\"");
	return 0;
}

/* What logs in to a jump host. */
static int
check_ssh_keys(struct conf *c, uint32_t k, struct err *e)
{
	struct settings_target *t = &c->settings.targets[k];
	bool folder = c->target[k].authorized_keys != NULL;

	if (t->ssh_keys == 0)
		t->ssh_keys = folder ? SSH_KEYS_EITHER : SSH_KEYS_BOUND;
	if ((t->ssh_keys & SSH_KEYS_LISTED) != 0 && !folder)
		return err_set(e, ERR_FORMAT,
		    "ssh-keys: nothing lists keys, allowed: name authorized-keys, or "
		    "\"certificate\"");
	return 0;
}

static int
check_jump(struct conf *c, uint32_t k, struct err *e)
{
	const struct conf_list *keys = &c->target[k].host_keys;

	if (c->settings.targets[k].mode != TARGET_JUMP)
		return 0;
	c->settings.targets[k].nhost_keys = keys->n;
	for (uint32_t i = 0; i < keys->n; i++)
		for (uint32_t m = 0; m < i; m++)
			if (strcmp(keys->v[i], keys->v[m]) == 0)
				return err_set(e, ERR_FORMAT,
				    "host-keys: \"%.80s\" is there twice, allowed: once",
				    keys->v[i]);
	return check_ssh_keys(c, k, e);
}

/* A server name chooses one target. */
static int
check_target(const struct conf *c, uint32_t k, struct err *e)
{
	const struct settings_target *t = c->settings.targets, *new = &t[k];

	for (uint32_t n = 0; n < new->nnames; n++)
		for (uint32_t i = 0; i <= k; i++)
			for (uint32_t m = 0; m < (i == k ? n : t[i].nnames); m++)
				if (strcmp(t[i].names[m], new->names[n]) == 0)
					return err_set(e, ERR_FORMAT,
					    "names: \"%.80s\" is already a "
					    "name of target \"%s\", allowed: once",
					    new->names[n], t[i].name);
	return 0;
}

static int
check_audit(const struct conf *c, struct err *e)
{
	if (c->settings.audit_require == 1 && c->audit_to[0] == '\0')
		return err_set(e, ERR_FORMAT,
		    "on-loss: \"require\" with nowhere to write to lets nobody in, allowed: "
		    "name a file in \"to\", or \"count\"");
	return 0;
}

int
conf_check_section(struct conf *c, enum conf_section section, uint32_t instance, struct err *e)
{
	if (section == CONF_LISTEN)
		return check_listen(c, instance, e);
	if (section == CONF_TRUST)
		return check_trust(c, instance, e);
	if (section == CONF_TARGET)
		return check_target(c, instance, e) == -1 ? -1 : check_jump(c, instance, e);
	if (section == CONF_AUDIT)
		return check_audit(c, e);
	return 0;
}

int
conf_check_all(const struct conf *c, struct err *e)
{
	uint8_t *buf;
	size_t n;
	int rc;

	if (strcmp(c->user, c->ident_user) == 0)
		return err_set(e, ERR_FORMAT,
		    "ident-user: \"%s\" is user too, allowed: an account of "
		    "its own, so that no gate can touch ident",
		    c->ident_user);
	if (strcmp(c->ident_socket, c->control_socket) == 0)
		return err_set(e, ERR_FORMAT,
		    "control-socket: the same path as ident-socket, allowed: "
		    "another");
	if (c->keys_socket != NULL && (strcmp(c->keys_socket, c->ident_socket) == 0 ||
					  strcmp(c->keys_socket, c->control_socket) == 0))
		return err_set(e, ERR_FORMAT,
		    "keys-socket: the same path as ident-socket or control-socket, allowed: "
		    "another");
	/* The children get all settings in one message: 512 long server names would not fit. */
	if ((buf = malloc(SETTINGS_BYTES_MAX)) == NULL)
		return err_nomem(e, "settings");
	rc = settings_encode(&c->settings, buf, SETTINGS_BYTES_MAX, &n, e);
	free(buf);
	return rc;
}
