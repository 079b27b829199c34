/* test_conf_jump.c - targets with mode = "jump", and what belongs to them */
#include "tests/unit/sshbridge/monitor/conf_help.h"

#define REST LISTEN TLS TRUST MAP
/* A jump target with these options besides the least; they stand in line 5. */
#define JUMP(options) REST "target \"jump\" { mode = \"jump\" host-keys = {\"key\"} " options " }\n"

static void
what_a_jump_target_does_not_say_has_its_default(void **state)
{
	struct conf *c = parse_good(JUMP(""));
	const struct settings *s = &c->settings;
	const struct settings_target *t = &s->targets[0];

	(void)state;
	assert_int_equal(TARGET_JUMP, t->mode);
	assert_int_equal(1, t->nhost_keys);
	assert_int_equal(1, c->target[0].host_keys.n);
	assert_string_equal("/etc/sshbridge/key", c->target[0].host_keys.v[0]);
	assert_null(c->target[0].authorized_keys);
	assert_int_equal(SSH_KEYS_BOUND, t->ssh_keys);
	assert_int_equal(1, t->aes_gcm);
	assert_string_equal("", t->pam);
	assert_string_equal("", t->banner);
	assert_int_equal(SOURCE_PER_IDENTITY, t->source);
	assert_int_equal(600, t->reauth);
	assert_int_equal(30, s->login_timeout);
	assert_int_equal(256, s->channels);
	assert_int_equal(0, s->njump_networks);
	conf_free(c);
}

static void
what_a_jump_target_says_is_taken(void **state)
{
	struct conf *c = parse_good(REST
	    "target \"first\" { address = \"127.0.0.1:22\" }\n"
	    "target \"jump\" { host-keys = {\"/k/ed\", \"rsa\"} authorized-keys = \"keys.d/%u\" "
	    "pam = \"bridge-jump\" aes-gcm = \"no\" banner = {\"Only for us.\", \"Logged.\"} "
	    "mode = \"jump\" }\n"
	    "jump-networks = {\"10.0.0.0/8\", \"2001:db8::7\"}\n"
	    "limits { login-timeout = 90 channels = 12 }\n");
	const struct settings_target *t = &c->settings.targets[1];

	(void)state;
	assert_int_equal(2, t->nhost_keys);
	assert_string_equal("/k/ed", c->target[1].host_keys.v[0]);
	assert_string_equal("/etc/sshbridge/rsa", c->target[1].host_keys.v[1]);
	assert_string_equal("/etc/sshbridge/keys.d", c->target[1].authorized_keys);
	assert_int_equal(SSH_KEYS_EITHER, t->ssh_keys);
	assert_string_equal("bridge-jump", t->pam);
	assert_int_equal(0, t->aes_gcm);
	assert_string_equal("Only for us.\nLogged.\n", t->banner);
	assert_int_equal(2, c->settings.njump_networks);
	assert_int_equal(8, c->settings.jump_networks[0].prefix);
	assert_int_equal(128, c->settings.jump_networks[1].prefix);
	assert_int_equal(90, c->settings.login_timeout);
	assert_int_equal(12, c->settings.channels);
	conf_free(c);
}

static void
an_option_stands_with_its_mode_only(void **state)
{
	static const char *const jump[] = { "host-keys = {\"k\"}", "ssh-keys = \"certificate\"",
		"authorized-keys = \"k/%u\"", "pam = \"x\"", "aes-gcm = \"yes\"",
		"banner = {\"x\"}" };
	char text[700], want[80];

	(void)state;
	refused(JUMP("address = \"127.0.0.1:22\""), 5,
	    "target \"jump\": address: not with mode = \"jump\", allowed: with \"forward\"");
	for (size_t i = 0; i < sizeof(jump) / sizeof(jump[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    "%starget \"t\" { address = \"127.0.0.1:22\" %s }\n", REST, jump[i]);
		(void)snprintf(want, sizeof(want),
		    "%.*s: not with mode = \"forward\", allowed: with \"jump\"",
		    (int)strcspn(jump[i], " "), jump[i]);
		refused(text, 5, want);
	}
	refused(REST "target \"t\" { mode = \"jump\" }\n", 5, "host-keys: missing, must be given");
	refused(REST "target \"t\" { mode = \"forward\" }\n", 5, "address: missing, must be given");
}

static void
ssh_keys_must_have_a_place_where_they_are_listed(void **state)
{
	(void)state;
	accepted(JUMP("ssh-keys = \"certificate\""));
	accepted(JUMP("ssh-keys = \"authorized-keys\" authorized-keys = \"a/%u\""));
	accepted(JUMP("ssh-keys = \"either\" authorized-keys = \"a/%u\""));
	refused(JUMP("ssh-keys = \"either\""), 5, "ssh-keys: nothing lists keys, allowed: ");
	refused(JUMP("ssh-keys = \"authorized-keys\""), 5, "ssh-keys: nothing lists keys");
	accepted(JUMP("ssh-keys = \"certificate\" authorized-keys = \"a/%u\""));
}

static void
authorized_keys_is_a_folder_and_the_account(void **state)
{
	static const char *const bad[] = { "%u", "/%u", "keys", "keys/", "keys/%u/", "keys/%uu",
		"keys/%u.pub", "%u/%u", "ke%ys/%u", "keys/%h", "keys/%%u",
		"/home/%u/.ssh/authorized_keys", "" };
	char text[700];

	(void)state;
	accepted(JUMP("authorized-keys = \"/etc/sshbridge/authorized_keys.d/%u\""));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    REST "target \"jump\" { mode = \"jump\" host-keys = {\"key\"} "
			 "authorized-keys = \"%s\" }\n",
		    bad[i]);
		refused(text, 5, "authorized-keys: ");
	}
}

static void
pam_is_the_name_of_a_service(void **state)
{
	(void)state;
	accepted(JUMP("pam = \"sshbridge\""));
	accepted(JUMP("pam = \"a12345678901234567890123456789012345678901234567890123456789012\""));
	refused(JUMP("pam = \"a123456789012345678901234567890123456789012345678901234567890123\""),
	    5, "pam: ");
	refused(JUMP("pam = \"\""), 5, "pam: ");
	refused(JUMP("pam = \"../login\""), 5, "pam: ");
	refused(JUMP("pam = \".x\""), 5, "pam: ");
}

static void
a_banner_has_at_most_1000_bytes_of_clean_text(void **state)
{
	char text[1600], line[1100];

	(void)state;
	for (int n = 999; n <= 1000; n++) {
		memset(line, 'x', sizeof(line));
		line[n] = '\0';
		(void)snprintf(text, sizeof(text),
		    REST
		    "target \"jump\" { mode = \"jump\" host-keys = {\"key\"} banner = {\"%s\"} }\n",
		    line);
		if (n == 999)
			accepted(text);
		else
			refused(text, 5, "banner: longer than allowed: at most 1000 bytes");
	}
	accepted(JUMP("banner = {\"Zugang nur für Befugte\"}"));
	accepted(JUMP("banner = {\"\"}"));
	refused(JUMP("banner = {\"a\xc2\x9b 31m\"}"), 5, "banner: ");
	refused(JUMP("banner = {\"a\xff\"}"), 5, "banner: ");
	refused(JUMP("banner = {\"a\x1b[31m\"}"), 5, "control character");
}

static void
host_keys_are_one_to_four_and_differ(void **state)
{
	(void)state;
	accepted(
	    REST "target \"j\" { mode = \"jump\" host-keys = {\"a\", \"b\", \"c\", \"d\"} }\n");
	refused(REST
	    "target \"j\" { mode = \"jump\" host-keys = {\"a\", \"b\", \"c\", \"d\", \"e\"} }\n",
	    5, "host-keys: too many values, allowed: 1 to 4");
	refused(REST "target \"j\" { mode = \"jump\" host-keys = {} }\n", 5,
	    "host-keys: an empty list");
	refused(REST "target \"j\" { mode = \"jump\" host-keys = {\"a\", \"/etc/sshbridge/a\"} }\n",
	    5, "host-keys: \"/etc/sshbridge/a\" is there twice");
}

static void
jump_networks_are_networks(void **state)
{
	static const char *const bad[] = { "10.0.0.1/8", "10/8", "10.0.0.0/33", "host.example",
		"::1/129", "010.0.0.0/8", "10.0.0.0/08", "" };
	char text[600];

	(void)state;
	accepted(JUMP("") "jump-networks = {\"0.0.0.0/0\", \"::/0\", \"127.0.0.1\"}\n");
	accepted(JUMP("") "jump-networks = {}\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "%sjump-networks = {\"%s\"}\n", JUMP(""), bad[i]);
		refused(text, 6, "jump-networks: ");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_jump_target_does_not_say_has_its_default),
		cmocka_unit_test(what_a_jump_target_says_is_taken),
		cmocka_unit_test(an_option_stands_with_its_mode_only),
		cmocka_unit_test(ssh_keys_must_have_a_place_where_they_are_listed),
		cmocka_unit_test(authorized_keys_is_a_folder_and_the_account),
		cmocka_unit_test(pam_is_the_name_of_a_service),
		cmocka_unit_test(a_banner_has_at_most_1000_bytes_of_clean_text),
		cmocka_unit_test(host_keys_are_one_to_four_and_differ),
		cmocka_unit_test(jump_networks_are_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
