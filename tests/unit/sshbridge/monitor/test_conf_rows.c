/* test_conf_rows.c - each row of the table: its range from both sides, its default, -T, the manual
 */
#include "tests/unit/sshbridge/monitor/conf_help.h"

/* A value for an option that must be there. */
static const char *
needed_value(const struct conf_row *r)
{
	return r->type == CONF_ADDRESS ? "\"h.example:22\"" : "\"file.pem\"";
}

/* The mode of the target, whether `row` is one of its options or the mode itself. */
static uint32_t
mode_for(const struct conf_row *row, const char *value)
{
	if (strcmp(row->name, "mode") == 0)
		return strcmp(value, "\"jump\"") == 0 ? TARGET_JUMP : TARGET_FORWARD;
	return row->modes == 1U << TARGET_JUMP ? TARGET_JUMP : TARGET_FORWARD;
}

/* Append "NAME = VALUE" of each needed row of `section`, and `value` for `row` if not NULL. */
static size_t
put_rows(char *text, size_t size, enum conf_section section, const struct conf_row *row,
    const char *value)
{
	uint32_t mode = mode_for(row, value);
	size_t n = 0;

	if (section == CONF_TARGET && mode == TARGET_JUMP && strcmp(row->name, "mode") != 0)
		n = (size_t)snprintf(text, size, "mode = \"jump\"\n");
	for (int i = 0; i < CONF_NROWS; i++) {
		const struct conf_row *r = &conf_rows[i];
		bool needed = r->required && (r->modes == 0 || (r->modes & 1U << mode) != 0);

		if (r->section != section || (r != row && !needed))
			continue;
		n += (size_t)snprintf(
		    text + n, size - n, "%s = %s\n", r->name, r == row ? value : needed_value(r));
	}
	return n;
}

/* A least configuration in which `row` has `value` (as written). */
static char *
text_with(const struct conf_row *row, const char *value)
{
	static const char *const titles[CONF_NSECTIONS] = { NULL, "\"[::1]:8443\"", "", "\"corp\"",
		"\"login\"", "", "" };
	size_t size = strlen(value) + 4096, n;
	char *text = malloc(size);

	assert_non_null(text);
	n = put_rows(text, size, CONF_TOP, row, value);
	for (int s = CONF_TOP + 1; s < CONF_NSECTIONS; s++) {
		n += (size_t)snprintf(
		    text + n, size - n, "%s %s {\n", conf_sections[s].name, titles[s]);
		n += put_rows(text + n, size - n, (enum conf_section)s, row, value);
		n += (size_t)snprintf(text + n, size - n, "}\n");
	}
	return text;
}

/* Whether `row` takes `value`; a refusal must name the option and say what is allowed. */
static bool
takes(const struct conf_row *row, const char *value)
{
	char *text = text_with(row, value), want[64];
	struct err e;
	struct conf *c = parse(text, &e);

	if (c == NULL) {
		(void)snprintf(want, sizeof(want), "%s: ", row->name);
		if (strstr(e.text, want) == NULL || strstr(e.text, "allowed: ") == NULL)
			fail_msg("%s = %s: %s", row->name, value, e.text);
	}
	free(text);
	conf_free(c);
	return c != NULL;
}

static bool
takes_quoted(const struct conf_row *row, const char *value)
{
	char text[2200];

	(void)snprintf(text, sizeof(text), "\"%s\"", value);
	return takes(row, text);
}

static bool
takes_number(const struct conf_row *row, int64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	return takes(row, text);
}

/* A list of `n` values that differ. */
static bool
takes_list(const struct conf_row *row, int64_t n)
{
	static const char *const before[CONF_NTYPES] = { [CONF_PATHS] = "/f",
		[CONF_SERVICES] = "s",
		[CONF_PEERS] = "10.0.0.",
		[CONF_NAMES] = "n",
		[CONF_NETWORKS] = "10.0.1.",
		[CONF_LINES] = "line" };
	char text[4096] = "{", value[32];
	size_t len = 1;

	for (int i = 0; i < n; i++) {
		if (row->type == CONF_FIELDS)
			(void)snprintf(value, sizeof(value), "%s",
			    i < ID_NAMED_MAX ? id_field_name((unsigned)i + 1) : "cn");
		else
			(void)snprintf(value, sizeof(value), "%s%d", before[row->type], i);
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s\"%s\"", i == 0 ? "" : ", ", value);
	}
	(void)snprintf(text + len, sizeof(text) - len, "}");
	return takes(row, text);
}

static void
a_number_is_taken_within_its_range_only(void **state)
{
	unsigned rows = 0;

	(void)state;
	for (int i = 0; i < CONF_NROWS; i++) {
		const struct conf_row *r = &conf_rows[i];

		if (r->type != CONF_NUMBER)
			continue;
		rows++;
		assert_true(takes_number(r, r->min));
		assert_true(takes_number(r, r->max));
		assert_false(takes_number(r, r->min - 1));
		assert_false(takes_number(r, r->max + 1));
		assert_false(takes(r, "4294967297")); /* would be 1 in 32 bits */
		assert_false(takes(r, "yes"));
		assert_false(takes(r, "1.5"));
		assert_false(takes(r, "{1}"));
	}
	assert_int_equal(12, rows);
}

static void
a_list_is_taken_within_its_range_only(void **state)
{
	unsigned rows = 0;

	(void)state;
	for (int i = 0; i < CONF_NROWS; i++) {
		const struct conf_row *r = &conf_rows[i];

		if (!CONF_IS_LIST(r->type))
			continue;
		rows++;
		assert_true(takes_list(r, 1));
		assert_true(takes_list(r, r->max));
		assert_false(takes_list(r, r->max + 1));
		assert_int_equal(r->min == 0, takes_list(r, 0));
		/* of lines one may be empty */
		assert_int_equal(r->type == CONF_LINES, takes(r, "{\"\"}"));
	}
	assert_int_equal(10, rows);
}

static void
a_word_is_taken_whole_and_as_written(void **state)
{
	unsigned rows = 0;
	char other[32];

	(void)state;
	for (int i = 0; i < CONF_NROWS; i++) {
		const struct conf_row *r = &conf_rows[i];

		if (r->type != CONF_WORD)
			continue;
		rows++;
		assert_false(takes(r, "\"\""));
		for (const struct conf_word *w = r->words; w->word != NULL; w++) {
			/* "require" needs a crl, or a destination: test_conf.c */
			if ((strcmp(r->name, "revocation") == 0 ||
				strcmp(r->name, "on-loss") == 0) &&
			    w->value == 1)
				continue;
			/* without a folder nothing is listed: test_conf_jump.c */
			if (strcmp(r->name, "ssh-keys") == 0 && w->value != SSH_KEYS_BOUND)
				continue;
			assert_true(takes_quoted(r, w->word));
			(void)snprintf(
			    other, sizeof(other), "%.*s", (int)strlen(w->word) - 1, w->word);
			assert_false(takes_quoted(r, other));
			(void)snprintf(other, sizeof(other), "%sx", w->word);
			assert_false(takes_quoted(r, other));
			(void)snprintf(other, sizeof(other), "%s", w->word);
			other[0] ^= 0x20; /* another case, another digit */
			if (other[0] >= ' ' && other[0] != '$')
				assert_false(takes_quoted(r, other));
		}
	}
	assert_int_equal(9, rows);
}

static void
a_path_is_taken_up_to_its_length(void **state)
{
	char path[1100];
	unsigned rows = 0;

	(void)state;
	for (int i = 0; i < CONF_NROWS; i++) {
		const struct conf_row *r = &conf_rows[i];
		size_t max = r->type == CONF_SOCKET ? 107 : 1023;

		if (r->type != CONF_PATH && r->type != CONF_SOCKET && r->type != CONF_LOG &&
		    r->type != CONF_TRAIL && r->type != CONF_PATHS)
			continue;
		rows++;
		memset(path, 'p', sizeof(path));
		path[0] = '/';
		path[max] = '\0';
		assert_true(takes_quoted(r, path));
		path[max] = 'p';
		path[max + 1] = '\0';
		assert_false(takes_quoted(r, path));
		assert_int_equal(r->type == CONF_TRAIL, takes_quoted(r, ""));
		assert_false(takes_quoted(r, "/folder/"));
		assert_false(takes_quoted(r, "/"));
	}
	assert_int_equal(13, rows);
}

static void
an_account_is_taken_up_to_32_bytes(void **state)
{
	unsigned rows = 0;

	(void)state;
	for (int i = 0; i < CONF_NROWS; i++) {
		const struct conf_row *r = &conf_rows[i];

		if (r->type != CONF_USER)
			continue;
		rows++;
		assert_true(takes_quoted(r, "a"));
		assert_true(takes_quoted(r, "abcdefghijklmnopqrstuvwxyz012345"));
		assert_false(takes_quoted(r, "abcdefghijklmnopqrstuvwxyz0123456"));
		assert_false(takes_quoted(r, "-a"));
		assert_false(takes_quoted(r, "a:b"));
		assert_false(takes_quoted(r, ""));
	}
	assert_int_equal(2, rows);
}

static void
local_ports_are_at_least_1000_from_1024_on(void **state)
{
	static const char *const good[] = { "1024-2023", "1024-65535", "64536-65535" };
	static const char *const bad[] = { "1024-2022", "1023-2023", "64536-65536", "2023-1024",
		"01024-4000", "1024-", "-4000", "1024", "1024-4000-", "1024 - 4000", "1024-4000x",
		"", "4294968320-4294971296" };
	const struct conf_row *r = &conf_rows[conf_row_find(CONF_TOP, "local-ports", 11)];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(takes_quoted(r, good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(takes_quoted(r, bad[i]));
}

/* Everything is set, and to something else than its default. */
static const char rich[] =
    "listen \"10.1.2.3:8443\" { proxy-protocol = {\"10.0.0.5\", \"2001:db8::/32\"} }\n"
    "listen \"[::]:443\" {}\n"
    "tls { certificate = \"a \\\"b\\\" \\\\.pem\" key = \"/k\" min-version = \"1.2\" }\n"
    "trust \"one\" { anchors = {\"a\", \"b\"} intermediates = \"i\" crl = {\"c\", \"d\"} }\n"
    "trust \"two\" { anchors = \"a\" crl = \"c\" revocation = \"off\" identity-fields = {\"cn\"} "
    "}\n"
    "identity-map = \"m\" user = \"u\" ident-user = \"i\" workers = 3 ident-socket = \"s\"\n"
    "keys-socket = \"k\"\n"
    "control-socket = \"t\" log = \"/l\" local-ports = \"2000-3000\" drain = 60\n"
    "capture-min-uid = 500 pam-services = {\"sshd\", \"sudo\"}\n"
    "target \"x\" { mode = \"forward\" address = \"[2001:db8::5]:2222\" names = {\"a.b\", \"c\"}\n"
    "source = \"system\" idle-timeout = 7 on-expiry = \"keep\" reauth = 30 }\n"
    "target \"y\" { address = \"host.example:22\" source = \"per-client\" }\n"
    "target \"z\" { mode = \"jump\" host-keys = {\"e\", \"r\"} authorized-keys = \"a/%u\"\n"
    "ssh-keys = \"authorized-keys\" pam = \"bridge\" aes-gcm = \"no\"\n"
    "banner = {\"one \\\"quoted\\\"\", \"\", \"three\"} }\n"
    "jump-networks = {\"10.0.0.0/8\", \"2001:db8::/32\", \"0.0.0.0/0\"}\n"
    "limits { handshake-timeout = 1 dial-timeout = 2 connections = 3 per-address = 4\n"
    "per-identity = 5 login-timeout = 6 channels = 7 }\n";

/* The least, and a jump target that is the least. */
static const char both[] = LEAST "target \"jump\" { mode = \"jump\" host-keys = \"e\" }\n";

static void
print_parses_again_to_the_same(void **state)
{
	static const char *const texts[] = { LEAST, rich };
	uint8_t a[SETTINGS_BYTES_MAX], b[SETTINGS_BYTES_MAX];
	struct err e;
	size_t na, nb;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct conf *c = parse_good(texts[i]), *d;
		char *first = printed(c), *second;

		d = parse_good(first);
		second = printed(d);
		assert_string_equal(first, second);
		assert_int_equal(0, settings_encode(&c->settings, a, sizeof(a), &na, &e));
		assert_int_equal(0, settings_encode(&d->settings, b, sizeof(b), &nb, &e));
		assert_int_equal(na, nb);
		assert_memory_equal(a, b, na);
		assert_string_equal(c->certificate, d->certificate);
		assert_string_equal(c->ident_socket, d->ident_socket);
		assert_int_equal(c->keys_socket == NULL, d->keys_socket == NULL);
		if (c->keys_socket != NULL)
			assert_string_equal(c->keys_socket, d->keys_socket);
		assert_int_equal(c->drain, d->drain);
		assert_int_equal(c->pam_services.n, d->pam_services.n);
		assert_int_equal(c->target[2].host_keys.n, d->target[2].host_keys.n);
		if (c->target[2].authorized_keys != NULL)
			assert_string_equal(
			    c->target[2].authorized_keys, d->target[2].authorized_keys);
		assert_memory_equal(c->listen, d->listen, sizeof(c->listen));
		free(first);
		free(second);
		conf_free(c);
		conf_free(d);
	}
}

static void
print_names_every_option_and_default(void **state)
{
	struct conf *c = parse_good(both);
	char *text = printed(c), want[120];

	(void)state;
	for (int i = 0; i < CONF_NROWS; i++) {
		const struct conf_row *r = &conf_rows[i];
		bool quoted = r->type != CONF_NUMBER;

		(void)snprintf(want, sizeof(want), "%s = ", r->name);
		if (r->def != NULL && !CONF_IS_LIST(r->type))
			(void)snprintf(want, sizeof(want), "%s = %s%s%s\n", r->name,
			    quoted ? "\"" : "", r->def, quoted ? "\"" : "");
		if (strstr(text, want) == NULL)
			fail_msg("-T lacks: %s", want);
	}
	assert_non_null(
	    strstr(text, "identity-fields = {\"uri\", \"upn\", \"email\", \"subject\"}\n"));
	assert_non_null(strstr(text, "certificate = \"/etc/sshbridge/server.pem\"\n"));
	free(text);
	conf_free(c);
}

/* The whole file of the tree at `path` (tests run at its top); the caller frees. */
static char *
slurp(const char *path)
{
	FILE *fp = fopen(path, "re");
	char *text = calloc(1, 65536);

	if (fp == NULL)
		fail_msg("%s is missing", path);
	assert_non_null(text);
	assert_in_range(fread(text, 1, 65535, fp), 1, 65534);
	(void)fclose(fp);
	return text;
}

/* Where `word` begins between `from` and `end`, as a whole line; or NULL. */
static const char *
line_of(const char *from, const char *end, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = from; (p = strstr(p, line)) != NULL && p < end; p++)
		if (p[-1] == '\n' && (p[n] == '\n' || p[n] == ' '))
			return p;
	return NULL;
}

/* The entry of one option in the manual: from its .It to the next .It or .El; the caller frees. */
static char *
manual_entry(const char *manual, const struct conf_row *r)
{
	char head[80];
	const char *ss, *end, *p, *q;

	(void)snprintf(head, sizeof(head), ".Ss %s",
	    r->section == CONF_TOP ? "Top level" : conf_sections[r->section].name);
	if ((ss = line_of(manual, manual + strlen(manual), head)) == NULL)
		fail_msg("the manual lacks %s", head);
	end = strstr(ss + 1, "\n.Ss ");
	q = strstr(ss + 1, "\n.Sh ");
	if (end == NULL || (q != NULL && q < end))
		end = q == NULL ? ss + strlen(ss) : q;
	(void)snprintf(head, sizeof(head), ".It Cm %s", r->name);
	if ((p = line_of(ss, end, head)) == NULL)
		fail_msg("the manual lacks %s in %s", head, conf_sections[r->section].name);
	q = strstr(p + 1, "\n.It ");
	if (q == NULL || q > end)
		q = end;
	return strndup(p, (size_t)(q - p));
}

static void
the_manual_has_every_option_default_and_range(void **state)
{
	char *manual = slurp("docs/man/sshbridge.conf.5"), *entry, want[160];

	(void)state;
	for (int i = 0; i < CONF_NROWS; i++) {
		const struct conf_row *r = &conf_rows[i];

		entry = manual_entry(manual, r);
		(void)snprintf(
		    want, sizeof(want), "default is\n.Ql %s", r->def == NULL ? "" : r->def);
		if (r->def != NULL && strstr(entry, want) == NULL)
			fail_msg("manual, %s lacks: %s\n%s", r->name, want, entry);
		if (r->required && strstr(entry, "must be given") == NULL)
			fail_msg("manual, %s lacks: must be given", r->name);
		(void)snprintf(
		    want, sizeof(want), "%lld to %lld", (long long)r->min, (long long)r->max);
		if (r->max != 0 && strstr(entry, want) == NULL)
			fail_msg("manual, %s lacks: %s\n%s", r->name, want, entry);
		for (const struct conf_word *w = r->words; w != NULL && w->word != NULL; w++) {
			(void)snprintf(want, sizeof(want), ".Ql %s", w->word);
			if (strstr(entry, want) == NULL)
				fail_msg("manual, %s lacks: %s\n%s", r->name, want, entry);
		}
		free(entry);
	}
	free(manual);
}

static void
the_shipped_file_is_valid_and_asks_for_sshd(void **state)
{
	char *text = slurp("packaging/etc/sshbridge.conf");
	struct conf *c = parse_good(text);

	(void)state;
	assert_int_equal(1, c->pam_services.n);
	assert_string_equal("sshd", c->pam_services.v[0]);
	assert_int_equal(1, c->settings.sections[0].revocation);
	conf_free(c);
	free(text);
}

/* The options that the shipped file shows as comments hold as well. */
static void
the_shipped_file_names_each_option_with_a_valid_value(void **state)
{
	char *text = slurp("packaging/etc/sshbridge.conf"), *bare = strdup(text), *out = bare;
	char want[64];

	(void)state;
	assert_non_null(bare);
	/* "#name = value" shows an option, "# text" is a comment */
	for (const char *p = text; *p != '\0'; p++)
		if (!(*p == '#' && (p == text || p[-1] == '\n' || p[-1] == '\t') && p[1] != ' ' &&
			p[1] != '\n'))
			*out++ = *p;
	*out = '\0';
	accepted(bare);
	for (int i = 0; i < CONF_NROWS; i++) {
		(void)snprintf(want, sizeof(want), "%s = ", conf_rows[i].name);
		if (strstr(bare, want) == NULL)
			fail_msg("the shipped file lacks: %s", want);
	}
	free(bare);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_taken_within_its_range_only),
		cmocka_unit_test(a_list_is_taken_within_its_range_only),
		cmocka_unit_test(a_word_is_taken_whole_and_as_written),
		cmocka_unit_test(a_path_is_taken_up_to_its_length),
		cmocka_unit_test(an_account_is_taken_up_to_32_bytes),
		cmocka_unit_test(local_ports_are_at_least_1000_from_1024_on),
		cmocka_unit_test(print_parses_again_to_the_same),
		cmocka_unit_test(print_names_every_option_and_default),
		cmocka_unit_test(the_manual_has_every_option_default_and_range),
		cmocka_unit_test(the_shipped_file_is_valid_and_asks_for_sshd),
		cmocka_unit_test(the_shipped_file_names_each_option_with_a_valid_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
