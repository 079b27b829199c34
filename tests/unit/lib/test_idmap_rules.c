/* test_idmap_rules.c - rules together: options, deny, sections, order, and what is told of them */
#include "idmap_help.h"

/* A query of which each test changes one thing. */
struct setup {
	struct identity *id;
	struct sockaddr_storage from;
	struct idmap_query q;
	struct idmap_rule_info rule;
};

static struct setup *
setup_new(struct setup *s)
{
	s->id = id_of(ID_EMAIL, "alice@c", ID_ISSUER, "CN=CI CA,O=Corp", ID_POLICY, "1.2.3",
	    ID_POLICY, "1.2.4", 0);
	address_set(&s->from, "10.1.2.3");
	s->q = (struct idmap_query){ .id = s->id,
		.sections = one_section,
		.nsections = 1,
		.from = (struct sockaddr *)&s->from,
		.account = "alice",
		.has_uid = true,
		.uid = 1001,
		.service = "sshd" };
	return s;
}

static enum idmap_verdict
who(struct setup *s, const char *map)
{
	struct idmap *m = map_of(map, 1);
	enum idmap_verdict v = idmap_who(m, &s->q, &s->rule);

	idmap_free(m);
	return v;
}

static enum idmap_verdict
open_verdict(struct setup *s, const char *map)
{
	struct idmap *m = map_of(map, 1);
	enum idmap_verdict v = idmap_open(m, &s->q, &s->rule);

	idmap_free(m);
	return v;
}

static void
service_holds_for_whole_words(void **state)
{
	static const char map[] = "email alice@c alice service=sshd,sudo\n";
	struct setup s;

	(void)state;
	setup_new(&s);
	assert_int_equal(IDMAP_YES, who(&s, map));
	s.q.service = "sudo";
	assert_int_equal(IDMAP_YES, who(&s, map));
	s.q.service = "su";
	assert_int_equal(IDMAP_NO_OPTION, who(&s, map));
	assert_int_equal(1, s.rule.line);
	s.q.service = "sshd,sudo";
	assert_int_equal(IDMAP_NO_OPTION, who(&s, map));
	s.q.service = "";
	assert_int_equal(IDMAP_NO_OPTION, who(&s, map));
	s.q.service = NULL;
	assert_int_equal(IDMAP_NO_OPTION, who(&s, map));
	identity_free(s.id);
}

static void
assert_from(const char *nets, const char *from, enum idmap_verdict want)
{
	struct setup s;
	char map[200];

	setup_new(&s);
	address_set(&s.from, from);
	snprintf(map, sizeof(map), "email alice@c alice from=%s\n", nets);
	if (who(&s, map) != want)
		fail_msg("from=%s with %s", nets, from);
	identity_free(s.id);
}

static void
from_holds_within_its_networks(void **state)
{
	struct setup s;

	(void)state;
	assert_from("10.0.0.0/8", "10.255.255.255", IDMAP_YES);
	assert_from("10.0.0.0/8", "11.0.0.0", IDMAP_NO_OPTION);
	assert_from("10.0.0.0/8", "9.255.255.255", IDMAP_NO_OPTION);
	assert_from("10.1.2.0/23", "10.1.3.9", IDMAP_YES);
	assert_from("10.1.2.0/23", "10.1.4.0", IDMAP_NO_OPTION);
	assert_from("10.1.2.3", "10.1.2.3", IDMAP_YES);
	assert_from("10.1.2.3", "10.1.2.2", IDMAP_NO_OPTION);
	assert_from("0.0.0.0/0", "203.0.113.9", IDMAP_YES);
	assert_from("0.0.0.0/0", "2001:db8::1", IDMAP_NO_OPTION);
	assert_from("::/0", "2001:db8::1", IDMAP_YES);
	assert_from("2001:db8::/33", "2001:db8:7fff::1", IDMAP_YES);
	assert_from("2001:db8::/33", "2001:db8:8000::1", IDMAP_NO_OPTION);
	assert_from("192.0.2.1,10.0.0.0/8,::1", "::1", IDMAP_YES);
	setup_new(&s);
	s.q.from = NULL;
	assert_int_equal(IDMAP_NO_OPTION, who(&s, "email alice@c alice from=0.0.0.0/0,::/0\n"));
	s.q.from = (struct sockaddr *)&s.from;
	s.from.ss_family = AF_UNIX;
	assert_int_equal(IDMAP_NO_OPTION, who(&s, "email alice@c alice from=0.0.0.0/0,::/0\n"));
	identity_free(s.id);
}

static void
mapped_addresses_are_ipv4_on_both_sides(void **state)
{
	(void)state;
	assert_from("10.0.0.0/8", "::ffff:10.1.2.3", IDMAP_YES);
	assert_from("10.0.0.0/8", "::ffff:11.1.2.3", IDMAP_NO_OPTION);
	assert_from("::ffff:10.0.0.0/104", "10.1.2.3", IDMAP_YES);
	assert_from("::ffff:10.0.0.0/104", "11.1.2.3", IDMAP_NO_OPTION);
	assert_from("::ffff:10.1.2.3", "10.1.2.3", IDMAP_YES);
	assert_from("::ffff:0.0.0.0/96", "203.0.113.1", IDMAP_YES);
	/* ... and so no IPv6 network holds them */
	assert_from("::/0", "::ffff:10.1.2.3", IDMAP_NO_OPTION);
	assert_from("::/0", "10.1.2.3", IDMAP_NO_OPTION);
	/* compatible and NAT64 forms are IPv6 */
	assert_from("10.0.0.0/8", "::10.1.2.3", IDMAP_NO_OPTION);
	assert_from("10.0.0.0/8", "64:ff9b::10.1.2.3", IDMAP_NO_OPTION);
}

static void
issuer_and_policy_are_of_the_certificate(void **state)
{
	struct setup s;

	(void)state;
	setup_new(&s);
	assert_int_equal(IDMAP_YES, who(&s, "email alice@c alice issuer=\"CN=CI CA,O=Corp\"\n"));
	assert_int_equal(IDMAP_YES, who(&s, "email alice@c alice issuer=\"CN=CI *,O=Corp\"\n"));
	assert_int_equal(IDMAP_NO_OPTION, who(&s, "email alice@c alice issuer=\"CN=CI CA\"\n"));
	assert_int_equal(
	    IDMAP_NO_OPTION, who(&s, "email alice@c alice issuer=\"O=Corp,CN=CI CA\"\n"));
	assert_int_equal(
	    IDMAP_NO_OPTION, who(&s, "email alice@c alice issuer=\"CN=ci CA,O=Corp\"\n"));
	assert_int_equal(IDMAP_YES, who(&s, "email alice@c alice policy=1.2.4\n"));
	assert_int_equal(IDMAP_YES, who(&s, "email alice@c alice policy=1.9,1.2.3\n"));
	assert_int_equal(IDMAP_NO_OPTION, who(&s, "email alice@c alice policy=1.2\n"));
	assert_int_equal(IDMAP_NO_OPTION, who(&s, "email alice@c alice policy=1.2.3 service=x\n"));
	/* a deny by issuer has no case, as its pattern has none */
	assert_int_equal(IDMAP_DENY, who(&s, "email alice@c deny issuer=\"CN=ci CA,O=CORP\"\n"));
	identity_free(s.id);
	s.id = id_of(ID_EMAIL, "alice@c", 0);
	s.q.id = s.id;
	assert_int_equal(IDMAP_NO_OPTION, who(&s, "email alice@c alice issuer=CN=*\n"));
	assert_int_equal(IDMAP_NO_OPTION, who(&s, "email alice@c alice policy=1.2.3\n"));
	identity_free(s.id);
}

static void
options_belong_to_their_own_rule(void **state)
{
	struct setup s;

	(void)state;
	setup_new(&s);
	/* no login by one rule's account and another's options */
	assert_int_equal(IDMAP_NO_OPTION, who(&s, "email alice@c alice service=sudo\n"
						  "email alice@c bob service=sshd\n"));
	assert_int_equal(
	    IDMAP_NO_OPTION, who(&s, "email alice@c alice service=sudo from=10.0.0.0/8\n"
				     "email alice@c alice service=sshd from=11.0.0.0/8\n"));
	assert_int_equal(IDMAP_YES, who(&s, "email alice@c alice service=sudo\n"
					    "email {u}@c {u} service=sshd\n"));
	assert_int_equal(2, s.rule.line);
	assert_string_equal("email {u}@c {u} service=sshd", s.rule.text);
	/* of several the first is named, whichever was found first */
	assert_int_equal(IDMAP_YES, who(&s, "cn x x\nemail {u}@c {u}\nemail alice@c alice\n"));
	assert_int_equal(2, s.rule.line);
	assert_int_equal(IDMAP_YES, who(&s, "cn x x\nemail alice@c alice\nemail {u}@c {u}\n"));
	assert_int_equal(2, s.rule.line);
	assert_int_equal(IDMAP_DENY, who(&s, "email * x\nemail *@c deny\nemail alice@c deny\n"));
	assert_int_equal(2, s.rule.line);
	identity_free(s.id);
}

static void
a_deny_counts_when_all_its_options_hold(void **state)
{
	struct setup s;

	(void)state;
	setup_new(&s);
	assert_int_equal(IDMAP_DENY, who(&s, "email alice@c alice\nemail ALICE@c deny\n"));
	assert_int_equal(2, s.rule.line);
	assert_int_equal(
	    IDMAP_DENY, who(&s, "email alice@c deny service=sshd\nemail alice@c alice\n"));
	assert_int_equal(
	    IDMAP_YES, who(&s, "email alice@c deny service=sudo\nemail alice@c alice\n"));
	assert_int_equal(
	    IDMAP_YES, who(&s, "email alice@c deny from=11.0.0.0/8\nemail alice@c alice\n"));
	assert_int_equal(IDMAP_DENY,
	    who(&s, "email alice@c deny from=::ffff:10.0.0.0/104\nemail alice@c alice\n"));
	/* at OPEN the service is not known: such a deny waits, others do not */
	assert_int_equal(
	    IDMAP_YES, open_verdict(&s, "email alice@c deny service=sshd\nemail alice@c alice\n"));
	assert_int_equal(IDMAP_DENY,
	    open_verdict(&s, "email alice@c deny from=10.0.0.0/8\nemail alice@c alice\n"));
	identity_free(s.id);
}

static void
open_looks_at_all_but_account_and_service(void **state)
{
	struct setup s;

	(void)state;
	setup_new(&s);
	s.q.account = NULL;
	s.q.service = NULL;
	s.q.has_uid = false;
	assert_int_equal(IDMAP_YES, open_verdict(&s, "email alice@c bob service=sudo\n"));
	assert_int_equal(1, s.rule.line);
	assert_int_equal(IDMAP_NO_OPTION, open_verdict(&s, "email alice@c bob from=11.0.0.0/8\n"));
	assert_int_equal(IDMAP_NO_OPTION, open_verdict(&s, "email alice@c bob issuer=CN=x\n"));
	assert_int_equal(IDMAP_NO_OPTION, open_verdict(&s, "email alice@c bob policy=1.9\n"));
	assert_int_equal(IDMAP_NO_RULE, open_verdict(&s, "email bob@c bob\n"));
	assert_int_equal(0, s.rule.line);
	assert_string_equal("", s.rule.text);
	/* without an account there is nothing to say yes to */
	assert_int_equal(IDMAP_NO_ACCOUNT, who(&s, "email alice@c bob\n"));
	identity_free(s.id);
}

static void
a_rule_counts_for_its_own_section_only(void **state)
{
	static const char map[] = "email alice@c alice trust=corp\nemail {u}@p {u} trust=partner\n"
				  "email alice@c deny trust=partner service=sudo\n"
				  "email alice@c ops trust=corp,partner\n";
	static const char *const unknown[] = { "gone" };
	struct idmap *m = map_of(map, 2), *single = map_of("email alice@c alice\n", 1);
	struct setup s;

	(void)state;
	setup_new(&s);
	assert_int_equal(IDMAP_YES, idmap_who(m, &s.q, &s.rule));
	id_add(s.id, ID_EMAIL, "root2@p");
	s.q.account = "root2";
	assert_int_equal(IDMAP_NO_ACCOUNT, idmap_who(m, &s.q, &s.rule));
	s.q.sections = two_sections + 1;
	assert_int_equal(IDMAP_YES, idmap_who(m, &s.q, &s.rule));
	s.q.account = "alice";
	assert_int_equal(IDMAP_NO_ACCOUNT, idmap_who(m, &s.q, &s.rule));
	s.q.account = "ops";
	assert_int_equal(IDMAP_YES, idmap_who(m, &s.q, &s.rule));
	s.q.service = "sudo";
	assert_int_equal(IDMAP_DENY, idmap_who(m, &s.q, &s.rule));
	s.q.sections = one_section;
	assert_int_equal(IDMAP_YES, idmap_who(m, &s.q, &s.rule));
	/* accepted by both: both count, deny first */
	s.q.sections = two_sections;
	s.q.nsections = 2;
	assert_int_equal(IDMAP_DENY, idmap_who(m, &s.q, &s.rule));
	s.q.service = "sshd";
	s.q.account = "alice";
	assert_int_equal(IDMAP_YES, idmap_who(m, &s.q, &s.rule));
	/* a section that this map does not know, or none, is no section */
	assert_int_equal(IDMAP_YES, idmap_who(single, &s.q, &s.rule));
	s.q.sections = unknown;
	s.q.nsections = 1;
	assert_int_equal(IDMAP_NO_RULE, idmap_who(single, &s.q, &s.rule));
	assert_int_equal(IDMAP_NO_RULE, idmap_open(single, &s.q, &s.rule));
	s.q.nsections = 0;
	assert_int_equal(IDMAP_NO_RULE, idmap_who(single, &s.q, &s.rule));
	identity_free(s.id);
	idmap_free(m);
	idmap_free(single);
}

/* ---- order ------------------------------------------------------------------------------ */
static const char *const rules[] = {
	"email alice@c alice\n",
	"email alice@c alice,ops service=sudo\n",
	"email {u}@c {u} from=10.0.0.0/8\n",
	"email /(?<u>.*)@c/ x-{u}\n",
	"cn bob bob\n",
	"email bob@c deny\n",
	"cn Bob deny service=sudo\n",
};
#define NRULES (sizeof(rules) / sizeof(rules[0]))

/* The map of the rules in the order of one permutation (Lehmer code of `n`). */
static void
permuted_map(unsigned n, char *dst)
{
	size_t left[NRULES];

	for (size_t i = 0; i < NRULES; i++)
		left[i] = i;
	dst[0] = '\0';
	for (size_t have = NRULES; have > 0; have--) {
		size_t at = n % have;

		n /= (unsigned)have;
		strcat(dst, rules[left[at]]);
		memmove(&left[at], &left[at + 1], (have - 1 - at) * sizeof(left[0]));
	}
}

/* Verdicts of many questions as a text. */
static void
verdicts(const struct idmap *m, char *dst)
{
	static const char *const accounts[] = { "alice", "ops", "bob", "x-alice", "x-bob", "root" };
	static const char *const services[] = { "sshd", "sudo" };
	struct identity *ids[] = { id_of(ID_EMAIL, "alice@c", 0), id_of(ID_CN, "bob", 0),
		id_of(ID_CN, "bob", ID_EMAIL, "alice@c", 0), id_of(ID_EMAIL, "Bob@c", 0) };
	struct setup s;
	char *start = dst;

	setup_new(&s);
	identity_free(s.id);
	for (size_t i = 0; i < 4; i++) {
		s.q.id = ids[i];
		for (size_t k = 0; k < 12; k++) {
			s.q.account = accounts[k % 6];
			s.q.service = services[k / 6];
			*dst++ = (char)('0' + idmap_who(m, &s.q, &s.rule));
		}
		*dst++ = (char)('0' + idmap_open(m, &s.q, &s.rule));
		identity_free(ids[i]);
	}
	*dst = '\0';
	assert_non_null(strchr(start, '0' + IDMAP_YES));
	assert_non_null(strchr(start, '0' + IDMAP_DENY));
	assert_non_null(strchr(start, '0' + IDMAP_NO_OPTION));
	assert_non_null(strchr(start, '0' + IDMAP_NO_ACCOUNT));
}

static void
the_order_of_rules_changes_no_verdict(void **state)
{
	char map[400], first[80] = "", got[80];

	(void)state;
	for (unsigned n = 0; n < 5040; n++) {
		struct idmap *m;

		permuted_map(n, map);
		m = map_of(map, 1);
		assert_int_equal(NRULES, idmap_nrules(m));
		verdicts(m, n == 0 ? first : got);
		if (n > 0)
			assert_string_equal(first, got);
		idmap_free(m);
	}
}

/* ---- what is told ----------------------------------------------------------------------- */
static void
collect(void *arg, const char *text)
{
	char *dst = arg;

	assert_true(strlen(dst) + strlen(text) + 2 < 2000);
	strcat(dst, text);
	strcat(dst, "\n");
}

static void
explain_names_every_rule_that_has_a_say(void **state)
{
	static const char map[] = "# people\n"
				  "email alice@c alice,ops\n"
				  "email {u}@c {u} service=sudo\n"
				  "cn nobody deny\n"
				  "email ALICE@C deny from=11.0.0.0/8\n"
				  "email alice@c root\n"
				  "email /(a|l|al|li)+z?ice@d/ alice\n";
	struct idmap *m = map_of(map, 1);
	char got[2000] = "";
	struct setup s;

	(void)state;
	setup_new(&s);
	idmap_explain(m, &s.q, collect, got);
	assert_string_equal(
	    "map:2: grants alice (email alice@c alice,ops)\n"
	    "map:3: would grant alice, but service= does not hold (email {u}@c {u} service=sudo)\n"
	    "map:5: would deny, but from= does not hold (email ALICE@C deny from=11.0.0.0/8)\n"
	    "map:6: matches, but does not name alice (email alice@c root)\n",
	    got);

	s.q.account = NULL;
	s.q.service = NULL;
	s.q.from = NULL;
	got[0] = '\0';
	idmap_explain(m, &s.q, collect, got);
	assert_string_equal("map:2: grants alice (email alice@c alice,ops)\n"
			    "map:2: grants ops (email alice@c alice,ops)\n"
			    "map:3: grants alice (email {u}@c {u} service=sudo)\n"
			    "map:5: denies (email ALICE@C deny from=11.0.0.0/8)\n"
			    "map:6: grants root (email alice@c root)\n",
	    got);

	s.q.account = "alice";
	s.q.uid = 999;
	got[0] = '\0';
	idmap_explain(m, &s.q, collect, got);
	assert_non_null(
	    strstr(got, "map:3: matches, but an account from a capture needs a uid of at "
			"least 1000, and alice has 999"));
	s.q.has_uid = false;
	got[0] = '\0';
	idmap_explain(m, &s.q, collect, got);
	assert_non_null(strstr(got, "map:2: matches, but there is no account alice here"));
	s.q.sections = two_sections + 1;
	s.q.account = NULL;
	got[0] = '\0';
	idmap_explain(m, &s.q, collect, got);
	assert_non_null(strstr(got, "map:2: would grant alice, but trust= does not hold"));
	identity_free(s.id);
	idmap_free(m);
}

static void
check_reports_rules_twice_and_weaker_terms(void **state)
{
	static const char map[] = "cn a alice service=sshd from=10.0.0.0/8\n"
				  "cn b alice service=sshd\n"
				  "cn c bob\n"
				  "  cn\t\"c\"  bob   # again\n"
				  "cn d carol service=sudo\n"
				  "cn e carol from=::1\n"
				  "cn {f} {f}\n"
				  "cn c bob,bobby\n"
				  "cn g dave\n"
				  "cn h dave max-session=60\n";
	struct idmap *m = map_of(map, 1);
	char got[2000] = "";

	(void)state;
	idmap_check(m, 100, collect, got);
	assert_string_equal("map:4: the same rule as in line 3\n"
			    "map:2: gives alice without from=, which line 1 demands\n"
			    "map:9: gives dave without max-session=, which line 10 demands\n",
	    got);
	got[0] = '\0';
	idmap_check(m, 1, collect, got);
	assert_string_equal("map:4: the same rule as in line 3\n", got);
	idmap_check(m, 0, collect, got);
	idmap_free(m);
	m = map_of("", 1);
	got[0] = '\0';
	idmap_check(m, 100, collect, got);
	assert_string_equal("", got);
	idmap_free(m);
}

/* ---- max-session= ----------------------------------------------------------------------- */
static void
max_session_holds_from_opening_until_it_is_over(void **state)
{
	struct setup s;

	(void)state;
	setup_new(&s);
	s.q.age = 59;
	assert_int_equal(IDMAP_YES, who(&s, "email alice@c alice max-session=60\n"));
	assert_int_equal(60, s.rule.max_session);
	s.q.age = 60;
	assert_int_equal(IDMAP_NO_OPTION, who(&s, "email alice@c alice max-session=60\n"));
	/* at OPEN it is not looked at */
	assert_int_equal(IDMAP_YES, open_verdict(&s, "email alice@c alice max-session=60\n"));
	s.q.age = UINT32_MAX;
	assert_int_equal(IDMAP_YES, who(&s, "email alice@c alice\n"));
	assert_int_equal(0, s.rule.max_session);
	identity_free(s.id);
}

static void
of_several_rules_the_one_that_lasts_longest_is_told(void **state)
{
	static const char sixty[] = "email alice@c alice max-session=60\n"
				    "email {u}@c {u} max-session=90\n"
				    "email * alice max-session=90\n";
	struct setup s;
	char map[400];

	(void)state;
	setup_new(&s);
	assert_int_equal(IDMAP_YES, who(&s, sixty));
	assert_int_equal(2, s.rule.line);
	assert_int_equal(90, s.rule.max_session);
	(void)snprintf(map, sizeof(map), "%semail alice@c alice\n", sixty);
	assert_int_equal(IDMAP_YES, who(&s, map));
	assert_int_equal(4, s.rule.line);
	assert_int_equal(0, s.rule.max_session);
	/* but only among those whose other options hold */
	(void)snprintf(map, sizeof(map), "%semail alice@c alice service=sudo\n", sixty);
	assert_int_equal(IDMAP_YES, who(&s, map));
	assert_int_equal(2, s.rule.line);
	identity_free(s.id);
}

static void
a_grant_tells_by_which_value_and_section_it_matched(void **state)
{
	static const char map[] = "email *@c ops trust=partner,corp\ncn x ops trust=corp\n";
	struct setup s;
	struct idmap *m = map_of(map, 2);

	(void)state;
	setup_new(&s);
	identity_free(s.id);
	/* the smallest of several, in whatever order they come */
	s.q.id = s.id = id_of(ID_EMAIL, "bob@c", ID_EMAIL, "alice@c", ID_EMAIL, "carol@c", 0);
	s.q.account = "ops";
	s.q.sections = two_sections;
	s.q.nsections = 2;
	assert_int_equal(IDMAP_YES, idmap_who(m, &s.q, &s.rule));
	assert_int_equal(ID_EMAIL, s.rule.value->field);
	assert_string_equal("alice@c", (const char *)s.rule.value->data);
	assert_string_equal("corp", s.rule.section);
	s.q.sections = two_sections + 1;
	s.q.nsections = 1;
	assert_int_equal(IDMAP_YES, idmap_who(m, &s.q, &s.rule));
	assert_string_equal("partner", s.rule.section);
	s.q.account = "nobody";
	assert_int_equal(IDMAP_NO_ACCOUNT, idmap_who(m, &s.q, &s.rule));
	identity_free(s.id);
	idmap_free(m);
}

static void
values_are_the_same_as_the_map_sees_them(void **state)
{
	struct identity *a = id_of(ID_EMAIL, "alice@c.example", ID_CN, "alice", 0);
	struct identity *b = id_of(ID_EMAIL, "alice@C.Example", ID_CN, "Alice", ID_EMAIL,
	    "Alice@c.example", ID_CN, "alice@c.example", 0);

	(void)state;
	assert_true(idmap_same_value(&a->values[0], &b->values[0]));
	assert_false(idmap_same_value(&a->values[1], &b->values[1]));
	assert_false(idmap_same_value(&a->values[0], &b->values[2]));
	assert_false(idmap_same_value(&a->values[0], &b->values[3]));
	identity_free(a);
	identity_free(b);
}

static void
a_long_rule_is_cut_between_characters_for_the_log(void **state)
{
	char map[400] = "email alice@c alice # ";
	struct setup s;

	(void)state;
	setup_new(&s);
	for (int i = 0; i < 100; i++)
		strcat(map, "\xe2\x82\xac");
	strcat(map, "\n");
	assert_int_equal(IDMAP_YES, who(&s, map));
	assert_int_equal(22 + 77 * 3, strlen(s.rule.text));
	assert_memory_equal(map, s.rule.text, strlen(s.rule.text));
	identity_free(s.id);
}

static void
every_verdict_has_its_text(void **state)
{
	(void)state;
	for (int v = IDMAP_YES; v <= IDMAP_LIMIT; v++)
		for (int w = IDMAP_YES; w < v; w++)
			assert_string_not_equal(idmap_verdict_text((enum idmap_verdict)v),
			    idmap_verdict_text((enum idmap_verdict)w));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_holds_for_whole_words),
		cmocka_unit_test(from_holds_within_its_networks),
		cmocka_unit_test(mapped_addresses_are_ipv4_on_both_sides),
		cmocka_unit_test(issuer_and_policy_are_of_the_certificate),
		cmocka_unit_test(options_belong_to_their_own_rule),
		cmocka_unit_test(a_deny_counts_when_all_its_options_hold),
		cmocka_unit_test(open_looks_at_all_but_account_and_service),
		cmocka_unit_test(a_rule_counts_for_its_own_section_only),
		cmocka_unit_test(the_order_of_rules_changes_no_verdict),
		cmocka_unit_test(explain_names_every_rule_that_has_a_say),
		cmocka_unit_test(check_reports_rules_twice_and_weaker_terms),
		cmocka_unit_test(max_session_holds_from_opening_until_it_is_over),
		cmocka_unit_test(of_several_rules_the_one_that_lasts_longest_is_told),
		cmocka_unit_test(a_grant_tells_by_which_value_and_section_it_matched),
		cmocka_unit_test(values_are_the_same_as_the_map_sees_them),
		cmocka_unit_test(a_long_rule_is_cut_between_characters_for_the_log),
		cmocka_unit_test(every_verdict_has_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
