/* test_idmap_parse.c - what a line of the identity map may say, and how a wrong one is told */
#include "idmap_help.h"

#define KEY43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void
assert_map_ok(const char *text, size_t rules)
{
	struct idmap *m = map_of(text, 1);

	assert_int_equal(rules, idmap_nrules(m));
	idmap_free(m);
}

static void
blank_lines_and_comments_are_no_rules(void **state)
{
	(void)state;
	assert_map_ok("", 0);
	assert_map_ok("\n", 0);
	assert_map_ok("# email a@x alice\n \t\n  # cn b bob\ncn c carol # cn d dave\n", 1);
	assert_map_ok("cn a alice\n\n\tcn\tb\tbob\t\n", 2);
	/* `#` counts only where a field begins */
	assert_map_ok("cn a#b alice\n", 1);
	assert_map_ok("cn \"#a\" alice\n", 1);
	assert_map_error("cn #a alice\n", "map:1: pattern: missing");
}

static void
a_text_without_its_last_newline_is_refused(void **state)
{
	(void)state;
	assert_map_ok("cn a alice\n", 1);
	assert_map_error("cn a alice", "map: the last line has no end");
	assert_map_error("cn a alice\n#", "map: the last line has no end");
	assert_map_error(" ", "map: the last line has no end");
}

static void
bytes_that_are_not_text_are_refused(void **state)
{
	struct idmap_config c = { .sections = one_section, .nsections = 1 };
	struct err e = { 0 };

	(void)state;
	assert_map_error("cn a alice\r\n", "map:1: line: ends in CR LF");
	assert_map_error("# comment\r\n", "map:1: line: ends in CR LF");
	assert_map_error("cn a\r alice\n", "map:1: line: a control");
	assert_map_error("\ncn a\x01 alice\n", "map:2: line: a control");
	assert_map_error("cn a\x7f alice\n", "map:1: line: a control");
	assert_map_error("cn a\xff alice\n", "map:1: line: a control");
	assert_map_error("cn a alice # \xc3\n", "map:1: line: a control");
	assert_map_error("cn \xc0\xae alice\n", "map:1: line: a control");
	assert_map_error("cn \xc2\x85 alice\n", "map:1: line: a control");
	assert_map_ok("cn J\xc3\xbcrgen juergen\n", 1);
	assert_null(idmap_parse("map", (const uint8_t *)"cn a\0b alice\n", 13, &c, &e));
	assert_string_equal("map:1: line: a control character or a byte that is not UTF-8, allowed "
			    "are UTF-8 text and tabs",
	    e.text);
}

static void
a_line_has_its_longest_length(void **state)
{
	static char text[IDMAP_LINE_MAX + 3];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "cn ", 3);
	memcpy(text + IDMAP_LINE_MAX - 6, " alice\n", 8);
	assert_map_ok(text, 1);
	memcpy(text + IDMAP_LINE_MAX - 5, " alice\n", 8);
	text[IDMAP_LINE_MAX - 6] = 'a';
	assert_map_error(text, "map:1: line: 4097 bytes, at most 4096");
	/* a longest line of one quoted field, and one of many */
	memset(text, '\\', sizeof(text));
	memcpy(text, "cn \"", 4);
	memcpy(text + IDMAP_LINE_MAX - 4, "\" ab\n", 6);
	assert_map_ok(text, 1);
	for (size_t i = 5; i < IDMAP_LINE_MAX; i += 2)
		memcpy(text + i, "a,", 2);
	memcpy(text, "cn a ", 5);
	memcpy(text + IDMAP_LINE_MAX - 1, "a\n", 3);
	text[IDMAP_LINE_MAX - 2] = ',';
	assert_map_ok(text, 1);
}

static void
quotes_hold_blanks_and_two_escapes(void **state)
{
	(void)state;
	assert_who(IDMAP_YES, "cn \"Alice Ng\" alice\n", ID_CN, "Alice Ng", "alice");
	assert_who(IDMAP_YES, "cn \"say \\\"x\\\"\" alice\n", ID_CN, "say \"x\"", "alice");
	/* "\\\\" is \\ to the pattern, which is one backslash */
	assert_who(IDMAP_YES, "cn \"a\\\\\\\\b\" alice\n", ID_CN, "a\\b", "alice");
	assert_who(IDMAP_YES, "cn a\\\\b alice\n", ID_CN, "a\\b", "alice");
	assert_who(IDMAP_YES, "cn \"a\\*b\" alice\n", ID_CN, "a*b", "alice");
	assert_who(IDMAP_YES, "cn \"/a \\d+/\" alice\n", ID_CN, "a 17", "alice");
	assert_who(IDMAP_YES, "cn a \"alice,bob\"\n", ID_CN, "a", "bob");
	assert_map_error("cn \"a alice\n", "map:1: line: a quote is not closed");
	assert_map_error("cn \"a\\\" alice\n", "map:1: line: a quote is not closed");
	assert_map_error("cn \"a\"b alice\n", "map:1: line: text right behind");
	assert_map_error("cn a\"b\" alice\n", "map:1: line: a quote within");
	assert_map_error("cn \"\" alice\n", "map:1: pattern: empty");
	assert_map_error("cn a \"\"\n", "map:1: accounts: empty");
}

static void
fields_are_whole_words(void **state)
{
	(void)state;
	assert_map_error(
	    "emial a alice\n", "map:1: field: \"emial\" is unknown, allowed are subject");
	assert_map_error("Email a alice\n", "map:1: field: \"Email\" is unknown");
	assert_map_error("c a alice\n", "map:1: field: \"c\" is unknown");
	assert_map_error("\"\" a alice\n", "map:1: field: \"\" is unknown");
	assert_map_error("cn a alice\n\n# c\nx\\ny a b\n", "map:4: field: \"x\\\\ny\"");
	assert_map_error("cn\n", "map:1: pattern: missing, a rule is FIELD PATTERN ACCOUNTS");
	assert_map_error("cn a\n", "map:1: accounts: missing");
	assert_map_error("cn a # alice\n", "map:1: accounts: missing");
}

static void
literals_with_a_known_form_are_held_to_it(void **state)
{
	(void)state;
	assert_map_ok("serial 1f03 alice\nserial 0 bob\n", 2);
	assert_map_error("serial 1F03 alice\n", "map:1: pattern: serial \"1F03\", allowed is");
	assert_map_error("serial 01f alice\n", "map:1: pattern: serial");
	assert_map_error("serial 1f:03 alice\n", "map:1: pattern: serial");
	assert_map_error("serial 0x1f alice\n", "map:1: pattern: serial");
	assert_map_ok("spki SHA256:" KEY43 " alice\n", 1);
	assert_map_ok("fingerprint SHA256:" KEY43 " alice\n", 1);
	assert_map_error("spki sha256:" KEY43 " alice\n", "map:1: pattern: spki");
	assert_map_error("spki SHA256:" KEY43 "= alice\n", "map:1: pattern: spki");
	assert_map_error("spki SHA256:" KEY43 "A alice\n", "map:1: pattern: spki");
	assert_map_error("fingerprint SHA256:A alice\n", "map:1: pattern: fingerprint");
	assert_map_error("fingerprint 00:11:22 alice\n", "map:1: pattern: fingerprint");
	/* the last character has two bits that are always zero */
	assert_map_error("spki SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB alice\n",
	    "map:1: pattern: spki");
	assert_map_error("spki SHA256:AAAAAAAAAAAAAAAAAAAA-AAAAAAAAAAAAAAAAAAAAAA alice\n",
	    "map:1: pattern: spki");
	assert_map_ok("policy 1.3.6.1.4.1.99999.1 alice\n", 1);
	assert_map_error("policy anyPolicy alice\n", "map:1: pattern: policy");
	assert_map_error("policy 1.3.06 alice\n", "map:1: pattern: policy");
	assert_map_error("policy 1 alice\n", "map:1: pattern: policy");
}

static void
wrong_wildcards_and_escapes_are_refused(void **state)
{
	(void)state;
	assert_map_ok("email {user}@*.corp.example {user}\n", 1);
	assert_map_ok("cn {a}b{c} alice\n", 1);
	assert_map_error("cn {a}{b} alice\n", "map:1: pattern: two wildcards side by side");
	assert_map_error("cn ** alice\n", "map:1: pattern: two wildcards");
	assert_map_error("cn *{a} alice\n", "map:1: pattern: two wildcards");
	assert_map_error("cn {a}.{a} alice\n", "map:1: pattern: {a} comes twice");
	assert_map_error("subject CN={a},O={a} alice\n", "map:1: pattern: {a} comes twice");
	assert_map_error("cn {} alice\n", "map:1: pattern: { begins no {name}");
	assert_map_error("cn {a alice\n", "map:1: pattern: { begins no {name}");
	assert_map_error("cn {1a} alice\n", "map:1: pattern: { begins no {name}");
	assert_map_error("cn {a-b} alice\n", "map:1: pattern: { begins no {name}");
	assert_map_error("cn {aaaaaaaaaabbbbbbbbbbccccccccccddd} alice\n", "map:1: pattern: {");
	assert_map_ok("cn {aaaaaaaaaabbbbbbbbbbccccccccccdd} alice\n", 1);
	assert_map_ok("cn a}b alice\n", 1);
	assert_map_error("cn a\\b alice\n", "map:1: pattern: a backslash");
	assert_map_error("cn a\\ alice\n", "map:1: pattern: a backslash");
	assert_map_error("cn a\\, alice\n", "map:1: pattern: a backslash");
	assert_map_ok(
	    "cn {a}.{b}.{c}.{d}.{e}.{f}.{g}.{h}.{i}.{j}.{k}.{l}.{m}.{n}.{o}.{p} {p}\n", 1);
	assert_map_error(
	    "cn {a}.{b}.{c}.{d}.{e}.{f}.{g}.{h}.{i}.{j}.{k}.{l}.{m}.{n}.{o}.{p}.{q} x\n",
	    "map:1: pattern: more than 16 captures");
}

static void
names_are_parsed_rdn_by_rdn(void **state)
{
	(void)state;
	assert_map_ok("subject \"CN=Alice Ng,OU=Operations,O=Corp\" alice\n", 1);
	assert_map_ok("issuer CN=*,O=Corp alice\n", 1);
	assert_map_error(
	    "subject Alice alice\n", "map:1: pattern: distinguished name: no TYPE=VALUE");
	assert_map_error("subject \"CN=A, O=B\" alice\n", "map:1: pattern: distinguished name:");
	assert_map_error("subject CN=a,XY=b alice\n",
	    "map:1: pattern: distinguished name: unknown attribute type");
	assert_map_error("subject {t}=a alice\n", "map:1: pattern: distinguished name:");
	assert_map_error("subject CN=a\\ alice\n", "map:1: pattern: a backslash");
	assert_map_error(
	    "subject CN=a\\01 alice\n", "map:1: pattern: distinguished name: an escaped");
	assert_map_error("subject /CN=a.*/ alice\n",
	    "map:1: pattern: an expression on subject, which is compared RDN by RDN; allowed are a "
	    "name, or the fields cn, ou and o");
	assert_map_error("issuer /CN=a/ alice\n", "map:1: pattern: an expression on issuer");
}

static void
expressions_are_compiled_when_read(void **state)
{
	(void)state;
	assert_map_ok("cn /a/ alice\n", 1);
	assert_map_ok("cn /a\\/b/ alice\n", 1);
	assert_map_error("cn // alice\n", "map:1: pattern: / begins");
	assert_map_error("cn / alice\n", "map:1: pattern: / begins");
	assert_map_error("cn /a alice\n", "map:1: pattern: / begins");
	assert_map_error("cn /a b/ alice\n", "map:1: pattern: / begins");
	assert_map_error("cn /a(/ alice\n", "map:1: pattern: expression, at byte 3: missing");
	assert_map_error("cn /a\\/ alice\n", "map:1: pattern: expression, at byte");
	assert_map_error("cn /\\C/ alice\n", "map:1: pattern: expression, at byte");
}

static void
accounts_are_portable_names_templates_or_deny(void **state)
{
	(void)state;
	assert_map_ok("cn a alice,ops,_x,a.b-c,0x\n", 1);
	assert_map_ok("cn {a} {a},x-{a}_y\n", 1);
	assert_map_ok("cn a abcdefghijklmnopqrstuvwxyz012345\n", 1);
	assert_map_error("cn a abcdefghijklmnopqrstuvwxyz0123456\n",
	    "map:1: accounts: a name of 33 bytes, at most 32");
	assert_map_error("cn a alice,\n", "map:1: accounts: an empty name");
	assert_map_error("cn a ,alice\n", "map:1: accounts: an empty name");
	assert_map_error("cn a alice,,bob\n", "map:1: accounts: an empty name");
	assert_map_error("cn a -x\n", "map:1: accounts: \"-x\", allowed in a name");
	assert_map_error("cn a alice,b/c\n", "map:1: accounts: \"b/c\"");
	assert_map_error("cn a al*\n", "map:1: accounts: \"al*\"");
	assert_map_error("cn a j\xc3\xbcrgen\n", "map:1: accounts:");
	assert_map_error("cn a \"a b\"\n", "map:1: accounts:");
	assert_map_error("cn a {x\n", "map:1: accounts: { begins no {name}");
	assert_map_ok("cn a deny\n", 1);
	assert_map_error("cn a Deny\n", "map:1: accounts: \"Deny\", allowed is deny alone");
	assert_map_error("cn a alice,deny\n", "map:1: accounts: \"deny\", allowed is deny alone");
	assert_map_error("cn a DENY,alice\n", "map:1: accounts: \"DENY\", allowed is deny alone");
	assert_map_ok("cn a deny2,denys\n", 1);
}

static void
names_in_accounts_must_be_captured(void **state)
{
	(void)state;
	assert_map_ok("cn {a}.{b} {b}\n", 1);
	assert_map_error("cn a {b}\n", "map:1: accounts: {b} is not captured");
	assert_map_error("cn {a} {b}\n", "map:1: accounts: {b} is not captured");
	assert_map_error("cn * {a}\n", "map:1: accounts: {a} is not captured");
	assert_map_ok("cn /(?<env>x)(y)/ deploy-{env},{env}\n", 1);
	assert_map_error(
	    "cn /(?<env>x)/ {envi}\n", "map:1: accounts: {envi} needs exactly one group");
	assert_map_error(
	    "cn /(?J)(?<e>x)|(?<e>y)/ {e}\n", "map:1: accounts: {e} needs exactly one");
	assert_map_error("cn /(x)/ {1}\n", "map:1: accounts: { begins no");
}

static void
options_are_known_and_come_once(void **state)
{
	(void)state;
	assert_map_ok("cn a alice trust=corp service=sshd,sudo from=10.0.0.0/8,::1 "
		      "issuer=\"CN=CI CA,O=Corp\" policy=1.2.3,1.2.4 # all\n",
	    1);
	assert_map_ok("cn a alice \"issuer=CN=CI CA,O=Corp\"\n", 1);
	assert_map_error("cn a alice servic=sshd\n",
	    "map:1: option: \"servic\" is unknown, allowed are trust service from issuer policy "
	    "bind "
	    "key max-session");
	assert_map_error("cn a alice Service=sshd\n", "map:1: option: \"Service\" is unknown");
	assert_map_error("cn a alice service\n", "map:1: option: \"service\" is no NAME=VALUE");
	assert_map_error("cn a alice =sshd\n", "map:1: option: \"\" is unknown");
	assert_map_error("cn a alice bob\n", "map:1: option: \"bob\" is no NAME=VALUE");
	assert_map_ok("cn a alice max-session=1\ncn b bob max-session=2592000\n", 2);
	assert_map_error("cn a alice max-session=0\n", "map:1: max-session: \"0\", allowed are 1");
	assert_map_error("cn a alice max-session=2592001\n", "map:1: max-session: \"2592001\"");
	assert_map_error("cn a alice max-session=060\n", "map:1: max-session: \"060\"");
	assert_map_error("cn a alice max-session=60s\n", "map:1: max-session: \"60s\"");
	assert_map_error("cn a alice max-session=-1\n", "map:1: max-session: \"-1\"");
	assert_map_error("cn a alice max-session=99999999999\n", "map:1: max-session: \"999");
	assert_map_error("cn a alice max-session=1 max-session=1\n", "map:1: max-session: given");
	assert_map_error("cn a deny max-session=60\n", "map:1: max-session: a deny rule");
	assert_map_error("cn a alice service=sshd service=sudo\n", "map:1: service: given twice");
	assert_map_error("cn a alice from=::1 from=::1\n", "map:1: from: given twice");
	assert_map_error("cn a alice trust=corp trust=corp\n", "map:1: trust: given twice");
	assert_map_error("cn a alice service=\n", "map:1: service: empty");
	assert_map_error("cn a alice service=\"\"\n", "map:1: service: empty");
	assert_map_error("cn a alice from=\n", "map:1: from: empty");
	assert_map_error("cn a alice service=sshd,\n", "map:1: service: an empty item");
	assert_map_error("cn a alice service=,sshd\n", "map:1: service: an empty item");
	assert_map_error("cn a alice service=ssh/d\n", "map:1: service: \"ssh/d\", allowed is");
	assert_map_error("cn a alice policy=1.2.x\n", "map:1: policy: \"1.2.x\", allowed is");
	assert_map_error("cn a alice issuer=corp\n", "map:1: issuer: pattern: distinguished name");
	assert_map_error("cn a alice issuer=/x/\n", "map:1: issuer: pattern: an expression");
	assert_map_error(
	    "cn a alice issuer=CN={x}\n", "map:1: issuer: pattern: {x} captures nothing");
	assert_map_error("cn a deny service=sshd service=sudo\n", "map:1: service: given twice");
}

static void
networks_are_written_exactly(void **state)
{
	static const char *const bad[] = { "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08",
		"10.0.0.0/+8", "10.0.0.0/8x", "10.0.0", "010.0.0.1", "10.0.0.0/8/8", "localhost",
		"::1/129", "2001:db8::1/64", "fe80::1%lo", "[::1]", "0x7f000001", "10.0.0.0/-1",
		"::ffff:10.0.0.1/104", "::ffff:10.0.0.0/95", "10.0.0.0/9999999999", "*", "10.*" };
	char text[100], want[100];

	(void)state;
	assert_map_ok("cn a alice from=10.0.0.0/8,10.0.0.1,10.0.0.1/32,0.0.0.0/0,::/0,::1/128,"
		      "2001:db8::/32,::ffff:10.0.0.0/104,::ffff:0.0.0.0/96\n",
	    1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "cn a alice from=::1,%s\n", bad[i]);
		snprintf(want, sizeof(want), "map:1: from: \"%s\"", bad[i]);
		assert_map_error(text, want);
	}
	assert_map_error("cn a alice from=10.0.0.1,\n", "map:1: from: an empty item");
}

static void
with_two_sections_each_rule_names_its_own(void **state)
{
	struct idmap_config c = { .sections = two_sections, .nsections = 2 };
	static const char without[] = "cn a alice trust=corp\ncn b bob\n";
	static const char deny[] = "cn a deny\n";
	struct idmap *m;
	struct err e = { 0 };

	(void)state;
	assert_null(idmap_parse("map", (const uint8_t *)without, strlen(without), &c, &e));
	assert_string_equal("map:2: trust: missing, with more than one trust section each rule "
			    "needs trust=SECTION",
	    e.text);
	assert_null(idmap_parse("map", (const uint8_t *)deny, strlen(deny), &c, &e));
	m = map_of(
	    "cn a alice trust=corp\ncn b bob trust=corp,partner\ncn x deny trust=partner\n", 2);
	assert_int_equal(3, idmap_nrules(m));
	idmap_free(m);
	assert_map_error("cn a alice trust=other\n", "map:1: trust: there is no section \"other\"");
	assert_map_error("cn a alice trust=Corp\n", "map:1: trust: there is no section \"Corp\"");
	assert_map_error("cn a alice trust=corp,\n", "map:1: trust: an empty item");
	assert_map_ok("cn a alice\n", 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blank_lines_and_comments_are_no_rules),
		cmocka_unit_test(a_text_without_its_last_newline_is_refused),
		cmocka_unit_test(bytes_that_are_not_text_are_refused),
		cmocka_unit_test(a_line_has_its_longest_length),
		cmocka_unit_test(quotes_hold_blanks_and_two_escapes),
		cmocka_unit_test(fields_are_whole_words),
		cmocka_unit_test(literals_with_a_known_form_are_held_to_it),
		cmocka_unit_test(wrong_wildcards_and_escapes_are_refused),
		cmocka_unit_test(names_are_parsed_rdn_by_rdn),
		cmocka_unit_test(expressions_are_compiled_when_read),
		cmocka_unit_test(accounts_are_portable_names_templates_or_deny),
		cmocka_unit_test(names_in_accounts_must_be_captured),
		cmocka_unit_test(options_are_known_and_come_once),
		cmocka_unit_test(networks_are_written_exactly),
		cmocka_unit_test(with_two_sections_each_rule_names_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
