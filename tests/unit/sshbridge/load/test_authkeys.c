/* test_authkeys.c - files of authorized keys through the load process; what a jump target lacks */
#include "authkeys.h"
#include "sealed.h"
#include "tests/unit/help/sshkeys.h"
#include "tests/unit/sshbridge/load/load_help.h"

void
load_text(unsigned level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

static struct records_writer w = { .max = 1 << 20 };

static void
file_add(uint32_t section, const char *path, const char *text)
{
	size_t head = strlen(path) + 1, n = head + strlen(text);
	char *p = malloc(n + 1);
	struct record r = { .kind = RECORD_AUTHFILE, .section = section, .n = n };
	struct err e;

	assert_non_null(p);
	memcpy(p, path, head);
	memcpy(p + head, text, strlen(text) + 1);
	r.p = (const uint8_t *)p;
	assert_int_equal(0, records_add(&w, &r, &e));
	free(p);
}

/* Settings with a second target, a jump that takes these keys. */
static size_t
jump_settings(uint8_t *buf, enum settings_ssh_keys keys)
{
	struct settings *s = calloc(1, sizeof(*s));
	struct err e;
	size_t n;

	assert_non_null(s);
	stage_settings(s, 22);
	s->sections[0].revocation = 1;
	s->targets[s->ntargets] = (struct settings_target){ .name = "jump",
		.mode = TARGET_JUMP,
		.source = SOURCE_SYSTEM,
		.nhost_keys = 1,
		.ssh_keys = keys };
	s->ntargets++;
	s->login_timeout = 30;
	s->channels = 16;
	assert_int_equal(0, settings_encode(s, buf, SETTINGS_BYTES_MAX, &n, &e));
	free(s);
	return n;
}

/* The records in `w`, this map, a jump target: what load says; its set of keys. */
static struct authkeys *
load(const char *map, enum settings_ssh_keys keys, char *said, size_t size)
{
	static uint8_t settings[SETTINGS_BYTES_MAX];
	struct files f = load_good();
	struct got *g = calloc(1, sizeof(*g));
	struct authkeys *k;
	struct sealed s;
	struct stage p;
	struct err e;

	assert_non_null(g);
	f.part[F_SETTINGS].p = settings;
	f.part[F_SETTINGS].n = jump_settings(settings, keys);
	f.part[F_MAP].p = map;
	f.part[F_MAP].n = strlen(map);
	f.part[F_AUTHKEYS].p = w.buf == NULL ? (const void *)"" : w.buf;
	f.part[F_AUTHKEYS].n = w.len;
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_taken(&p, g, said, size);
	assert_int_equal(7, g->nfds);
	assert_int_equal(0, sealed_map(g->fds[6], AUTHKEYS_BYTES_MAX, &s, &e));
	k = authkeys_open(&s, &e);
	assert_non_null(k);
	sealed_unmap(&s);
	load_close(g);
	free(g);
	stage_end(&p);
	records_done(&w);
	return k;
}

#define MAP "email {user}@corp.example {user} bind=same-key to=*.prod.example:22\n"

static void
keys_come_back_by_account_and_a_bad_line_is_told(void **state)
{
	char text[2000], said[3000];
	const struct authkey *found;
	struct authkeys *k;
	struct sshkey key;
	struct err e;

	(void)state;
	(void)snprintf(text, sizeof(text), "# hers\n%s %s alice@laptop\ncommand=\"x\" %s %s\n",
	    sshkeys[0].type, sshkeys[0].base64, sshkeys[1].type, sshkeys[1].base64);
	file_add(1, "/etc/keys.d/alice", text);
	file_add(1, "/etc/keys.d/bob", "");
	k = load(MAP, SSH_KEYS_EITHER, said, sizeof(said));
	assert_non_null(strstr(said, "/etc/keys.d/alice:3: not taken: option command "));
	assert_null(strstr(said, "alice:2"));
	assert_int_equal(1, authkeys_count(k));
	(void)snprintf(text, sizeof(text), "%s %s", sshkeys[0].type, sshkeys[0].base64);
	assert_int_equal(0, sshkey_parse_text(text, strlen(text), &key, &e));
	for (uint32_t target = 0; target < 2; target++) {
		struct authkeys_query q = {
			.target = target, .account = "alice", .sha256 = key.sha256
		};

		assert_int_equal(
		    target == 1 ? AUTHKEYS_YES : AUTHKEYS_NOT_LISTED, authkeys_find(k, &q, &found));
		q.account = "bob";
		assert_int_equal(AUTHKEYS_NOT_LISTED, authkeys_find(k, &q, &found));
	}
	authkeys_free(k);
}

/* A time without Z needs the time zone, inside the sandbox. */
static void
a_local_time_is_taken_within_the_sandbox(void **state)
{
	char text[1000], said[3000];
	struct authkeys *k;

	(void)state;
	(void)snprintf(text, sizeof(text), "expiry-time=\"20300101\" %s %s\n", sshkeys[0].type,
	    sshkeys[0].base64);
	file_add(1, "/k/alice", text);
	k = load(MAP, SSH_KEYS_LISTED, said, sizeof(said));
	assert_int_equal(1, authkeys_count(k));
	authkeys_free(k);
}

static void
of_many_bad_lines_twenty_are_told(void **state)
{
	char text[1000] = "", said[6000];
	const char *p;
	int n = 0;

	(void)state;
	for (int i = 0; i < 30; i++)
		(void)strcat(text, "x\n");
	file_add(1, "/k/alice", text);
	authkeys_free(load(MAP, SSH_KEYS_EITHER, said, sizeof(said)));
	for (p = said; (p = strstr(p, "not taken: ")) != NULL; p++)
		n++;
	assert_int_equal(20, n);
	assert_non_null(strstr(said, "authorized keys: 10 lines more are not taken"));
}

static void
records_that_are_none_are_refused(void **state)
{
	static const struct {
		uint32_t kind, section;
		const char *p;
		size_t n;
	} rows[] = {
		{ RECORD_AUTHKEY, 1, "/k/alice\0", 9 },
		{ RECORD_AUTHFILE, 1, "/k/alice", 8 },
		{ RECORD_AUTHFILE, 1, "alice\0", 6 },
		{ RECORD_AUTHFILE, 1, "/k/\0", 4 },
		{ RECORD_AUTHFILE, 1, "/k/a b\0", 7 },
		{ RECORD_AUTHFILE, 2, "/k/alice\0", 9 },
		{ RECORD_AUTHFILE, 1, "", 0 },
	};
	static uint8_t settings[SETTINGS_BYTES_MAX];
	struct stage p;
	char why[512];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct files f = load_good();
		struct record r = { .kind = rows[i].kind,
			.section = rows[i].section,
			.p = (const uint8_t *)rows[i].p,
			.n = rows[i].n };

		assert_int_equal(0, records_add(&w, &r, &e));
		f.part[F_SETTINGS].p = settings;
		f.part[F_SETTINGS].n = jump_settings(settings, SSH_KEYS_EITHER);
		f.part[F_AUTHKEYS].p = w.buf;
		f.part[F_AUTHKEYS].n = w.len;
		stage_start(&p, "load");
		load_send_all(&p, &f);
		load_refused(&p, why, sizeof(why));
		assert_string_equal("authorized keys: malformed record", why);
		records_done(&w);
	}
}

static void
a_set_without_authorized_keys_is_refused(void **state)
{
	struct files f = load_good();
	struct stage p;
	char why[512];

	(void)state;
	f.part[F_AUTHKEYS].kind = 0;
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_refused(&p, why, sizeof(why));
	assert_string_equal("FILES: no authorized keys", why);
}

static void
a_jump_that_lets_nobody_in_or_anywhere_is_told(void **state)
{
	static const char no_bind[] = "email {user}@corp.example {user} to=*.prod.example:22\n";
	static const char no_to[] = "email {user}@corp.example {user} bind=same-key\n";
	static const struct {
		const char *map;
		enum settings_ssh_keys keys;
		bool bind, listed, to; /* what is missing */
	} rows[] = {
		{ MAP, SSH_KEYS_BOUND, false, false, false },
		{ MAP, SSH_KEYS_EITHER, false, false, false },
		{ MAP, SSH_KEYS_LISTED, false, true, false },
		{ no_bind, SSH_KEYS_BOUND, true, false, false },
		{ no_bind, SSH_KEYS_EITHER, false, false, false },
		{ no_to, SSH_KEYS_BOUND, false, false, true },
	};
	char said[3000];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		authkeys_free(load(rows[i].map, rows[i].keys, said, sizeof(said)));
		assert_int_equal(
		    rows[i].bind, strstr(said, "no rule of the map has bind=") != NULL);
		assert_int_equal(
		    rows[i].listed, strstr(said, "authorized-keys lists no key") != NULL);
		assert_int_equal(rows[i].to, strstr(said, "no rule of the map has to=") != NULL);
	}
}

static void
targets_without_a_jump_are_told(void **state)
{
	struct files f = load_good();
	struct got *g = calloc(1, sizeof(*g));
	char said[3000];
	struct stage p;

	(void)state;
	assert_non_null(g);
	f.part[F_MAP].p = MAP;
	f.part[F_MAP].n = strlen(MAP);
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_taken(&p, g, said, sizeof(said));
	assert_non_null(strstr(said, "rules of the map have to=, but there is no target"));
	load_close(g);
	free(g);
	stage_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_come_back_by_account_and_a_bad_line_is_told),
		cmocka_unit_test(a_local_time_is_taken_within_the_sandbox),
		cmocka_unit_test(of_many_bad_lines_twenty_are_told),
		cmocka_unit_test(records_that_are_none_are_refused),
		cmocka_unit_test(a_set_without_authorized_keys_is_refused),
		cmocka_unit_test(a_jump_that_lets_nobody_in_or_anywhere_is_told),
		cmocka_unit_test(targets_without_a_jump_are_told),
	};

	return cmocka_run_group_tests(tests, load_pki_setup, load_pki_teardown);
}
