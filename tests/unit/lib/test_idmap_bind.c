/* test_idmap_bind.c - bind= and key=: the SSH key that a rule wants beside the certificate */
#include "idmap_help.h"
#include "tests/unit/help/sshkeys.h"

/* Fingerprints of three keys, and the keys. */
#define FP0 "SHA256:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
#define FP1 "SHA256:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI"
#define FP2 "SHA256:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM"

static struct keyset
keys(const char *bytes)
{
	struct keyset k = { .n = (uint32_t)strlen(bytes) };

	for (uint32_t i = 0; i < k.n; i++)
		memset(k.sha256[i], bytes[i], 32);
	return k;
}

/* alice asks for her account; known: bytes of her keys, or NULL; own: that of the certificate. */
static enum idmap_verdict
login(const char *map, const char *known, const char *own, const char *listed, bool bound_only)
{
	struct idmap *m = map_of(map, 1);
	struct identity *id = id_of(ID_CN, "alice", 0);
	struct keyset k = keys(known == NULL ? "" : known);
	struct sockaddr_storage from;
	struct idmap_rule_info rule;
	uint8_t own_key[32];
	struct idmap_query q = { .id = id,
		.sections = one_section,
		.nsections = 1,
		.from = (struct sockaddr *)&from,
		.account = "alice",
		.has_uid = true,
		.uid = 1001,
		.service = "sshd",
		.keys = known == NULL ? NULL : &k,
		.own_key = own == NULL ? NULL : own_key,
		.bound_only = bound_only };
	enum idmap_verdict v;

	address_set(&from, "192.0.2.1");
	if (own != NULL)
		memset(own_key, own[0], sizeof(own_key));
	if (listed != NULL)
		id_add(id, ID_SSH_KEY, listed);
	v = idmap_who(m, &q, &rule);
	identity_free(id);
	idmap_free(m);
	return v;
}

static void
the_words_of_bind_are_known_and_stand_alone(void **state)
{
	(void)state;
	idmap_free(map_of("cn a alice bind=same-key\ncn a alice bind=extension\n"
			  "cn a alice bind=any\ncn a alice bind=listed key=" FP0 "\n"
			  "cn a alice key=" FP0 "," FP1 " bind=listed\n",
	    1));
	assert_map_error("cn a alice bind=same\n", "map:1: bind: \"same\", allowed is one of");
	assert_map_error("cn a alice bind=Any\n", "map:1: bind: \"Any\", allowed is one of");
	assert_map_error("cn a alice bind=same-key,any\n", "map:1: bind: \"same-key,any\"");
	assert_map_error("cn a alice bind=\n", "map:1: bind: empty");
	assert_map_error("cn a alice bind=any bind=any\n", "map:1: bind: given twice");
	assert_map_error("cn a alice bind=listed\n", "map:1: bind: listed without key=");
	assert_map_error("cn a alice key=" FP0 "\n", "map:1: key: without bind=listed");
	assert_map_error("cn a alice bind=any key=" FP0 "\n", "map:1: key: without bind=listed");
	assert_map_error(
	    "cn a alice bind=same-key key=" FP0 "\n", "map:1: key: without bind=listed");
	assert_map_error("cn a deny bind=same-key\n", "map:1: bind: not on a rule that denies");
	assert_map_error(
	    "cn a deny key=" FP0 " bind=listed\n", "map:1: key: not on a rule that denies");
}

static void
a_fingerprint_has_one_spelling(void **state)
{
	static const char *const bad[] = {
		"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",	       /* no SHA256: */
		"SHA256:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ",   /* 42 */
		"SHA256:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEE", /* 44 */
		"SHA256:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQF",  /* spare bits set */
		"SHA256:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=",
		"SHA256:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB-QE",
		"sha256:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
		"MD5:01:01:01:01:01:01:01:01:01:01:01:01:01:01:01:0",
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(sshkeys) / sizeof(sshkeys[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "cn a alice bind=listed key=%s\n", sshkeys[i].sha256);
		idmap_free(map_of(text, 1));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "cn a alice bind=listed key=%s\n", bad[i]);
		assert_map_error(text, "map:1: key: \"");
	}
	assert_map_error("cn a alice bind=listed key=" FP0 ",\n", "map:1: key: an empty item");
}

static void
each_kind_takes_its_key_and_no_other(void **state)
{
	static const char same[] = "cn alice alice bind=same-key\n",
			  ext[] = "cn alice alice bind=extension\n",
			  listed[] = "cn alice alice bind=listed key=" FP1 "," FP0 "\n";

	(void)state;
	assert_int_equal(IDMAP_YES, login(same, "\1", "\1", FP1, false));
	assert_int_equal(IDMAP_NO_KEY, login(same, "\2", "\1", FP1, false));
	assert_int_equal(IDMAP_YES, login(ext, "\2", "\1", FP1, false));
	assert_int_equal(IDMAP_NO_KEY, login(ext, "\1", "\1", FP1, false));
	assert_int_equal(IDMAP_YES, login(listed, "\1", "\3", FP2, false));
	assert_int_equal(IDMAP_YES, login(listed, "\2", "\3", FP2, false));
	assert_int_equal(IDMAP_NO_KEY, login(listed, "\3", "\3", FP2, false));
}

/* AuthenticationMethods publickey,publickey: each key is proved, one that fits is enough. */
static void
of_several_keys_one_is_enough_and_none_is_not(void **state)
{
	static const char same[] = "cn alice alice bind=same-key\n";

	(void)state;
	assert_int_equal(IDMAP_YES, login(same, "\2\1", "\1", NULL, false));
	assert_int_equal(IDMAP_YES, login(same, "\1\2", "\1", NULL, false));
	assert_int_equal(IDMAP_NO_KEY, login(same, "\2\3", "\1", NULL, false));
	assert_int_equal(IDMAP_NO_KEY, login(same, "", "\1", NULL, false));
}

static void
an_unknown_key_is_told_from_one_that_can_never_fit(void **state)
{
	static const char same[] = "cn alice alice bind=same-key\n",
			  ext[] = "cn alice alice bind=extension\n",
			  listed[] = "cn alice alice bind=listed key=" FP0 "\n";

	(void)state;
	assert_int_equal(IDMAP_KEY_UNKNOWN, login(same, NULL, "\1", NULL, false));
	assert_int_equal(IDMAP_NO_KEY, login(same, NULL, NULL, NULL, false));
	assert_int_equal(IDMAP_NO_KEY, login(same, "\1", NULL, NULL, false));
	assert_int_equal(IDMAP_KEY_UNKNOWN, login(ext, NULL, "\1", FP1, false));
	assert_int_equal(IDMAP_NO_KEY, login(ext, NULL, "\1", NULL, false));
	assert_int_equal(IDMAP_NO_KEY, login(ext, "\1", "\1", NULL, false));
	assert_int_equal(IDMAP_KEY_UNKNOWN, login(listed, NULL, NULL, NULL, false));
}

static void
one_rule_for_any_key_is_enough_in_either_order(void **state)
{
	static const char *const maps[] = {
		"cn alice alice bind=same-key\ncn alice alice\n",
		"cn alice alice\ncn alice alice bind=same-key\n",
		"cn alice alice bind=same-key\ncn alice alice bind=any\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		assert_int_equal(IDMAP_YES, login(maps[i], NULL, "\1", NULL, false));
		assert_int_equal(IDMAP_YES, login(maps[i], "\2", "\1", NULL, false));
		assert_int_equal(IDMAP_YES, login(maps[i], "", NULL, NULL, false));
	}
}

static void
the_other_options_of_the_rule_must_hold_too(void **state)
{
	static const char map[] = "cn alice alice bind=same-key service=sudo\n";

	(void)state;
	assert_int_equal(IDMAP_NO_OPTION, login(map, "\1", "\1", NULL, false));
	assert_int_equal(IDMAP_NO_OPTION, login(map, NULL, "\1", NULL, false));
	assert_int_equal(
	    IDMAP_NO_ACCOUNT, login("cn alice bob bind=same-key\n", "\1", "\1", NULL, false));
	assert_int_equal(IDMAP_DENY,
	    login("cn alice alice bind=same-key\ncn alice deny\n", "\1", "\1", NULL, false));
	/* the other rule's key does not make up for this one's account */
	assert_int_equal(IDMAP_NO_KEY,
	    login("cn alice alice bind=same-key\ncn alice bob\n", "\2", "\1", NULL, false));
}

/* mtls-keys lets sshd take the key that was offered: a rule for any key must not let it. */
static void
asked_about_the_key_alone_only_a_bound_one_is_a_yes(void **state)
{
	static const char both[] = "cn alice alice bind=same-key\ncn alice alice\n";

	(void)state;
	assert_int_equal(IDMAP_YES, login(both, "\1", "\1", NULL, true));
	assert_int_equal(IDMAP_NO_KEY, login(both, "\2", "\1", NULL, true));
	assert_int_equal(IDMAP_NO_KEY, login("cn alice alice\n", "\1", "\1", NULL, true));
	assert_int_equal(IDMAP_NO_KEY, login("cn alice alice bind=any\n", "\1", "\1", FP0, true));
	assert_int_equal(IDMAP_DENY,
	    login("cn alice alice bind=same-key\ncn alice deny\n", "\1", "\1", NULL, true));
}

/* ---- what the administrator is told ------------------------------------------------------------
 */
static char told[4096];

static void
tell(void *arg, const char *text)
{
	size_t n = strlen(told);

	(void)arg;
	(void)snprintf(told + n, sizeof(told) - n, "%s\n", text);
}

static const char *
checked(const char *map)
{
	struct idmap *m = map_of(map, 1);

	told[0] = '\0';
	idmap_check(m, 100, tell, NULL);
	idmap_free(m);
	return told;
}

static void
check_reports_an_account_that_one_rule_binds_and_another_does_not(void **state)
{
	(void)state;
	assert_string_equal("map:2: gives alice without bind=, which line 1 demands\n",
	    checked("cn a alice bind=same-key\ncn b alice bind=any\n"));
	assert_string_equal("map:1: gives alice without from= bind=, which line 2 demands\n",
	    checked("cn a alice\ncn b alice bind=listed key=" FP0 " from=10.0.0.1\n"));
	assert_string_equal("", checked("cn a alice bind=same-key\ncn b alice bind=extension\n"));
	assert_string_equal("", checked("cn a alice bind=any\ncn b alice\n"));
}

static void
explain_tells_what_key_is_wanted(void **state)
{
	struct idmap *m = map_of("cn alice alice bind=same-key\ncn alice alice bind=extension\n"
				 "cn alice alice bind=listed key=" FP0 "\ncn alice alice\n",
	    1);
	struct identity *id = id_of(ID_CN, "alice", 0);
	uint8_t own[32] = { 1 };
	struct idmap_query q = { .id = id,
		.sections = one_section,
		.nsections = 1,
		.account = "alice",
		.has_uid = true,
		.uid = 1001,
		.service = "sshd",
		.own_key = own };

	(void)state;
	told[0] = '\0';
	idmap_explain(m, &q, tell, NULL);
	assert_non_null(
	    strstr(told, "map:1: grants alice, with an SSH key for which bind=same-key"));
	assert_non_null(
	    strstr(told, "map:2: would grant alice, but there is no SSH key for which bind=ext"));
	assert_non_null(strstr(told, "map:3: grants alice, with an SSH key for which bind=listed"));
	assert_non_null(strstr(told, "map:4: grants alice (cn"));
	identity_free(id);
	idmap_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_words_of_bind_are_known_and_stand_alone),
		cmocka_unit_test(a_fingerprint_has_one_spelling),
		cmocka_unit_test(each_kind_takes_its_key_and_no_other),
		cmocka_unit_test(of_several_keys_one_is_enough_and_none_is_not),
		cmocka_unit_test(an_unknown_key_is_told_from_one_that_can_never_fit),
		cmocka_unit_test(one_rule_for_any_key_is_enough_in_either_order),
		cmocka_unit_test(the_other_options_of_the_rule_must_hold_too),
		cmocka_unit_test(asked_about_the_key_alone_only_a_bound_one_is_a_yes),
		cmocka_unit_test(check_reports_an_account_that_one_rule_binds_and_another_does_not),
		cmocka_unit_test(explain_tells_what_key_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
