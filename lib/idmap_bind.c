/* idmap_bind.c - bind= and key=: which SSH key a rule wants beside the certificate */
#include <string.h>

#include "idmap_local.h"
#include "text.h"

static const struct {
	const char *name;
	enum idmap_bind bind;
} kinds[] = {
	{ "same-key", BIND_SAME_KEY },
	{ "extension", BIND_EXTENSION },
	{ "listed", BIND_LISTED },
	{ "any", BIND_ANY },
};

const char *
idmap_bind_name(enum idmap_bind bind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].bind == bind)
			return kinds[i].name;
	return "?";
}

/*
 * A deny rule counts when all its options hold. In `account` the key is often not known yet, so
 * one that waited for it would let its identity in.
 */
static int
not_on_deny(const struct idmap_rule *r, const char *option, struct err *e)
{
	if (!r->deny)
		return 0;
	return err_set(e, ERR_FORMAT,
	    "%s: not on a rule that denies, allowed is to deny the identity, whatever its key",
	    option);
}

int
idmap_bind_parse(
    struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value, struct err *e)
{
	char shown[SHOW_SIZE];

	(void)m;
	if (not_on_deny(r, "bind", e) == -1)
		return -1;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(value, kinds[i].name) == 0) {
			o->bind = kinds[i].bind;
			return 0;
		}
	return err_set(e, ERR_FORMAT,
	    "bind: \"%s\", allowed is one of same-key, extension, listed, any",
	    idmap_show(shown, value));
}

/* "SHA256:" and 43 characters of base64, the last of which has two bits to spare, both zero. */
static bool
is_fingerprint(const char *s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	size_t n = strlen(s);

	return n == TEXT_SHA256_SIZE - 1 && strncmp(s, "SHA256:", 7) == 0 &&
	       strspn(s + 7, digits) == n - 7 && (strchr(digits, s[n - 1]) - digits) % 4 == 0;
}

int
idmap_key_parse(
    struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value, struct err *e)
{
	if (not_on_deny(r, "key", e) == -1)
		return -1;
	return idmap_list_parse(m, "key",
	    "an SSH key's SHA256:FINGERPRINT as ssh-keygen -l prints it", value, is_fingerprint,
	    &o->keys, e);
}

int
idmap_bind_check(const struct idmap_options *o, unsigned seen, struct err *e)
{
	if (o->bind == BIND_LISTED && (seen & TERM_KEY) == 0)
		return err_set(e, ERR_FORMAT,
		    "bind: listed without key=, allowed with key=SHA256:FINGERPRINT,...");
	if (o->bind != BIND_LISTED && (seen & TERM_KEY) != 0)
		return err_set(e, ERR_FORMAT, "key: without bind=listed, allowed with it only");
	return 0;
}

/* ---- the verdict ------------------------------------------------------------------------ */
static bool
has_fingerprint(const struct keyset *keys, const char *fingerprint)
{
	char text[TEXT_SHA256_SIZE];

	for (uint32_t i = 0; i < keys->n; i++)
		if (strcmp(text_sha256(text, keys->sha256[i]), fingerprint) == 0)
			return true;
	return false;
}

/* Whether a key of the login is one that the certificate lists; NULL: whether it lists any. */
static bool
extension_has(const struct identity *id, const struct keyset *keys)
{
	const struct id_value *v;
	size_t pos = 0;

	while ((v = identity_next(id, ID_SSH_KEY, &pos)) != NULL)
		if (keys == NULL || has_fingerprint(keys, (const char *)v->data))
			return true;
	return false;
}

static bool
list_has_key(const struct idmap_list *list, const struct keyset *keys)
{
	const char *item = list->first;

	for (size_t i = 0; i < list->n; i++, item = idmap_list_next(item))
		if (keys == NULL || has_fingerprint(keys, item))
			return true;
	return false;
}

/* With keys NULL: whether there is a key that would do. */
static bool
fits(const struct idmap_options *o, const struct idmap_query *q, const struct keyset *keys)
{
	switch (o->bind) {
	case BIND_ANY:
		return true;
	case BIND_SAME_KEY:
		return q->own_key != NULL && (keys == NULL || keyset_has(keys, q->own_key));
	case BIND_EXTENSION:
		return extension_has(q->id, keys);
	case BIND_LISTED:
		return list_has_key(&o->keys, keys);
	}
	return false;
}

enum idmap_verdict
idmap_bind_verdict(const struct idmap_rule *r, const struct idmap_query *q)
{
	if (r->options == NULL || r->options->bind == BIND_ANY)
		return q->bound_only ? IDMAP_NO_KEY : IDMAP_YES;
	if (!fits(r->options, q, q->keys))
		return IDMAP_NO_KEY;
	return q->keys == NULL ? IDMAP_KEY_UNKNOWN : IDMAP_YES;
}
