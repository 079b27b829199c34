/* test_identity.c - values of a certificate: what is taken, how they travel, how they are named */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dn.h"
#include "identity.h"

static uint8_t packet[MSG_MAX];

static void
add(struct identity *id, enum id_field field, const char *value)
{
	struct err e = { 0 };

	if (identity_add(id, field, value, strlen(value), &e) == -1)
		fail_msg("%s", e.text);
}

static void
add_dn(struct identity *id, enum id_field field, const char *text)
{
	static struct dn_writer w;
	struct err e = { 0 };

	assert_int_equal(0, dn_parse(text, &w, &e));
	assert_int_equal(0, identity_add(id, field, w.buf, w.len, &e));
}

static void
assert_refused(enum id_field field, const void *p, size_t n)
{
	struct identity *id = identity_new();
	struct err e = { 0 };

	assert_non_null(id);
	assert_int_equal(-1, identity_add(id, field, p, n, &e));
	assert_int_equal(ERR_REFUSED, e.kind);
	assert_int_equal(0, id->nvalues);
	identity_free(id);
}

static void
field_names_go_both_ways(void **state)
{
	enum id_field f;

	(void)state;
	for (unsigned i = 1; i <= ID_NAMED_MAX; i++) {
		assert_non_null(id_field_name(i));
		assert_int_equal(0, id_field_parse(id_field_name(i), &f));
		assert_int_equal(i, f);
	}
	/* has a name for messages, but none that a rule may use */
	assert_string_equal("ssh-key", id_field_name(ID_SSH_KEY));
	assert_int_equal(-1, id_field_parse("ssh-key", &f));
	assert_null(id_field_name(0));
	assert_null(id_field_name(ID_FIELD_MAX + 1));
	assert_int_equal(-1, id_field_parse("Email", &f));
	assert_int_equal(-1, id_field_parse("", &f));
	assert_int_equal(-1, id_field_parse("emai", &f));
}

static void
unsafe_values_are_refused(void **state)
{
	static uint8_t big[IDENTITY_VALUE_MAX + 1];
	struct identity *id = identity_new();

	(void)state;
	assert_non_null(id);
	assert_refused(ID_CN, "", 0);
	assert_refused(ID_EMAIL, "root\0@example.net", 17);
	assert_refused(ID_EMAIL, "a\n", 2);
	assert_refused(ID_CN, "\xff", 1);
	assert_refused(ID_CN, "\xc2\x80", 2);
	assert_refused((enum id_field)0, "a", 1);
	assert_refused((enum id_field)(ID_FIELD_MAX + 1), "a", 1);
	assert_refused(ID_SUBJECT, "CN=a", 4);
	assert_refused(ID_SUBJECT, "\1\2CN\0\3a\nb", 9);
	assert_refused(ID_SUBJECT, "\1\2CN\0\3a\0b", 9);
	memset(big, 'a', sizeof(big));
	assert_refused(ID_URI, big, sizeof(big));
	add(id, ID_EMAIL, "root@example.net");
	add(id, ID_CN, "J\xc3\xbcrgen");
	add_dn(id, ID_SUBJECT, "CN=a,O=b");
	assert_int_equal(0, identity_add(id, ID_URI, big, IDENTITY_VALUE_MAX, &(struct err){ 0 }));
	assert_int_equal('\0', id->values[0].data[id->values[0].len]);
	identity_free(id);
}

static void
limits_of_number_and_bytes_hold(void **state)
{
	static uint8_t big[IDENTITY_VALUE_MAX];
	struct identity *id = identity_new();
	struct err e = { 0 };

	(void)state;
	assert_non_null(id);
	for (int i = 0; i < IDENTITY_VALUES_MAX; i++)
		add(id, ID_DNS, "a.example");
	assert_int_equal(-1, identity_add(id, ID_DNS, "b", 1, &e));
	assert_int_equal(ERR_REFUSED, e.kind);
	assert_int_equal(IDENTITY_VALUES_MAX, id->nvalues);
	identity_free(id);

	id = identity_new();
	assert_non_null(id);
	memset(big, 'a', sizeof(big));
	for (int i = 0; i < IDENTITY_BYTES_MAX / IDENTITY_VALUE_MAX; i++)
		assert_int_equal(0, identity_add(id, ID_URI, big, sizeof(big), &e));
	assert_int_equal(-1, identity_add(id, ID_DNS, "b", 1, &e));
	assert_int_equal(ERR_REFUSED, e.kind);
	identity_free(id);
}

/* The packet of `id`; its length. */
static size_t
pack(const struct identity *id)
{
	struct msg_out o;
	struct err e = { 0 };

	msg_start(&o, packet, sizeof(packet), MSG_OPEN, 7);
	identity_put(id, &o);
	assert_int_equal(0, msg_finish(&o, &e));
	return o.len;
}

static void
the_largest_identity_fits_in_one_message_and_comes_back(void **state)
{
	static uint8_t big[IDENTITY_BYTES_MAX / IDENTITY_VALUES_MAX];
	struct identity *id = identity_new(), *got;
	struct err e = { 0 };
	struct msg_in m;
	size_t n;

	(void)state;
	assert_non_null(id);
	memset(big, 'x', sizeof(big));
	for (int i = 0; i < IDENTITY_VALUES_MAX; i++)
		assert_int_equal(
		    0, identity_add(id, (enum id_field)(ID_CN + i % 3), big, sizeof(big), &e));
	assert_int_equal(IDENTITY_BYTES_MAX, id->bytes);
	n = pack(id);
	assert_int_equal(0, msg_parse(&m, packet, n, &e));
	got = identity_get(&m, &e);
	assert_non_null(got);
	assert_int_equal(0, msg_end(&m, &e));
	assert_int_equal(id->nvalues, got->nvalues);
	assert_int_equal(id->bytes, got->bytes);
	for (size_t i = 0; i < id->nvalues; i++) {
		assert_int_equal(id->values[i].field, got->values[i].field);
		assert_int_equal(id->values[i].len, got->values[i].len);
		assert_memory_equal(id->values[i].data, got->values[i].data, got->values[i].len);
	}
	identity_free(got);
	identity_free(id);
}

static void
every_cut_of_a_packet_is_refused(void **state)
{
	struct identity *id = identity_new();
	struct err e = { 0 };
	struct msg_in m;
	size_t n;

	(void)state;
	assert_non_null(id);
	add_dn(id, ID_SUBJECT, "CN=Alice,O=Corp");
	add(id, ID_EMAIL, "alice@corp.example");
	n = pack(id);
	identity_free(id);
	for (size_t cut = MSG_HEADER; cut < n; cut++) {
		assert_int_equal(0, msg_parse(&m, packet, cut, &e));
		assert_null(identity_get(&m, &e));
		assert_int_equal(ERR_PEER, e.kind);
		assert_int_equal(-1, msg_end(&m, &e));
	}
	assert_int_equal(0, msg_parse(&m, packet, n, &e));
	id = identity_get(&m, &e);
	assert_non_null(id);
	identity_free(id);
}

/* A packet of one value that identity_put() would never write. */
static void
assert_peer_refused(uint32_t count, uint32_t field, const char *value, size_t n)
{
	struct err e = { 0 };
	struct msg_out o;
	struct msg_in m;

	msg_start(&o, packet, sizeof(packet), MSG_OPEN, 7);
	msg_put_u32(&o, count);
	msg_put_u32(&o, field);
	msg_put_bytes(&o, value, n);
	assert_int_equal(0, msg_parse(&m, packet, o.len, &e));
	assert_null(identity_get(&m, &e));
	assert_int_equal(ERR_PEER, e.kind);
	assert_int_equal(-1, msg_end(&m, &e));
}

static void
values_from_the_wire_are_judged_again(void **state)
{
	struct err e = { 0 };
	struct identity *id;
	struct msg_out o;
	struct msg_in m;

	(void)state;
	assert_peer_refused(1, ID_CN, "", 0);
	assert_peer_refused(1, ID_CN, "a\0b", 3);
	assert_peer_refused(1, ID_CN, "\xff", 1);
	assert_peer_refused(1, 0, "a", 1);
	assert_peer_refused(1, ID_FIELD_MAX + 1, "a", 1);
	assert_peer_refused(1, ID_SUBJECT, "\1\2cn\0\1a", 7);
	assert_peer_refused(2, ID_CN, "a", 1);
	assert_peer_refused(IDENTITY_VALUES_MAX + 1, ID_CN, "a", 1);
	assert_peer_refused(UINT32_MAX, ID_CN, "a", 1);

	/* none at all is a valid identity, which nothing matches */
	msg_start(&o, packet, sizeof(packet), MSG_OPEN, 7);
	msg_put_u32(&o, 0);
	assert_int_equal(0, msg_parse(&m, packet, o.len, &e));
	id = identity_get(&m, &e);
	assert_non_null(id);
	assert_int_equal(0, id->nvalues);
	identity_free(id);
}

static void
next_finds_every_value_of_a_field(void **state)
{
	struct identity *id = identity_new();
	size_t pos = 0;

	(void)state;
	assert_non_null(id);
	add(id, ID_EMAIL, "b@x");
	add(id, ID_CN, "c");
	add(id, ID_EMAIL, "a@x");
	assert_string_equal("b@x", (const char *)identity_next(id, ID_EMAIL, &pos)->data);
	assert_string_equal("a@x", (const char *)identity_next(id, ID_EMAIL, &pos)->data);
	assert_null(identity_next(id, ID_EMAIL, &pos));
	pos = 0;
	assert_null(identity_next(id, ID_UPN, &pos));
	identity_free(id);
}

static void
name_is_of_the_first_field_and_the_smallest_value(void **state)
{
	static const enum id_field order[] = { ID_URI, ID_UPN, ID_EMAIL, ID_SUBJECT };
	struct identity *id = identity_new();
	struct err e = { 0 };
	char name[IDENTITY_NAME_MAX];

	(void)state;
	assert_non_null(id);
	add(id, ID_CN, "alice");
	assert_int_equal(-1, identity_name(id, "corp", order, 4, name, sizeof(name), &e));
	assert_int_equal(ERR_REFUSED, e.kind);
	assert_int_equal(-1, identity_name(id, "corp", order, 0, name, sizeof(name), &e));
	add_dn(id, ID_SUBJECT, "CN=Ng\\, Alice,O=Corp");
	assert_int_equal(0, identity_name(id, "corp", order, 4, name, sizeof(name), &e));
	assert_string_equal("corp/subject:CN=Ng\\, Alice,O=Corp", name);
	add(id, ID_EMAIL, "bb@x");
	add(id, ID_EMAIL, "b@x");
	add(id, ID_EMAIL, "ba@x");
	assert_int_equal(0, identity_name(id, "corp", order, 4, name, sizeof(name), &e));
	assert_string_equal("corp/email:b@x", name);
	add(id, ID_EMAIL, "B@x");
	assert_int_equal(0, identity_name(id, "corp", order, 4, name, sizeof(name), &e));
	assert_string_equal("corp/email:B@x", name);
	add(id, ID_EMAIL, "B");
	assert_int_equal(0, identity_name(id, "corp", order, 4, name, sizeof(name), &e));
	assert_string_equal("corp/email:B", name);
	identity_free(id);
}

static void
name_that_does_not_fit_is_refused_not_cut(void **state)
{
	static const enum id_field order[] = { ID_EMAIL, ID_SUBJECT };
	static const char *const want[] = { "s/email:abc@x", "s/subject:CN=a\\,b" };
	struct err e = { 0 };
	char name[64];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct identity *id = identity_new();

		assert_non_null(id);
		if (i == 0)
			add(id, ID_EMAIL, "abc@x");
		else
			add_dn(id, ID_SUBJECT, "CN=a\\,b");
		for (size_t size = 0; size < sizeof(name); size++) {
			memset(name, 'Z', sizeof(name));
			if (size <= strlen(want[i])) {
				assert_int_equal(
				    -1, identity_name(id, "s", order, 2, name, size, &e));
				assert_int_equal(ERR_REFUSED, e.kind);
				assert_int_equal('Z', name[0]);
			} else {
				assert_int_equal(
				    0, identity_name(id, "s", order, 2, name, size, &e));
				assert_string_equal(want[i], name);
			}
		}
		identity_free(id);
	}
}

static void
value_text_is_cut_between_characters(void **state)
{
	struct id_value v = { .field = ID_CN,
		.data = (uint8_t *)(uintptr_t) "a\xe2\x82\xac"
					       "b",
		.len = 5 };
	char text[8];

	(void)state;
	assert_string_equal("a\xe2\x82\xac"
			    "b",
	    id_value_text(&v, text, 6));
	assert_string_equal("a\xe2\x82\xac", id_value_text(&v, text, 5));
	assert_string_equal("a", id_value_text(&v, text, 4));
	assert_string_equal("a", id_value_text(&v, text, 3));
	assert_string_equal("", id_value_text(&v, text, 1));
}

static void
new_identity_is_empty_and_free_takes_null(void **state)
{
	struct identity *id = identity_new();

	(void)state;
	assert_non_null(id);
	assert_int_equal(0, id->nvalues);
	assert_int_equal(0, id->bytes);
	identity_free(id);
	identity_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(field_names_go_both_ways),
		cmocka_unit_test(unsafe_values_are_refused),
		cmocka_unit_test(limits_of_number_and_bytes_hold),
		cmocka_unit_test(the_largest_identity_fits_in_one_message_and_comes_back),
		cmocka_unit_test(every_cut_of_a_packet_is_refused),
		cmocka_unit_test(values_from_the_wire_are_judged_again),
		cmocka_unit_test(next_finds_every_value_of_a_field),
		cmocka_unit_test(name_is_of_the_first_field_and_the_smallest_value),
		cmocka_unit_test(name_that_does_not_fit_is_refused_not_cut),
		cmocka_unit_test(value_text_is_cut_between_characters),
		cmocka_unit_test(new_identity_is_empty_and_free_takes_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
