/* test_idmap_match.c - which values a pattern matches, and what its captures become */
#include "idmap_help.h"

static void
a_literal_is_compared_whole_and_byte_by_byte(void **state)
{
	(void)state;
	assert_who(IDMAP_YES, "cn alice alice\n", ID_CN, "alice", "alice");
	assert_who(IDMAP_NO_RULE, "cn alice alice\n", ID_CN, "Alice", "alice");
	assert_who(IDMAP_NO_RULE, "cn alice alice\n", ID_CN, "alice2", "alice");
	assert_who(IDMAP_NO_RULE, "cn alice alice\n", ID_CN, "malice", "alice");
	assert_who(IDMAP_NO_RULE, "cn alice alice\n", ID_CN, "alice,alice", "alice");
	assert_who(IDMAP_NO_RULE, "cn alice alice\n", ID_OU, "alice", "alice");
	assert_who(IDMAP_NO_ACCOUNT, "cn alice alice\n", ID_CN, "alice", "bob");
	assert_who(IDMAP_NO_ACCOUNT, "cn alice alice\n", ID_CN, "alice", "");
	assert_who(IDMAP_NO_ACCOUNT, "cn alice alice\n", ID_CN, "alice", "alice,");
	assert_who(IDMAP_YES, "cn \\{a}\\* alice\n", ID_CN, "{a}*", "alice");
}

static void
case_is_ignored_only_where_it_means_nothing(void **state)
{
	(void)state;
	assert_who(IDMAP_YES, "dns Host.Example alice\n", ID_DNS, "hOST.eXAMPLE", "alice");
	assert_who(
	    IDMAP_YES, "email alice@Corp.example alice\n", ID_EMAIL, "alice@cORP.EXAMPLE", "alice");
	assert_who(IDMAP_NO_RULE, "email alice@corp.example alice\n", ID_EMAIL,
	    "Alice@corp.example", "alice");
	assert_who(IDMAP_YES, "email \"A@b@C\" alice\n", ID_EMAIL, "A@b@c", "alice");
	assert_who(IDMAP_NO_RULE, "email \"A@b@C\" alice\n", ID_EMAIL, "A@B@c", "alice");
	assert_who(
	    IDMAP_NO_RULE, "upn alice@corp.example alice\n", ID_UPN, "alice@CORP.example", "alice");
	assert_who(IDMAP_YES, "uri spiffe://Corp.Example/ops alice\n", ID_URI,
	    "SPIFFE://corp.example/ops", "alice");
	assert_who(IDMAP_NO_RULE, "uri spiffe://corp.example/ops alice\n", ID_URI,
	    "spiffe://corp.example/Ops", "alice");
	assert_who(IDMAP_NO_RULE, "uri https://U@h/ alice\n", ID_URI, "https://u@h/", "alice");
	assert_who(IDMAP_YES, "uri https://U@H:1/ alice\n", ID_URI, "HTTPS://U@h:1/", "alice");
	assert_who(IDMAP_NO_RULE, "uri https://h?Q alice\n", ID_URI, "https://h?q", "alice");
	assert_who(IDMAP_NO_RULE, "uri https://h#Q@X alice\n", ID_URI, "https://h#Q@x", "alice");
	assert_who(IDMAP_NO_RULE, "uri https://h?Q@X alice\n", ID_URI, "https://h?Q@x", "alice");
	assert_who(IDMAP_YES, "uri urn:a:B alice\n", ID_URI, "URN:a:B", "alice");
	assert_who(IDMAP_NO_RULE, "uri urn:a:B alice\n", ID_URI, "urn:a:b", "alice");
	/* only ASCII has the other case */
	assert_who(
	    IDMAP_NO_RULE, "dns \xc3\xbc.example alice\n", ID_DNS, "\xc3\x9c.example", "alice");
	assert_who(IDMAP_NO_RULE, "subject CN=Alice alice\n", ID_SUBJECT, "CN=alice", "alice");
	/* patterns have no case in the same places */
	assert_who(IDMAP_YES, "uri spiffe://CORP.*.Example/ops/{n} {n}\n", ID_URI,
	    "Spiffe://corp.x.EXAMPLE/ops/alice", "alice");
	assert_who(
	    IDMAP_YES, "email {n}@CORP.example {n}\n", ID_EMAIL, "alice@corp.EXAMPLE", "alice");
	assert_who(IDMAP_YES, "dns {n}.CORP {n}\n", ID_DNS, "ALICE.corp", "alice");
	assert_who(IDMAP_YES, "dns /(?<n>[A-Z]+)\\.CORP/ {n}\n", ID_DNS, "Alice.corp", "alice");
}

static void
deny_ignores_case_throughout(void **state)
{
	(void)state;
	assert_who(
	    IDMAP_DENY, "email Mallory@Corp.example deny\n", ID_EMAIL, "mALLORY@corp.EXAMPLE", "x");
	assert_who(IDMAP_DENY, "cn MALLORY deny\n", ID_CN, "mallory", "x");
	assert_who(IDMAP_DENY, "cn mallory-* deny\n", ID_CN, "MALLORY-2", "x");
	assert_who(IDMAP_DENY, "cn /mal[lm]ory/ deny\n", ID_CN, "MALLORY", "x");
	assert_who(
	    IDMAP_DENY, "subject CN=Mallory,O=Corp deny\n", ID_SUBJECT, "CN=MALLORY,O=corp", "x");
	assert_who(IDMAP_DENY, "subject CN=*,O=Corp deny\n", ID_SUBJECT, "CN=MALLORY,O=corp", "x");
	assert_who(IDMAP_DENY, "uri https://h/Path deny\n", ID_URI, "https://H/pATH", "x");
	assert_who(IDMAP_NO_RULE, "cn mallory deny\n", ID_CN, "mallory2", "x");
	/* a length of 65 bytes reads as an A: it must not be folded with the text */
	assert_who(IDMAP_DENY,
	    "subject CN=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    ",O=X deny\n",
	    ID_SUBJECT, "CN=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,O=x",
	    "x");
	assert_who(IDMAP_DENY, "subject CN=*,O=X deny\n", ID_SUBJECT,
	    "CN=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,O=x", "x");
}

static void
a_wildcard_takes_one_part_and_at_least_one_byte(void **state)
{
	static const char *const separators[] = { "@", "/", ",", "=", " " };
	char value[20];

	(void)state;
	assert_who(IDMAP_YES, "cn x{a}y {a}\n", ID_CN, "xalicey", "alice");
	assert_who(IDMAP_NO_RULE, "cn x{a}y {a}\n", ID_CN, "xy", "alice");
	assert_who(IDMAP_YES, "cn * alice\n", ID_CN, "a", "alice");
	for (size_t i = 0; i < 5; i++) {
		snprintf(value, sizeof(value), "a%sb", separators[i]);
		assert_who(IDMAP_NO_RULE, "cn * alice\n", ID_CN, value, "alice");
		assert_who(IDMAP_NO_RULE, "cn {n} {n}\n", ID_CN, value, "alice");
		snprintf(value, sizeof(value), "a%s", separators[i]);
		assert_who(IDMAP_NO_RULE, "cn * alice\n", ID_CN, value, "alice");
	}
	assert_who(IDMAP_NO_RULE, "email {u}@corp.example {u}\n", ID_EMAIL,
	    "alice@evil@corp.example", "alice");
	assert_who(
	    IDMAP_NO_RULE, "email {u}@corp.example {u}\n", ID_EMAIL, "@corp.example", "alice");
	assert_who(IDMAP_NO_RULE, "email {u}@corp.example {u}\n", ID_EMAIL,
	    "alice@corp.example.evil", "alice");
	assert_who(IDMAP_NO_RULE, "uri spiffe://c/ops/{n} {n}\n", ID_URI, "spiffe://c/ops/alice/x",
	    "alice");
	assert_who(
	    IDMAP_YES, "email *@corp.example alice\n", ID_EMAIL, "x.y-z@corp.example", "alice");
	/* the last literal is the end, and the first place of others is taken */
	assert_who(IDMAP_YES, "dns {n}.b {n}\n", ID_DNS, "x.b.b", "x.b");
	assert_who(IDMAP_YES, "cn {a}-{b} {a}\n", ID_CN, "x-y-z", "x");
	assert_who(IDMAP_YES, "cn {a}-{b} {b}\n", ID_CN, "x-y-z", "y-z");
	assert_who(IDMAP_NO_ACCOUNT, "cn {a}-{b} {a}\n", ID_CN, "x-y-z", "x-y");
	assert_who(IDMAP_YES, "cn {a}aab alice\n", ID_CN, "aaaab", "alice");
	assert_who(IDMAP_YES, "cn *aa*b alice\n", ID_CN, "aaaab", "alice");
	assert_who(IDMAP_NO_RULE, "cn *aa*b alice\n", ID_CN, "aaab", "alice");
}

/* Every way to match, by trying: the reference for the one that never goes back. */
static bool
reference_match(const char *g, const char *p)
{
	if (*g == '\0')
		return *p == '\0';
	if (*g != '*')
		return *g == *p && reference_match(g + 1, p + 1);
	for (size_t n = 1; p[n - 1] != '\0' && strchr("@/,= ", p[n - 1]) == NULL; n++)
		if (reference_match(g + 1, p + n))
			return true;
	return false;
}

static void
wildcards_find_a_match_whenever_there_is_one(void **state)
{
	static const char glob_bytes[] = "ab*/", value_bytes[] = "ab/";
	size_t compared = 0, matched = 0;
	uint32_t x = 12345;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		char glob[10] = "", map[40], value[10];
		size_t n = 0;
		struct idmap *m;

		x = x * 1664525 + 1013904223;
		for (size_t i = 0; i < 1 + (x >> 28) % 8; i++) {
			char c = glob_bytes[(x >> (2 * i + 4)) & 3];

			if (c != '*' || n == 0 || glob[n - 1] != '*')
				glob[n++] = c;
		}
		if (glob[0] == '/')
			glob[0] = 'a';
		snprintf(map, sizeof(map), "cn %s alice\n", glob);
		m = map_of(map, 1);
		for (int k = 0; k < 40; k++) {
			struct identity *id;
			bool want;

			x = x * 1664525 + 1013904223;
			for (n = 0; n < 1 + (x >> 29); n++)
				value[n] = value_bytes[(x >> (3 * n + 3)) % 3];
			value[n] = '\0';
			id = id_of(ID_CN, value, 0);
			want = reference_match(glob, value);
			if ((ask(m, id, "alice", NULL) == IDMAP_YES) != want)
				fail_msg("%s against %s", glob, value);
			identity_free(id);
			compared++;
			matched += want;
		}
		idmap_free(m);
	}
	assert_true(compared == 120000 && matched > 2000 && matched < compared / 2);
}

static void
names_match_rdn_by_rdn(void **state)
{
	static const char map[] = "subject \"CN={user},OU=Ops,O=Corp\" {user}\n";

	(void)state;
	assert_who(IDMAP_YES, map, ID_SUBJECT, "CN=alice,OU=Ops,O=Corp", "alice");
	assert_who(IDMAP_NO_RULE, map, ID_SUBJECT, "CN=alice,O=Corp", "alice");
	assert_who(IDMAP_NO_RULE, map, ID_SUBJECT, "CN=alice,OU=Ops,O=Corp,C=DE", "alice");
	assert_who(IDMAP_NO_RULE, map, ID_SUBJECT, "C=DE,CN=alice,OU=Ops,O=Corp", "alice");
	assert_who(IDMAP_NO_RULE, map, ID_SUBJECT, "OU=Ops,CN=alice,O=Corp", "alice");
	assert_who(IDMAP_NO_RULE, map, ID_SUBJECT, "CN=alice+OU=Ops,O=Corp", "alice");
	/* what reads like more RDNs stays one value, and a capture stays within it */
	assert_who(IDMAP_NO_RULE, map, ID_SUBJECT, "CN=alice\\,OU\\=Ops,O=Corp", "alice");
	assert_who(IDMAP_NO_RULE, map, ID_SUBJECT, "CN=x\\,alice,OU=Ops,O=Corp", "alice");
	assert_who(IDMAP_NO_RULE, map, ID_SUBJECT, "CN=alice\\=,OU=Ops,O=Corp", "alice");
	assert_who(
	    IDMAP_NO_RULE, "subject CN={u},O=C {u}\n", ID_SUBJECT, "CN=alice+UID=x,O=C", "alice");
	assert_who(
	    IDMAP_NO_RULE, "subject CN={u}+UID=x,O=C {u}\n", ID_SUBJECT, "CN=alice,O=C", "alice");
	assert_who(IDMAP_NO_RULE, "subject CN={u},O=C {u}\n", ID_SUBJECT, "UID=alice,O=C", "alice");
	assert_who(IDMAP_NO_RULE, "subject O={u} {u}\n", ID_SUBJECT, "OU=alice", "alice");
	assert_who(IDMAP_NO_RULE, "subject OU={u} {u}\n", ID_SUBJECT, "O=alice", "alice");
	assert_who(IDMAP_YES, "subject CN={a}+UID={b},O=C {b}\n", ID_SUBJECT, "UID=alice+CN=x,O=C",
	    "alice");
	assert_who(IDMAP_YES, "subject UID={b}+CN={a},O=C {b}\n", ID_SUBJECT, "CN=x+UID=alice,O=C",
	    "alice");
	assert_who(IDMAP_YES, "subject OU=b+CN=a alice\n", ID_SUBJECT, "CN=a+OU=b", "alice");
	assert_who(IDMAP_YES, "subject \"CN={f} {l},O=*\" {f}.{l}\n", ID_SUBJECT, "CN=Alice Ng,O=x",
	    "Alice.Ng");
	assert_who(IDMAP_NO_RULE, "subject \"CN={f} {l},O=*\" {f}.{l}\n", ID_SUBJECT,
	    "CN=Alice Ng,O=x y", "Alice.Ng");
	assert_who(IDMAP_YES, "subject CN=a\\,b alice\n", ID_SUBJECT, "CN=a\\2cb", "alice");
	assert_who(IDMAP_YES, "subject CN=\\* alice\n", ID_SUBJECT, "CN=*", "alice");
	assert_who(IDMAP_NO_RULE, "subject CN=\\* alice\n", ID_SUBJECT, "CN=x", "alice");
	assert_who(IDMAP_YES, "subject CN=\\2a alice\n", ID_SUBJECT, "CN=*", "alice");
	assert_who(IDMAP_NO_RULE, "subject CN=\\2a alice\n", ID_SUBJECT, "CN=x", "alice");
	assert_who(IDMAP_YES, "subject CN=\\\\{a} {a}\n", ID_SUBJECT, "CN=\\\\alice", "alice");
	assert_who(
	    IDMAP_YES, "subject \"CN=Ng\\, Alice\" alice\n", ID_SUBJECT, "CN=Ng\\, Alice", "alice");
	assert_who(IDMAP_YES, "issuer CN=*,O=C alice\n", ID_ISSUER, "CN=x,O=C", "alice");
}

static void
expressions_match_the_whole_value(void **state)
{
	(void)state;
	assert_who(IDMAP_YES, "cn /alice/ alice\n", ID_CN, "alice", "alice");
	assert_who(IDMAP_NO_RULE, "cn /alice/ alice\n", ID_CN, "malice", "alice");
	assert_who(IDMAP_NO_RULE, "cn /alice/ alice\n", ID_CN, "alice2", "alice");
	assert_who(IDMAP_NO_RULE, "cn /a|alice|b/ alice\n", ID_CN, "bob", "alice");
	assert_who(IDMAP_YES, "cn /a|alice|b/ alice\n", ID_CN, "alice", "alice");
	assert_who(IDMAP_NO_RULE, "cn /alice(*ACCEPT)x/ alice\n", ID_CN, "alice2", "alice");
	assert_who(IDMAP_NO_RULE, "cn /a\\Klice/ alice\n", ID_CN, "alicex", "alice");
	assert_who(IDMAP_NO_RULE, "cn /Alice/ alice\n", ID_CN, "alice", "alice");
	assert_who(IDMAP_YES, "cn /J.rgen/ alice\n", ID_CN, "J\xc3\xbcrgen", "alice");
	assert_who(IDMAP_YES, "cn /deploy-(?<env>[a-z]+)/ deploy-{env}\n", ID_CN, "deploy-prod",
	    "deploy-prod");
	assert_who(IDMAP_NO_ACCOUNT, "cn /deploy-(?<env>[a-z]+)/ deploy-{env}\n", ID_CN,
	    "deploy-prod", "deploy-test");
	/* a group that took no part, or took nothing, gives no account */
	assert_who(IDMAP_NO_ACCOUNT, "cn /x(?<a>y)?/ z{a}\n", ID_CN, "x", "z");
	assert_who(IDMAP_YES, "cn /x(?<a>y)?/ z{a}\n", ID_CN, "xy", "zy");
	assert_who(IDMAP_NO_ACCOUNT, "cn /x(?<a>y*)/ z{a}\n", ID_CN, "x", "z");
	assert_who(IDMAP_YES, "cn /(?<a>a)(?<b>b)(?<c>c)/ {c}{a}\n", ID_CN, "abc", "ca");
}

static void
an_expression_that_never_ends_denies(void **state)
{
	static const char map[] =
	    "cn good alice\ncn /(a|aa|a+)+[bc]{3}/ bob\ncn alice alice trust=corp\n";
	struct idmap *m = map_of(map, 1);
	struct identity *id =
	    id_of(ID_CN, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabb!", ID_CN, "good", 0);
	unsigned line = 99;

	(void)state;
	/* even where another rule grants: what the pattern would have said is not known */
	assert_int_equal(IDMAP_LIMIT, ask(m, id, "alice", &line));
	assert_int_equal(0, line);
	assert_int_equal(IDMAP_LIMIT, ask_open(m, id));
	identity_free(id);
	id = id_of(ID_CN, "aaaabbb", ID_CN, "good", 0);
	assert_int_equal(IDMAP_YES, ask(m, id, "alice", NULL));
	assert_int_equal(IDMAP_YES, ask(m, id, "bob", NULL));
	identity_free(id);
	idmap_free(m);
}

static void
deep_recursion_hits_a_limit_and_denies(void **state)
{
	static char value[IDENTITY_VALUE_MAX];
	struct idmap *m = map_of("cn /(?<x>a(?&x)?|b(?&x)?|c)+/ alice\n", 1);
	struct identity *id;

	(void)state;
	memset(value, 'a', sizeof(value) - 1);
	id = id_of(ID_CN, value, 0);
	assert_int_not_equal(IDMAP_NO_RULE, ask(m, id, "alice", NULL));
	identity_free(id);
	for (size_t i = 1; i < sizeof(value) - 1; i += 2)
		value[i] = 'b';
	value[sizeof(value) - 2] = '!';
	id = id_of(ID_CN, value, 0);
	assert_int_equal(IDMAP_LIMIT, ask(m, id, "alice", NULL));
	identity_free(id);
	idmap_free(m);
}

static void
a_deny_wins_over_a_limit_wherever_it_stands(void **state)
{
	static const char *const maps[] = { "cn /(a|aa|a+)+b/ deny\ncn x deny\n",
		"cn x deny\ncn /(a|aa|a+)+b/ deny\n", "cn /(a|aa|a+)+b/ alice\ncn /x/ deny\n",
		"cn /x/ deny\ncn /(a|aa|a+)+b/ alice\n" };
	struct identity *id =
	    id_of(ID_CN, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabab!", ID_CN, "x", 0);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct idmap *m = map_of(maps[i], 1);

		assert_int_equal(IDMAP_DENY, ask(m, id, "alice", NULL));
		idmap_free(m);
	}
	identity_free(id);
}

/* Each hit of the limit costs a millisecond, and a certificate may bring 256 values. */
static void
after_sixteen_limits_no_expression_is_tried_and_a_literal_deny_still_wins(void **state)
{
	struct idmap *m = map_of("cn /(a|aa|a+)+b/ deny\ncn /x/ deny\ncn y deny\n", 1);
	char value[64];

	(void)state;
	for (int bad = 15; bad <= 16; bad++) {
		struct identity *id = identity_new();

		assert_non_null(id);
		for (int i = 0; i < bad; i++) {
			(void)snprintf(value, sizeof(value), "%.48sb%02d!",
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", i);
			id_add(id, ID_CN, value);
		}
		id_add(id, ID_CN, "x");
		assert_int_equal(bad < 16 ? IDMAP_DENY : IDMAP_LIMIT, ask(m, id, "alice", NULL));
		id_add(id, ID_CN, "y");
		assert_int_equal(IDMAP_DENY, ask(m, id, "alice", NULL));
		identity_free(id);
	}
	idmap_free(m);
}

static void
a_captured_account_is_a_portable_name(void **state)
{
	static const char map[] = "email {u}@c {u}\n";

	(void)state;
	assert_who(IDMAP_YES, map, ID_EMAIL, "alice@c", "alice");
	assert_who(IDMAP_YES, map, ID_EMAIL, "a.l_i-ce9@c", "a.l_i-ce9");
	assert_who(IDMAP_NO_ACCOUNT, map, ID_EMAIL, "-alice@c", "-alice");
	assert_who(IDMAP_NO_ACCOUNT, map, ID_EMAIL, "al+ice@c", "al+ice");
	assert_who(IDMAP_NO_ACCOUNT, map, ID_EMAIL, "al$ice@c", "al$ice");
	assert_who(IDMAP_NO_ACCOUNT, map, ID_EMAIL, "al:ice@c", "al:ice");
	assert_who(IDMAP_NO_ACCOUNT, map, ID_EMAIL, "al\xc3\xbc@c", "al\xc3\xbc");
	assert_who(IDMAP_YES, map, ID_EMAIL, "abcdefghijklmnopqrstuvwxyz012345@c",
	    "abcdefghijklmnopqrstuvwxyz012345");
	assert_who(IDMAP_NO_ACCOUNT, map, ID_EMAIL, "abcdefghijklmnopqrstuvwxyz0123456@c",
	    "abcdefghijklmnopqrstuvwxyz0123456");
	assert_who(IDMAP_NO_ACCOUNT, map, ID_EMAIL, "abcdefghijklmnopqrstuvwxyz0123456@c",
	    "abcdefghijklmnopqrstuvwxyz012345");
	assert_who(IDMAP_YES, "cn {a}.{b} x-{b}_{a}\n", ID_CN, "p.q", "x-q_p");
	/* deny is a word only in the map: whoever is called so is just an account */
	assert_who(IDMAP_YES, map, ID_EMAIL, "deny@c", "deny");
}

static void
a_value_that_cannot_be_an_account_has_no_connection(void **state)
{
	struct idmap *m = map_of("email {u}@c {u}\n", 1);
	struct identity *id = id_of(ID_EMAIL, "al+ice@c", 0);

	(void)state;
	assert_int_equal(IDMAP_NO_ACCOUNT, ask_open(m, id));
	id_add(id, ID_EMAIL, "alice@c");
	assert_int_equal(IDMAP_YES, ask_open(m, id));
	identity_free(id);
	idmap_free(m);
}

/* The verdict for account and uid under `map`; the identity is cn=root. */
static enum idmap_verdict
ask_uid(const char *map, const char *account, bool has_uid, uint32_t uid)
{
	struct idmap *m = map_of(map, 1);
	struct identity *id = id_of(ID_CN, "root", 0);
	struct idmap_rule_info rule;
	struct idmap_query q = { .id = id,
		.sections = one_section,
		.nsections = 1,
		.account = account,
		.has_uid = has_uid,
		.uid = uid,
		.service = "sshd" };
	enum idmap_verdict v = idmap_who(m, &q, &rule);

	identity_free(id);
	idmap_free(m);
	return v;
}

static void
low_uids_need_a_literal_name(void **state)
{
	(void)state;
	assert_int_equal(IDMAP_NO_ACCOUNT, ask_uid("cn {a} {a}\n", "root", true, MIN_UID - 1));
	assert_int_equal(IDMAP_YES, ask_uid("cn {a} {a}\n", "root", true, MIN_UID));
	assert_int_equal(IDMAP_NO_ACCOUNT, ask_uid("cn {a} {a}\n", "root", true, 0));
	assert_int_equal(IDMAP_NO_ACCOUNT, ask_uid("cn ro{a} ro{a}\n", "root", true, 0));
	assert_int_equal(IDMAP_NO_ACCOUNT, ask_uid("cn /(?<a>root)/ {a}\n", "root", true, 0));
	assert_int_equal(IDMAP_YES, ask_uid("cn root root\n", "root", true, 0));
	assert_int_equal(IDMAP_YES, ask_uid("cn * toor\n", "toor", true, 0));
	assert_int_equal(IDMAP_YES, ask_uid("cn root daemon\n", "daemon", true, 1));
	/* what does not exist here gets nothing, literal or not */
	assert_int_equal(IDMAP_NO_ACCOUNT, ask_uid("cn root root\n", "root", false, 0));
	assert_int_equal(IDMAP_NO_ACCOUNT, ask_uid("cn {a} {a}\n", "root", false, 5000));
}

static void
uid_zero_needs_a_literal_name_even_when_every_uid_may_be_captured(void **state)
{
	struct idmap_config c = { .sections = one_section, .nsections = 1, .capture_min_uid = 0 };
	struct identity *id = id_of(ID_CN, "toor", 0);
	struct idmap_rule_info rule;
	struct idmap_query q = { .id = id,
		.sections = one_section,
		.nsections = 1,
		.account = "toor",
		.has_uid = true,
		.uid = 0,
		.service = "sshd" };
	struct err e = { 0 };
	struct idmap *m = idmap_parse("map", (const uint8_t *)"cn {a} {a}\n", 11, &c, &e);

	(void)state;
	assert_non_null(m);
	assert_int_equal(IDMAP_NO_ACCOUNT, idmap_who(m, &q, &rule));
	q.uid = 1;
	assert_int_equal(IDMAP_YES, idmap_who(m, &q, &rule));
	identity_free(id);
	idmap_free(m);
}

static void
absent_and_empty_fields_match_nothing(void **state)
{
	static const char *const maps[] = { "email * x\n", "email {a} {a}\n", "email /.*/ x\n",
		"subject CN=* x\n", "upn a x\n", "email /.*/ deny\n" };
	struct identity *none = identity_new(), *other = id_of(ID_CN, "a", ID_DNS, "b", 0);
	struct id_value empty = { .field = ID_EMAIL, .data = (uint8_t *)(uintptr_t) "", .len = 0 };

	(void)state;
	assert_non_null(none);
	for (size_t i = 0; i < 6; i++) {
		struct idmap *m = map_of(maps[i], 1);

		none->nvalues = 0;
		assert_int_equal(IDMAP_NO_RULE, ask(m, none, "x", NULL));
		assert_int_equal(IDMAP_NO_RULE, ask_open(m, none));
		assert_int_equal(IDMAP_NO_RULE, ask(m, other, "x", NULL));
		/* identity_add() refuses an empty value; should one get here, it is no value */
		none->values[0] = empty;
		none->nvalues = 1;
		assert_int_equal(IDMAP_NO_RULE, ask(m, none, "x", NULL));
		none->nvalues = 0;
		idmap_free(m);
	}
	identity_free(none);
	identity_free(other);
}

static void
any_value_of_a_field_may_match(void **state)
{
	struct idmap *m = map_of("email alice@c alice\nemail {u}@d {u}\nemail /(?<v>.)@e/ {v}\n"
				 "email Evil@c deny\n",
	    1);
	struct identity *id = id_of(ID_EMAIL, "zz@x", ID_EMAIL, "alice@c", ID_EMAIL, "bob@d",
	    ID_EMAIL, "carol@d", ID_EMAIL, "v@e", 0);

	(void)state;
	assert_int_equal(IDMAP_YES, ask(m, id, "alice", NULL));
	assert_int_equal(IDMAP_YES, ask(m, id, "bob", NULL));
	assert_int_equal(IDMAP_YES, ask(m, id, "carol", NULL));
	assert_int_equal(IDMAP_YES, ask(m, id, "v", NULL));
	assert_int_equal(IDMAP_NO_ACCOUNT, ask(m, id, "dave", NULL));
	id_add(id, ID_EMAIL, "evil@c");
	assert_int_equal(IDMAP_DENY, ask(m, id, "alice", NULL));
	assert_int_equal(IDMAP_DENY, ask_open(m, id));
	identity_free(id);
	idmap_free(m);
}

static void
literals_with_a_fixed_form_match(void **state)
{
	(void)state;
	assert_who(IDMAP_YES, "serial 1f03 alice\n", ID_SERIAL, "1f03", "alice");
	assert_who(IDMAP_NO_RULE, "serial 1f03 alice\n", ID_SERIAL, "1f0", "alice");
	assert_who(IDMAP_YES, "spki SHA256:4pXAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA alice\n",
	    ID_SPKI, "SHA256:4pXAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "alice");
	assert_who(IDMAP_NO_RULE, "spki SHA256:4pXAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA alice\n",
	    ID_SPKI, "SHA256:4pxAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "alice");
	assert_who(IDMAP_NO_RULE, "spki SHA256:4pXAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA alice\n",
	    ID_FINGERPRINT, "SHA256:4pXAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "alice");
	assert_who(IDMAP_YES, "policy 1.2.3 alice\n", ID_POLICY, "1.2.3", "alice");
	assert_who(IDMAP_NO_RULE, "policy 1.2.3 alice\n", ID_POLICY, "1.2.33", "alice");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_literal_is_compared_whole_and_byte_by_byte),
		cmocka_unit_test(case_is_ignored_only_where_it_means_nothing),
		cmocka_unit_test(deny_ignores_case_throughout),
		cmocka_unit_test(a_wildcard_takes_one_part_and_at_least_one_byte),
		cmocka_unit_test(wildcards_find_a_match_whenever_there_is_one),
		cmocka_unit_test(names_match_rdn_by_rdn),
		cmocka_unit_test(expressions_match_the_whole_value),
		cmocka_unit_test(an_expression_that_never_ends_denies),
		cmocka_unit_test(deep_recursion_hits_a_limit_and_denies),
		cmocka_unit_test(a_deny_wins_over_a_limit_wherever_it_stands),
		cmocka_unit_test(
		    after_sixteen_limits_no_expression_is_tried_and_a_literal_deny_still_wins),
		cmocka_unit_test(a_captured_account_is_a_portable_name),
		cmocka_unit_test(a_value_that_cannot_be_an_account_has_no_connection),
		cmocka_unit_test(low_uids_need_a_literal_name),
		cmocka_unit_test(uid_zero_needs_a_literal_name_even_when_every_uid_may_be_captured),
		cmocka_unit_test(absent_and_empty_fields_match_nothing),
		cmocka_unit_test(any_value_of_a_field_may_match),
		cmocka_unit_test(literals_with_a_fixed_form_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
