/* test_idmap_whole.c - maps as files: cut off anywhere, very long, and names with any byte */
#include <time.h>

#include "idmap_help.h"
#include "idmap_local.h"

static const char rich[] =
    "# people\n"
    "email      {user}@corp.example                  {user}\n"
    "\n"
    "subject    \"CN=Alice Ng,OU=Operations,O=Corp\"    alice,ops\n"
    "subject    CN={u}+UID=*,O=J\xc3\xbcrgen\\,Co           {u}-x,ops "
    "from=10.0.0.0/8,2001:db8::/32\n"
    "uri        spiffe://corp.example/ops/{name}     {name}   service=sshd,sudo from=10.0.0.0/8\n"
    "cn         /^deploy-(?<env>[a-z]+)$/            deploy-{env}  issuer=\"CN=CI CA,O=Corp\"\n"
    "cn         \"/a \\\"b\\\" (?<x>[0-9]+)/\"           n{x} policy=1.2.3,2.5.29.32.0 trust=corp "
    "# ok\n"
    "spki       SHA256:4pXAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA root\n"
    "serial 1f03 alice\n"
    "\t # \xe2\x82\xac\n"
    "email      mallory@corp.example                 deny\n"
    "cn x\\*\\{ deny service=sudo";

static void
a_map_cut_anywhere_is_refused_or_ends_between_rules(void **state)
{
	struct idmap_config c = { .sections = one_section, .nsections = 1 };
	size_t n = strlen(rich), taken = 0, lines = 0;
	char *text = malloc(n + 2);
	struct err e = { 0 };

	(void)state;
	assert_non_null(text);
	memcpy(text, rich, n);
	memcpy(text + n++, "\n", 2);
	for (size_t cut = 0; cut <= n; cut++) {
		/* its own allocation, so that a sanitizer sees a read beyond the cut */
		uint8_t *part = malloc(cut == 0 ? 1 : cut);
		struct idmap *m;

		assert_non_null(part);
		memcpy(part, text, cut);
		m = idmap_parse("map", part, cut, &c, &e);
		free(part);
		if (cut > 0 && text[cut - 1] != '\n') {
			assert_null(m);
			assert_int_equal(ERR_FORMAT, e.kind);
			continue;
		}
		if (m == NULL)
			fail_msg("cut at %zu: %s", cut, e.text);
		lines = idmap_nrules(m);
		taken++;
		idmap_free(m);
	}
	assert_int_equal(10, lines);
	assert_int_equal(14, taken);
	free(text);
}

/* The first literal block behind .Sh EXAMPLES of the manual. */
static char *
manual_example(void)
{
	static char page[65536];
	FILE *fp = fopen("docs/man/identity.map.5", "re"); /* from the top of the tree */
	char *from, *to;

	assert_non_null(fp);
	page[fread(page, 1, sizeof(page) - 1, fp)] = '\0';
	fclose(fp);
	assert_non_null(from = strstr(page, ".Sh EXAMPLES\n.Bd -literal\n"));
	from += strlen(".Sh EXAMPLES\n.Bd -literal\n");
	assert_non_null(to = strstr(from, ".Ed\n"));
	*to = '\0';
	return from;
}

static void
the_example_of_the_manual_does_what_it_says(void **state)
{
	struct idmap *m = map_of(manual_example(), 1);
	struct identity *alice = id_of(ID_SUBJECT, "CN=Alice Ng,OU=Operations,O=Corp", 0);
	struct identity *deploy = id_of(ID_CN, "deploy-prod", ID_ISSUER, "CN=CI CA,O=Corp", 0);
	struct identity *mallory = id_of(ID_EMAIL, "Mallory@corp.example", 0);
	struct identity *bob = id_of(ID_EMAIL, "bob@corp.example", 0);

	(void)state;
	assert_int_equal(9, idmap_nrules(m));
	assert_int_equal(IDMAP_YES, ask(m, alice, "ops", NULL));
	assert_int_equal(IDMAP_YES, ask(m, deploy, "deploy-prod", NULL));
	assert_int_equal(IDMAP_DENY, ask(m, mallory, "mallory", NULL));
	assert_int_equal(IDMAP_YES, ask(m, bob, "bob", NULL));
	assert_int_equal(IDMAP_NO_ACCOUNT, ask(m, bob, "root", NULL));
	identity_free(alice);
	identity_free(deploy);
	identity_free(mallory);
	identity_free(bob);
	idmap_free(m);
}

/* ---- length ----------------------------------------------------------------------------- */
#define MANY 100000

static double
cpu_seconds(void)
{
	struct timespec t;

	assert_int_equal(0, clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t));
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct idmap *
long_map(unsigned lines)
{
	struct idmap_config c = {
		.sections = one_section, .nsections = 1, .capture_min_uid = MIN_UID
	};
	char *text = malloc((size_t)lines * 80 + 200);
	struct err e = { 0 };
	struct idmap *m;
	size_t n = 0;

	assert_non_null(text);
	for (unsigned i = 0; i < lines; i++) {
		if (i % 3 == 0)
			n += (size_t)sprintf(text + n, "email user%u@corp.example u%u\n", i, i);
		else if (i % 3 == 1)
			n += (size_t)sprintf(
			    text + n, "subject CN=user%u,O=Corp u%u service=sshd\n", i, i);
		else
			n +=
			    (size_t)sprintf(text + n, "uri spiffe://corp.example/u/%u u%u\n", i, i);
	}
	n += (size_t)sprintf(text + n, "email EVIL@corp.example deny\n");
	m = idmap_parse("map", (uint8_t *)text, n, &c, &e);
	if (m == NULL)
		fail_msg("%s", e.text);
	assert_int_equal(lines + 1, idmap_nrules(m));
	free(text);
	return m;
}

static void
a_hundred_thousand_rules_are_read_and_each_is_found(void **state)
{
	double start = cpu_seconds();
	struct idmap *m = long_map(MANY);
	char value[60], account[20];

	(void)state;
	print_message("# note: %d rules read in %.3f s\n", MANY, cpu_seconds() - start);
	for (unsigned i = 0; i < MANY; i += 101) {
		struct identity *id;
		unsigned line;

		snprintf(value, sizeof(value),
		    i % 3 == 0	 ? "user%u@corp.example"
		    : i % 3 == 1 ? "CN=user%u,O=Corp"
				 : "spiffe://corp.example/u/%u",
		    i);
		snprintf(account, sizeof(account), "u%u", i);
		id = id_of(i % 3 == 0 ? ID_EMAIL : i % 3 == 1 ? ID_SUBJECT : ID_URI, value, 0);
		assert_int_equal(IDMAP_YES, ask(m, id, account, &line));
		assert_int_equal(i + 1, line);
		assert_int_equal(IDMAP_YES, ask_open(m, id));
		assert_int_equal(IDMAP_NO_ACCOUNT, ask(m, id, "u", NULL));
		id_add(id, ID_EMAIL, "evil@corp.example");
		assert_int_equal(IDMAP_DENY, ask(m, id, account, NULL));
		identity_free(id);
	}
	idmap_free(m);
}

static double
lookup_seconds(unsigned lines)
{
	struct idmap *m = long_map(lines);
	struct identity *id =
	    id_of(ID_EMAIL, "user3@corp.example", ID_SUBJECT, "CN=user3,O=Corp", 0);
	double best = 1e9;

	for (int round = 0; round < 9; round++) {
		double start = cpu_seconds();

		for (int i = 0; i < 2000; i++)
			assert_int_equal(IDMAP_YES, ask(m, id, "u3", NULL));
		if (cpu_seconds() - start < best)
			best = cpu_seconds() - start;
	}
	identity_free(id);
	idmap_free(m);
	return best / 2000;
}

static void
a_lookup_among_many_literal_rules_does_not_walk_them(void **state)
{
	double few = lookup_seconds(10), many = lookup_seconds(MANY);

	(void)state;
	print_message("# note: a lookup takes %.2f us among 10 rules, %.2f us among %d\n",
	    few * 1e6, many * 1e6, MANY);
	/* A walk would take a thousand times as long; the loose bound is no matter of the machine.
	 */
	assert_true(many < few * 20);
}

/* Names of one length and their hashes, sorted by hash. */
struct hashed {
	uint32_t hash, number;
};

static int
hashed_compare(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static void
names_with_the_same_hash_are_not_the_same_name(void **state)
{
	enum { NAMES = 400000 };
	struct hashed *h = malloc(NAMES * sizeof(*h));
	char name[20], map[40];
	unsigned collisions = 0;

	(void)state;
	assert_non_null(h);
	for (uint32_t i = 0; i < NAMES; i++) {
		struct idmap_key k;

		snprintf(name, sizeof(name), "n%09u", i);
		idmap_key_init(&k, ID_CN, false, (uint8_t *)name, strlen(name));
		h[i] = (struct hashed){ .hash = k.hash, .number = i };
	}
	qsort(h, NAMES, sizeof(*h), hashed_compare);
	for (size_t i = 1; i < NAMES; i++) {
		if (h[i].hash != h[i - 1].hash)
			continue;
		collisions++;
		snprintf(map, sizeof(map), "cn n%09u alice\n", h[i].number);
		snprintf(name, sizeof(name), "n%09u", h[i].number);
		assert_who(IDMAP_YES, map, ID_CN, name, "alice");
		snprintf(name, sizeof(name), "n%09u", h[i - 1].number);
		assert_who(IDMAP_NO_RULE, map, ID_CN, name, "alice");
	}
	assert_true(collisions > 0 && collisions < 200);
	free(h);
}

static void
more_rules_than_allowed_are_refused(void **state)
{
	struct idmap_config c = { .sections = one_section, .nsections = 1 };
	static const char line[] = "cn a b\n";
	size_t n = strlen(line), count = 1000001;
	uint8_t *text = malloc(n * count);
	struct err e = { 0 };

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		memcpy(text + i * n, line, n);
	assert_null(idmap_parse("map", text, n * count, &c, &e));
	assert_string_equal("map:1000001: line: more than 1000000 rules", e.text);
	free(text);
}

/* ---- any byte in a name ----------------------------------------------------------------- */
static const char grants[] = "email alice@c alice\n"
			     "cn alice alice\n"
			     "cn a alice\n"
			     "cn b alice\n"
			     "subject CN=alice alice\n"
			     "subject CN=alice,O=c alice\n"
			     "email {u}@c {u}\n"
			     "cn {u} {u}\n"
			     "upn {u}@c {u}\n"
			     "uri s://h/{u} {u}\n";

/* Every account that the identity gets, out of those that a byte could make of one or two names. */
static unsigned
accounts_granted(const struct idmap *m, const struct identity *id)
{
	static const char *const names[] = { "alice", "bob", "alicebob", "alice.bob", "alice_bob",
		"alice-bob", "root", "c", "alic", "lice" };
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		n += ask(m, id, names[i], NULL) == IDMAP_YES;
	return n;
}

/* The bytes `alice`, one, `bob`, and what the field needs behind it; -1: they are no value. */
static int
name_with_byte(struct identity *id, enum id_field field, unsigned c)
{
	char value[20] = "alice?bob";
	struct err e = { 0 };
	size_t n = 9;

	value[5] = (char)c;
	if (field == ID_EMAIL || field == ID_UPN) {
		memcpy(value + n, "@c", 2);
		n += 2;
	} else if (field == ID_URI) {
		memmove(value + 6, value, n);
		memcpy(value, "s://h/", 6);
		n += 6;
	}
	if (field == ID_SUBJECT) {
		static struct dn_writer w;
		struct dn_ava a = { .type = (const uint8_t *)"CN",
			.type_len = 2,
			.value = (uint8_t *)value,
			.value_len = n };

		dn_writer_init(&w);
		assert_int_equal(0, dn_writer_rdn(&w, &a, 1, &e));
		return identity_add(id, field, w.buf, w.len, &e);
	}
	return identity_add(id, field, value, n, &e);
}

static void
no_byte_in_a_name_makes_more_of_it(void **state)
{
	static const enum id_field fields[] = { ID_SUBJECT, ID_CN, ID_EMAIL, ID_UPN, ID_URI };
	static const enum id_field order[] = { ID_URI, ID_UPN, ID_EMAIL, ID_CN, ID_SUBJECT };
	struct idmap *m = map_of(grants, 1);
	char name[200];
	struct err e;

	(void)state;
	for (size_t f = 0; f < 5; f++) {
		for (unsigned c = 0; c < 256; c++) {
			struct identity *id = identity_new();
			unsigned granted;

			assert_non_null(id);
			if (name_with_byte(id, fields[f], c) == -1) {
				/* refused as a whole: control bytes and halves of characters */
				assert_true(c < 0x20 || c >= 0x7f);
				assert_int_equal(0, id->nvalues);
				identity_free(id);
				continue;
			}
			assert_true(c >= 0x20 && c < 0x7f);
			assert_int_equal(1, id->nvalues);
			assert_int_equal(
			    0, identity_name(id, "s", order, 5, name, sizeof(name), &e));
			granted = accounts_granted(m, id);
			/* The whole name is an account at most, never a part of it, never two. */
			assert_int_equal(
			    fields[f] != ID_SUBJECT && (c == '.' || c == '_' || c == '-'), granted);
			identity_free(id);
		}
	}
	idmap_free(m);
}

static void
no_byte_in_a_map_makes_more_rules_or_accounts(void **state)
{
	struct idmap_config c = { .sections = one_section, .nsections = 1 };
	struct identity *id = id_of(ID_CN, "x", 0);
	char text[] = "cn x alice?bob\n";
	struct err e;

	(void)state;
	for (unsigned b = 0; b < 256; b++) {
		struct idmap *m;
		unsigned granted;

		text[10] = (char)b;
		if ((m = idmap_parse("map", (uint8_t *)text, strlen("cn x alice?bob\n"), &c, &e)) ==
		    NULL)
			continue;
		assert_int_equal(1, idmap_nrules(m));
		granted = accounts_granted(m, id);
		if (b == ',')
			assert_int_equal(2, granted); /* the one byte that is there for it */
		else if (b == '.' || b == '_' || b == '-')
			assert_int_equal(1, granted);
		else
			assert_int_equal(0, granted); /* alicexbob, which was not asked for */
		assert_true(b == ',' || b == '.' || b == '_' || b == '-' ||
			    (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') ||
			    (b >= 'A' && b <= 'Z'));
		idmap_free(m);
	}
	identity_free(id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_cut_anywhere_is_refused_or_ends_between_rules),
		cmocka_unit_test(the_example_of_the_manual_does_what_it_says),
		cmocka_unit_test(a_hundred_thousand_rules_are_read_and_each_is_found),
		cmocka_unit_test(a_lookup_among_many_literal_rules_does_not_walk_them),
		cmocka_unit_test(names_with_the_same_hash_are_not_the_same_name),
		cmocka_unit_test(more_rules_than_allowed_are_refused),
		cmocka_unit_test(no_byte_in_a_name_makes_more_of_it),
		cmocka_unit_test(no_byte_in_a_map_makes_more_rules_or_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
