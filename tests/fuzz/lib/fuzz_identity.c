/* fuzz_identity.c - an identity from the wire: what is taken is within limits, and goes back as it
 * came */
#include <assert.h>
#include <string.h>

#include "identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint8_t packet[MSG_MAX];

static void
check_name(const struct identity *id)
{
	static const enum id_field order[] = { ID_URI, ID_UPN, ID_EMAIL, ID_SUBJECT, ID_CN };
	char name[IDENTITY_NAME_MAX];
	struct err e;

	if (identity_name(id, "corp", order, 5, name, sizeof(name), &e) == 0) {
		assert(strlen(name) < sizeof(name) && strncmp(name, "corp/", 5) == 0);
		for (const char *p = name; *p != '\0'; p++)
			assert((unsigned char)*p >= 0x20 && *p != 0x7f);
	} else {
		assert(e.kind == ERR_REFUSED);
	}
}

static void
check_values(const struct identity *id)
{
	char text[64];
	size_t bytes = 0;

	assert(id->nvalues <= IDENTITY_VALUES_MAX);
	for (size_t i = 0; i < id->nvalues; i++) {
		const struct id_value *v = &id->values[i];

		assert(v->len > 0 && v->len <= IDENTITY_VALUE_MAX && v->data[v->len] == '\0');
		assert(id_field_name(v->field) != NULL);
		bytes += v->len;
		id_value_text(v, text, sizeof(text));
		assert(strlen(text) < sizeof(text));
	}
	assert(bytes == id->bytes && bytes <= IDENTITY_BYTES_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct identity *id;
	struct msg_out o;
	struct msg_in m;
	struct err e;

	if (msg_parse(&m, data, n, &e) == -1)
		return 0;
	if ((id = identity_get(&m, &e)) == NULL) {
		assert(e.kind == ERR_PEER && msg_end(&m, &e) == -1);
		return 0;
	}
	check_values(id);
	check_name(id);
	msg_start(&o, packet, sizeof(packet), (enum msg_type)m.type, m.conn);
	identity_put(id, &o);
	assert(msg_finish(&o, &e) == 0);
	assert(o.len == n - m.left && memcmp(packet, data, o.len) == 0);
	identity_free(id);
	return 0;
}
