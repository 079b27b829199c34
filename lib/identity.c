/* identity.c - typed values of a certificate, their wire form, and the identity's name */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dn.h"
#include "identity.h"
#include "utf8.h"

static const char *const names[ID_FIELD_MAX + 1] = {
	[ID_SUBJECT] = "subject",
	[ID_ISSUER] = "issuer",
	[ID_CN] = "cn",
	[ID_OU] = "ou",
	[ID_O] = "o",
	[ID_EMAIL] = "email",
	[ID_UPN] = "upn",
	[ID_URI] = "uri",
	[ID_DNS] = "dns",
	[ID_SERIAL] = "serial",
	[ID_FINGERPRINT] = "fingerprint",
	[ID_SPKI] = "spki",
	[ID_POLICY] = "policy",
	[ID_SSH_KEY] = "ssh-key",
};

const char *
id_field_name(unsigned field)
{
	return field <= ID_FIELD_MAX ? names[field] : NULL;
}

int
id_field_parse(const char *word, enum id_field *field)
{
	for (unsigned f = 1; f <= ID_NAMED_MAX; f++) {
		if (strcmp(word, names[f]) == 0) {
			*field = (enum id_field)f;
			return 0;
		}
	}
	return -1;
}

struct identity *
identity_new(void)
{
	struct identity *id = malloc(sizeof(*id));

	/* The values are 6 KiB, of which most certificates use a dozen entries: not zeroed. */
	if (id != NULL) {
		id->nvalues = 0;
		id->bytes = 0;
	}
	return id;
}

void
identity_free(struct identity *id)
{
	if (id == NULL)
		return;
	for (size_t i = 0; i < id->nvalues; i++)
		free(id->values[i].data);
	free(id);
}

static bool
is_dn(unsigned field)
{
	return field == ID_SUBJECT || field == ID_ISSUER;
}

/* Every attribute of a name that dn_check() passed is clean text. */
static bool
dn_is_clean(const uint8_t *dn, size_t n)
{
	struct dn_ava avas[DN_AVAS_MAX];
	size_t pos = 0, count;

	while ((count = dn_next(dn, n, &pos, avas)) > 0)
		for (size_t i = 0; i < count; i++)
			if (!utf8_is_clean(avas[i].value, avas[i].value_len))
				return false;
	return true;
}

static int
value_check(unsigned field, const void *data, size_t n, struct err *e)
{
	struct err why;
	bool clean;

	if (id_field_name(field) == NULL)
		return err_set(e, ERR_REFUSED, "identity: field %u is unknown", field);
	if (n == 0)
		return err_set(e, ERR_REFUSED, "%s: empty", names[field]);
	if (n > IDENTITY_VALUE_MAX)
		return err_set(e, ERR_REFUSED, "%s: %zu bytes, at most %d are taken", names[field],
		    n, IDENTITY_VALUE_MAX);
	if (is_dn(field)) {
		if (dn_check(data, n, &why) == -1)
			return err_set(e, ERR_REFUSED, "%s: %s", names[field], why.text);
		clean = dn_is_clean(data, n);
	} else {
		clean = utf8_is_clean(data, n);
	}
	if (!clean)
		return err_set(
		    e, ERR_REFUSED, "%s: a control character, or not UTF-8", names[field]);
	return 0;
}

int
identity_add(struct identity *id, enum id_field field, const void *data, size_t n, struct err *e)
{
	uint8_t *copy;

	if (value_check(field, data, n, e) == -1)
		return -1;
	if (id->nvalues == IDENTITY_VALUES_MAX)
		return err_set(
		    e, ERR_REFUSED, "identity: more than %d values", IDENTITY_VALUES_MAX);
	if (n > IDENTITY_BYTES_MAX - id->bytes)
		return err_set(e, ERR_REFUSED, "identity: more than %d bytes", IDENTITY_BYTES_MAX);
	if ((copy = malloc(n + 1)) == NULL)
		return err_nomem(e, "identity");
	memcpy(copy, data, n);
	copy[n] = '\0';
	id->values[id->nvalues++] = (struct id_value){ .field = field, .data = copy, .len = n };
	id->bytes += n;
	return 0;
}

void
identity_put(const struct identity *id, struct msg_out *o)
{
	msg_put_u32(o, (uint32_t)id->nvalues);
	for (size_t i = 0; i < id->nvalues; i++) {
		msg_put_u32(o, id->values[i].field);
		msg_put_bytes(o, id->values[i].data, id->values[i].len);
	}
}

/* One value from the wire. */
static int
get_value(struct msg_in *m, struct identity *id, struct err *e)
{
	const uint8_t *p;
	uint32_t field;
	size_t n;

	if (msg_get_u32(m, &field) == -1 || msg_get_bytes(m, &p, &n, IDENTITY_VALUE_MAX) == -1)
		return err_set(e, ERR_PEER, "identity: malformed");
	if (field > ID_FIELD_MAX)
		return err_set(e, ERR_PEER, "identity: field %u is unknown", field);
	if (identity_add(id, (enum id_field)field, p, n, e) == -1) {
		if (e->kind == ERR_REFUSED)
			e->kind = ERR_PEER;
		return -1;
	}
	return 0;
}

struct identity *
identity_get(struct msg_in *m, struct err *e)
{
	struct identity *id;
	uint32_t n;

	if (msg_get_u32(m, &n) == -1 || n > IDENTITY_VALUES_MAX) {
		m->bad = true;
		err_set(e, ERR_PEER, "identity: number of values");
		return NULL;
	}
	if ((id = identity_new()) == NULL) {
		m->bad = true;
		err_nomem(e, "identity");
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (get_value(m, id, e) == -1) {
			m->bad = true;
			identity_free(id);
			return NULL;
		}
	}
	return id;
}

const struct id_value *
identity_next(const struct identity *id, enum id_field field, size_t *pos)
{
	while (*pos < id->nvalues) {
		const struct id_value *v = &id->values[(*pos)++];

		if (v->field == field)
			return v;
	}
	return NULL;
}

static int
value_compare(const struct id_value *a, const struct id_value *b)
{
	int c = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	if (c != 0)
		return c;
	return (a->len > b->len) - (a->len < b->len);
}

/* The bytewise smallest value of `field`, so that the order in the certificate does not count. */
static const struct id_value *
smallest(const struct identity *id, enum id_field field)
{
	const struct id_value *best = NULL, *v;
	size_t pos = 0;

	while ((v = identity_next(id, field, &pos)) != NULL)
		if (best == NULL || value_compare(v, best) < 0)
			best = v;
	return best;
}

char *
id_value_text(const struct id_value *v, char *dst, size_t size)
{
	size_t n = v->len;

	if (is_dn(v->field))
		return dn_text(v->data, v->len, dst, size);
	if (size == 0)
		return dst;
	if (n > size - 1)
		n = size - 1;
	/* a cut must not leave half a character */
	while (n > 0 && n < v->len && (v->data[n] & 0xc0) == 0x80)
		n--;
	memcpy(dst, v->data, n);
	dst[n] = '\0';
	return dst;
}

int
identity_name(const struct identity *id, const char *section, const enum id_field *fields,
    size_t nfields, char *dst, size_t size, struct err *e)
{
	const struct id_value *v = NULL;
	size_t head, need;

	for (size_t i = 0; i < nfields && v == NULL; i++)
		v = smallest(id, fields[i]);
	if (v == NULL)
		return err_set(e, ERR_REFUSED,
		    "identity: the certificate has none of the fields "
		    "that name its holder");
	head = strlen(section) + 1 + strlen(names[v->field]) + 1;
	need = is_dn(v->field) ? dn_text_len(v->data, v->len) : v->len;
	if (need >= size || head >= size - need)
		return err_set(e, ERR_REFUSED,
		    "identity: its name needs %zu bytes, at most %zu "
		    "are taken",
		    head + need, size == 0 ? 0 : size - 1);
	(void)snprintf(dst, size, "%s/%s:", section, names[v->field]);
	id_value_text(v, dst + head, size - head);
	return 0;
}
