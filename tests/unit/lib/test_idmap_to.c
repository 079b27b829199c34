/* test_idmap_to.c - to= of a rule: what a jump opens; accounts that are names only */
#include "idmap_help.h"
#include "jumpnet.h"

/* alice's login to a jump, with the fields of `q` that are set. */
static struct idmap_query
login(const struct identity *id, struct sockaddr_storage *from)
{
	address_set(from, "192.0.2.1");
	return (struct idmap_query){ .id = id,
		.sections = one_section,
		.nsections = 1,
		.from = (struct sockaddr *)from,
		.account = "alice",
		.service = "jump",
		.name_only = true };
}

/* What `map` says of HOST (a name or an address, as a client writes it), with `address` of a name.
 */
static unsigned
dial(const char *map, const char *host, const char *address, uint16_t port, unsigned *line)
{
	struct idmap *m = map_of(map, 1);
	struct identity *id = id_of(ID_CN, "alice", 0);
	struct sockaddr_storage from, to;
	struct idmap_query q = login(id, &from);
	char name[JUMPNET_NAME_SIZE];
	struct idmap_dial d = { .port = port };
	struct idmap_rule_info rule;
	unsigned got;

	switch (jumpnet_host(host, name, &to)) {
	case JUMPNET_ADDRESS:
		d.address = (struct sockaddr *)&to;
		break;
	case JUMPNET_NAME:
		d.host = name;
		break;
	case JUMPNET_NEITHER:
		fail_msg("%s", host);
	}
	if (address != NULL) {
		address_set(&to, address);
		d.address = (struct sockaddr *)&to;
	}
	got = idmap_to(m, &q, &d, &rule);
	if (line != NULL)
		*line = rule.line;
	identity_free(id);
	idmap_free(m);
	return got;
}

#define N IDMAP_TO_NAME
#define A IDMAP_TO_ADDRESS
#define L IDMAP_TO_LITERAL
#define M IDMAP_TO_MAYBE

static void
a_target_is_matched_by_name_or_address_and_port(void **state)
{
	static const struct {
		const char *to, *host, *address;
		uint16_t port;
		unsigned want;
	} rows[] = {
		/* names */
		{ "db.prod.example:22", "db.prod.example", NULL, 22, N },
		{ "DB.Prod.example:22", "db.PROD.example.", NULL, 22, N },
		{ "db.prod.example:22", "db.prod.example", NULL, 23, 0 },
		{ "db.prod.example:*", "db.prod.example", NULL, 65535, N },
		{ "db.prod.example:22", "db.prod.example.org", NULL, 22, 0 },
		{ "db.prod.example:22", "xdb.prod.example", NULL, 22, 0 },
		{ "prod.example:22", "db.prod.example", NULL, 22, 0 },
		/* a name says nothing of addresses */
		{ "db.prod.example:22", "10.0.0.1", NULL, 22, 0 },
		{ "db.prod.example:22", "other.example", "10.0.0.1", 22, 0 },
		/* wildcards: one or more characters of one label */
		{ "*.prod.example:22", "db1.prod.example", NULL, 22, N },
		{ "*.prod.example:22", "prod.example", NULL, 22, 0 },
		{ "*.prod.example:22", "a.b.prod.example", NULL, 22, 0 },
		{ "*.*.prod.example:22", "a.b.prod.example", NULL, 22, N },
		{ "*.prod.example:22", "db1.prod.example.evil.example", NULL, 22, 0 },
		{ "*.prod.example:22", "db1.prodxexample", NULL, 22, 0 },
		{ "*.prod.example:22", "10.0.0.1", NULL, 22, 0 },
		{ "db*.prod.example:22", "db1.prod.example", NULL, 22, N },
		{ "db*.prod.example:22", "db.prod.example", NULL, 22, 0 },
		{ "db*.prod.example:22", "db1.evil.prod.example", NULL, 22, 0 },
		{ "db*x.prod.example:22", "dbxx.prod.example", NULL, 22, N },
		{ "db*x.prod.example:22", "dbx.prod.example", NULL, 22, 0 },
		{ "*-db-*.example:22", "a-db-db-b.example", NULL, 22, N },
		{ "*a*b*c.example:22", "xaxabbbxc.example", NULL, 22, N },
		{ "*a*b*c.example:22", "xaxcbbbx.example", NULL, 22, 0 },
		{ "db.*:22", "db.example", NULL, 22, N },
		{ "db.*:22", "db.prod.example", NULL, 22, 0 },
		{ "*:22", "any.host.example", NULL, 22, N },
		{ "*:22", "any.host.example", NULL, 23, 0 },
		{ "*:*", "localhost", NULL, 5432, N },
		{ "*:22", "10.0.0.1", NULL, 22, 0 },
		/* addresses */
		{ "10.0.0.1:22", "10.0.0.1", NULL, 22, A | L },
		{ "10.0.0.1:22", "10.0.0.2", NULL, 22, 0 },
		{ "10.0.0.1:22", "10.0.0.1", NULL, 222, 0 },
		{ "127.0.0.1:22", "127.0.0.1", NULL, 22, A | L },
		{ "127.0.0.1:22", "::ffff:127.0.0.1", NULL, 22, 0 },
		{ "127.0.0.1:22", "::1", NULL, 22, 0 },
		{ "127.0.0.1/32:22", "127.0.0.1", NULL, 22, A },
		{ "[2001:db8::1]:22", "2001:DB8:0::1", NULL, 22, A | L },
		{ "[2001:db8::1]:22", "2001:db8::2", NULL, 22, 0 },
		{ "[::1]:22", "::1", NULL, 22, A | L },
		/* networks: also those to which a name leads */
		{ "10.0.0.0/8:22", "10.255.1.2", NULL, 22, A },
		{ "10.0.0.0/8:22", "11.0.0.1", NULL, 22, 0 },
		{ "10.0.0.0/8:22", "::ffff:10.0.0.1", NULL, 22, 0 },
		{ "0.0.0.0/0:*", "8.8.8.8", NULL, 53, A },
		{ "0.0.0.0/0:*", "2001:db8::1", NULL, 53, 0 },
		{ "[2001:db8::/32]:22", "2001:db8:7::1", NULL, 22, A },
		{ "[2001:db8::/32]:22", "2001:db9::1", NULL, 22, 0 },
		{ "10.0.0.0/8:22", "db.example", NULL, 22, M },
		{ "10.0.0.0/8:22", "db.example", NULL, 23, 0 },
		{ "10.0.0.0/8:22", "db.example", "10.0.0.1", 22, A },
		{ "10.0.0.0/8:22", "db.example", "11.0.0.1", 22, 0 },
		{ "10.0.0.1/32:22", "db.example", "10.0.0.1", 22, A },
		/* a literal address only where the client says it */
		{ "10.0.0.1:22", "db.example", "10.0.0.1", 22, 0 },
		{ "10.0.0.1:22", "db.example", NULL, 22, 0 },
		{ "127.0.0.1:22", "localhost", "127.0.0.1", 22, 0 },
		/* lists */
		{ "a:22,b:80,10.0.0.0/8:*", "b", NULL, 80, N | M },
		{ "a:22,b:80", "a", NULL, 80, 0 },
		{ "10.0.0.0/8:22,10.0.0.1:22", "10.0.0.1", NULL, 22, A | L },
	};
	char map[400];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned got;

		(void)snprintf(map, sizeof(map), "cn alice alice to=%s\n", rows[i].to);
		got = dial(map, rows[i].host, rows[i].address, rows[i].port, NULL);
		if (got != rows[i].want)
			fail_msg("to=%s: %s (%s) port %u: %u, not %u", rows[i].to, rows[i].host,
			    rows[i].address == NULL ? "-" : rows[i].address, rows[i].port, got,
			    rows[i].want);
	}
}

static void
what_is_no_target_is_refused_with_its_line(void **state)
{
	static const char *const bad[] = { "db", "db:", "db:0", "db:65536", "db:022", "db:22x",
		"db:ssh", "db:-1", "db:**", ":22", "22", "*", "**:22", "*.:22", ".*:22", "db.:22",
		"a..b:22", "-a:22", "a-:22", "a_b:22", "a b:22", "[db]:22", "[::1]", "[::1:22",
		"::1:22", "[::1]22", "[::1]:22:22", "2001:db8::1:22", "10.0.0.*:22", "10.*:22",
		"*.*:22", "127.1:22", "0177.0.0.1:22", "2130706433:22", "0x7f000001:22",
		"0x7f.1:22", "10.0.0.1/8:22", "10.0.0.0/33:22", "10.0.0.0/:22", "[10.0.0.1]:22",
		"2001:db8::/32:22", "[2001:db8::/129]:22", "[2001:db8::1/32]:22",
		"[fe80::1%eth0]:22", "a:22,", ",a:22", "a:22,,b:22", "/db.*/:22",
		"{name}.example:22", "user@db:22", "ssh://db:22", "db.example.7:22" };
	char map[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(map, sizeof(map), "# c\ncn alice alice to=\"%s\"\n", bad[i]);
		assert_map_error(map, "map:2: to: ");
	}
	assert_map_error("cn a alice to=\n", "map:1: to: empty");
	assert_map_error("cn a alice to=a:1 to=b:1\n", "map:1: to: given twice");
	assert_map_error("cn a deny to=a:1\n", "map:1: to: a deny rule");
	assert_map_error("cn a alice to=db\n",
	    "map:1: to: \"db\", allowed is HOST:PORT with a host name, a pattern such as "
	    "*.prod.example, an address or a network (192.0.2.7, 10.0.0.0/8, [2001:db8::/32]), "
	    "and 1 to 65535 or * as PORT");
}

static void
a_target_counts_only_in_a_rule_that_grants_the_account(void **state)
{
	unsigned line;

	(void)state;
	assert_int_equal(0, dial("cn alice bob to=db:22\n", "db", NULL, 22, NULL));
	assert_int_equal(0, dial("cn bob alice to=db:22\n", "db", NULL, 22, NULL));
	assert_int_equal(0, dial("cn alice alice\n", "db", NULL, 22, NULL));
	/* one rule grants the account, another one the target: neither opens it */
	assert_int_equal(0, dial("cn alice alice\ncn alice bob to=db:22\n", "db", NULL, 22, NULL));
	/* rules add up, and the first in the map is told */
	assert_int_equal(
	    N, dial("cn alice alice to=web:22\ncn alice alice to=db:22\ncn * alice to=db:*\n", "db",
		   NULL, 22, &line));
	assert_int_equal(2, line);
	/* a deny anywhere ends it */
	assert_int_equal(
	    0, dial("cn alice alice to=db:22\ncn alice deny\n", "db", NULL, 22, &line));
	assert_int_equal(0, line);
}

static void
all_options_of_the_rule_must_hold(void **state)
{
	static const struct {
		const char *options;
		unsigned want;
	} rows[] = {
		{ "service=jump", N },
		{ "service=sshd,jump", N },
		{ "service=sshd", 0 },
		{ "from=192.0.2.0/24", N },
		{ "from=10.0.0.0/8", 0 },
		{ "issuer=\"CN=other\"", 0 },
		{ "policy=1.2.3", 0 },
		{ "max-session=10", N },
		{ "bind=same-key", 0 },
		{ "bind=any", N },
	};
	char map[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(map, sizeof(map), "cn alice alice to=db:22 %s\n", rows[i].options);
		if (dial(map, "db", NULL, 22, NULL) != rows[i].want)
			fail_msg("%s", map);
	}
}

static void
bind_of_the_rule_looks_at_the_key_of_the_login(void **state)
{
	struct idmap *m = map_of("cn alice alice to=db:22 bind=same-key\n", 1);
	struct identity *id = id_of(ID_CN, "alice", 0);
	struct sockaddr_storage from;
	struct idmap_query q = login(id, &from);
	const struct idmap_dial d = { .host = "db", .port = 22 };
	struct keyset keys = { .n = 1 };
	uint8_t own[32] = { 1 };
	struct idmap_rule_info rule;

	(void)state;
	keys.sha256[0][0] = 1;
	q.own_key = own;
	q.keys = &keys;
	assert_int_equal(N, idmap_to(m, &q, &d, &rule));
	keys.sha256[0][0] = 2;
	assert_int_equal(0, idmap_to(m, &q, &d, &rule));
	q.keys = NULL; /* not known */
	assert_int_equal(0, idmap_to(m, &q, &d, &rule));
	identity_free(id);
	idmap_free(m);
}

/* Whichever it is: what the others allow may be less. */
static void
the_first_end_of_the_rules_that_allow_it_is_told(void **state)
{
	struct idmap *m = map_of("cn alice alice to=*:22\n"
				 "cn alice alice to=db:22 max-session=7\n"
				 "cn alice alice to=db:22 max-session=9\n"
				 "cn alice alice to=web:22 max-session=5\n",
	    1);
	struct identity *id = id_of(ID_CN, "alice", 0);
	struct sockaddr_storage from;
	struct idmap_query q = login(id, &from);
	struct idmap_dial d = { .host = "db", .port = 22 };
	struct idmap_rule_info rule;

	(void)state;
	assert_int_equal(N, idmap_to(m, &q, &d, &rule));
	assert_int_equal(1, rule.line);
	assert_int_equal(7, rule.max_session);
	q.age = 7;
	assert_int_equal(N, idmap_to(m, &q, &d, &rule));
	assert_int_equal(9, rule.max_session);
	d.host = "mail";
	assert_int_equal(N, idmap_to(m, &q, &d, &rule));
	assert_int_equal(0, rule.max_session);
	identity_free(id);
	idmap_free(m);
}

/* ---- listing -------------------------------------------------------------------------------- */
static void
targets_are_listed_sorted_and_once(void **state)
{
	struct idmap *m = map_of("cn alice alice to=*.prod.example:22,[2001:db8::/32]:*\n"
				 "cn {x} {x} to=10.0.0.0/8:22,*.prod.example:22\n"
				 "cn alice bob to=bob:22\n"
				 "cn alice alice service=sshd to=sshd:22\n"
				 "cn alice alice to=DB:22\n",
	    1);
	static const char *const want[] = { "*.prod.example:22", "10.0.0.0/8:22", "DB:22",
		"[2001:db8::/32]:*" };
	struct identity *id = id_of(ID_CN, "alice", 0);
	struct sockaddr_storage from;
	struct idmap_query q = login(id, &from);
	const char *got[8];
	bool cut = true;

	(void)state;
	assert_int_equal(4, idmap_targets(m, &q, got, 8, &cut));
	assert_false(cut);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(want[i], got[i]);
	assert_int_equal(4, idmap_targets(m, &q, got, 4, &cut));
	assert_false(cut);
	assert_int_equal(3, idmap_targets(m, &q, got, 3, &cut));
	assert_true(cut);
	q.account = "carol";
	assert_int_equal(0, idmap_targets(m, &q, got, 8, &cut));
	assert_false(cut);
	identity_free(id);
	idmap_free(m);
}

static void
nothing_is_listed_for_who_is_denied(void **state)
{
	struct idmap *m = map_of("cn alice alice to=db:22\nemail *@* deny\n", 1);
	struct identity *id = id_of(ID_CN, "alice", ID_EMAIL, "a@b.example", 0);
	struct sockaddr_storage from;
	struct idmap_query q = login(id, &from);
	const char *got[8];
	bool cut;

	(void)state;
	assert_int_equal(0, idmap_targets(m, &q, got, 8, &cut));
	identity_free(id);
	idmap_free(m);
}

/* ---- names ---------------------------------------------------------------------------------- */
static void
an_account_that_is_a_name_needs_no_uid(void **state)
{
	static const struct {
		const char *map, *account;
		bool name_only;
		enum idmap_verdict want;
	} rows[] = {
		{ "cn {x} {x}\n", "alice", true, IDMAP_YES },
		{ "cn {x} {x}\n", "alice", false, IDMAP_NO_ACCOUNT },
		{ "cn alice alice\n", "alice", true, IDMAP_YES },
		{ "cn alice alice\n", "alice", false, IDMAP_NO_ACCOUNT },
		{ "cn alice root\n", "root", true, IDMAP_YES },
		{ "cn alice bob\n", "alice", true, IDMAP_NO_ACCOUNT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct idmap *m = map_of(rows[i].map, 1);
		struct identity *id = id_of(ID_CN, "alice", 0);
		struct sockaddr_storage from;
		struct idmap_query q = login(id, &from);
		struct idmap_rule_info rule;

		q.account = rows[i].account;
		q.name_only = rows[i].name_only;
		if (idmap_who(m, &q, &rule) != rows[i].want)
			fail_msg("%s %s", rows[i].map, rows[i].account);
		identity_free(id);
		idmap_free(m);
	}
}

static void
root_is_given_by_its_name_only(void **state)
{
	struct identity *id = id_of(ID_CN, "root", ID_OU, "o", ID_OU, "roo", 0);
	static const struct {
		const char *map;
		enum idmap_verdict want;
	} rows[] = {
		{ "cn {x} {x}\n", IDMAP_NO_ACCOUNT },
		{ "ou {x} ro{x}t\n", IDMAP_NO_ACCOUNT },
		{ "ou {x} {x}t\n", IDMAP_NO_ACCOUNT },
		{ "cn /(?<x>.*)/ {x}\n", IDMAP_NO_ACCOUNT },
		{ "cn {x} {x},root\n", IDMAP_YES },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct idmap *m = map_of(rows[i].map, 1);
		struct sockaddr_storage from;
		struct idmap_query q = login(id, &from);
		struct idmap_rule_info rule;

		q.account = "root";
		assert_int_equal(rows[i].want, idmap_who(m, &q, &rule));
		idmap_free(m);
	}
	identity_free(id);
}

/* ---- for the administrator ------------------------------------------------------------------ */
static void
collect(void *arg, const char *text)
{
	char *all = arg;

	(void)snprintf(all + strlen(all), 4096 - strlen(all), "%s\n", text);
}

static void
check_tells_of_targets_that_no_jump_reaches(void **state)
{
	struct idmap *m = map_of("cn alice alice to=db:22 service=sshd\n"
				 "cn bob bob to=db:22 service=sshd,jump\n"
				 "cn carol carol to=db:22\n",
	    1);
	char said[4096] = "";

	(void)state;
	assert_true(idmap_has_targets(m));
	assert_false(idmap_has_bind(m));
	idmap_check(m, 20, collect, said);
	assert_string_equal(
	    "map:1: to= counts for a jump only, and service= does not have jump\n", said);
	idmap_free(m);
}

/* to= is no condition: a rule without it is not weaker. */
static void
check_does_not_compare_targets(void **state)
{
	struct idmap *m = map_of("cn alice ops to=db:22\ncn bob ops\n", 1);
	char said[4096] = "";

	(void)state;
	idmap_check(m, 20, collect, said);
	assert_string_equal("", said);
	idmap_free(m);
	m = map_of("cn alice ops bind=same-key\n", 1);
	assert_false(idmap_has_targets(m));
	assert_true(idmap_has_bind(m));
	idmap_free(m);
}

static void
explain_shows_targets_of_what_is_granted(void **state)
{
	struct idmap *m = map_of("cn alice alice to=db:22,*.prod.example:*\n"
				 "cn {x} {x} service=sshd to=hidden:22\n",
	    1);
	struct identity *id = id_of(ID_CN, "alice", 0);
	struct sockaddr_storage from;
	struct idmap_query q = login(id, &from);
	char said[4096] = "";

	(void)state;
	idmap_explain(m, &q, collect, said);
	assert_non_null(strstr(said, "map:1: grants alice ("));
	assert_non_null(strstr(said, "map:1:   through a jump: db:22 ("));
	assert_non_null(strstr(said, "map:1:   through a jump: *.prod.example:* ("));
	assert_null(strstr(said, "through a jump: hidden"));
	said[0] = '\0';
	q.account = "root";
	identity_free(id);
	q.id = id = id_of(ID_CN, "root", 0);
	idmap_explain(m, &q, collect, said);
	assert_non_null(strstr(said, "map:2: matches, but root needs a rule that says this name"));
	identity_free(id);
	idmap_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_is_matched_by_name_or_address_and_port),
		cmocka_unit_test(what_is_no_target_is_refused_with_its_line),
		cmocka_unit_test(a_target_counts_only_in_a_rule_that_grants_the_account),
		cmocka_unit_test(all_options_of_the_rule_must_hold),
		cmocka_unit_test(bind_of_the_rule_looks_at_the_key_of_the_login),
		cmocka_unit_test(the_first_end_of_the_rules_that_allow_it_is_told),
		cmocka_unit_test(targets_are_listed_sorted_and_once),
		cmocka_unit_test(nothing_is_listed_for_who_is_denied),
		cmocka_unit_test(an_account_that_is_a_name_needs_no_uid),
		cmocka_unit_test(root_is_given_by_its_name_only),
		cmocka_unit_test(check_tells_of_targets_that_no_jump_reaches),
		cmocka_unit_test(check_does_not_compare_targets),
		cmocka_unit_test(explain_shows_targets_of_what_is_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
