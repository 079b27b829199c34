/* test_conf_cut.c - a file cut off anywhere is refused, or cut exactly between two statements */
#include "tests/unit/sshbridge/monitor/conf_help.h"

/* One line each, with what a cut behind it is: OK between statements, with all that is needed. */
#define NO 0
#define OK 1
static const struct {
	int whole;
	const char *line;
} lines[] = {
	{ NO, "# the bridge {" },
	{ NO, "listen \"[::]:8443\" { # \"" },
	{ NO, "\tproxy-protocol = { \"10.0.0.5\"," },
	{ NO, "\t    \"10.0.0.6\" }" },
	{ NO, "}" },
	{ NO, "tls {" },
	{ NO, "\tcertificate = \"server.pem\" key =" },
	{ NO, "\t    \"server.key\"" },
	{ NO, "}" },
	{ NO, "identity-map = \"identity.map\" /* who" },
	{ NO, "   may } what */" },
	{ NO, "target \"login\" { mode = \"forward\" address = \"h.example:22\" }" },
	{ NO, "trust \"corp\"" },
	{ NO, "{" },
	{ NO, "\tanchors = { \"ca.pem\" }" },
	{ NO, "\tcrl =" },
	{ NO, "\t{" },
	{ NO, "\t\t\"crl.pem\"" },
	{ NO, "\t}" },
	{ NO, "\trevocation = \"require\"" },
	{ OK, "}" },
	{ OK, "// all that follows has a default" },
	{ OK, "" },
	{ OK, "workers = 16 drain = 600" },
	{ NO, "pam-services = { \"sshd\"," },
	{ OK, "\"sudo\" } log = \"syslog\"" },
	{ NO, "limits" },
	{ NO, "{" },
	{ NO, "\tconnections = 200" },
	{ NO, "\tper-address =" },
	{ NO, "\t    10" },
	{ OK, "}" },
	{ NO, "/*" },
	{ NO, " * not yet: user = \"x\"" },
	{ OK, " */" },
	{ NO, "trust \"other\" { anchors = \"b.pem\" crl = \"b.crl\"" },
	{ NO, "\trevocation = \"require\"" },
	{ OK, "}" },
	{ NO, "user" },
	{ NO, "=" },
	{ OK, "\"a\"" },
};
#define NLINES (sizeof(lines) / sizeof(lines[0]))

static char *
whole_text(void)
{
	char *text = calloc(1, 4096);

	assert_non_null(text);
	for (size_t i = 0; i < NLINES; i++) {
		(void)strcat(text, lines[i].line);
		(void)strcat(text, "\n");
	}
	return text;
}

static void
a_cut_at_any_byte_is_refused_or_between_two_statements(void **state)
{
	char *text = whole_text();
	size_t n = strlen(text), line = 0, taken = 0;

	(void)state;
	assert_true(n < 4000);
	for (size_t cut = 0; cut <= n; cut++) {
		/* Exactly-sized, so that a sanitizer sees a read beyond the cut. */
		uint8_t *part = malloc(cut == 0 ? 1 : cut);
		struct err e = { 0 };
		struct conf *c;
		bool ends_line = cut > 0 && text[cut - 1] == '\n', want;

		assert_non_null(part);
		memcpy(part, text, cut);
		line += ends_line;
		want = ends_line && lines[line - 1].whole == OK;
		c = conf_parse(CONF_FILE, part, cut, &e);
		if ((c != NULL) != want)
			fail_msg("cut at byte %zu, behind line %zu (%s): %s", cut, line,
			    lines[line == 0 ? 0 : line - 1].line, c != NULL ? "taken" : e.text);
		if (c == NULL) {
			assert_int_equal(ERR_FORMAT, e.kind);
			assert_int_equal(0, strncmp(e.text, CONF_FILE ":", sizeof(CONF_FILE)));
		} else {
			/* What was whole before the cut is all there. */
			taken++;
			assert_int_equal(1, c->settings.sections[0].revocation);
			assert_int_equal(1, c->trust[0].crls.n);
			assert_int_equal(2, c->settings.listeners[0].npeers);
		}
		conf_free(c);
		free(part);
	}
	assert_int_equal(9, taken);
	free(text);
}

/* A damaged byte may change a meaning, but never crashes and never leaves out what is needed. */
static void
a_byte_that_is_lost_or_changed_never_loses_what_is_needed(void **state)
{
	static const char changes[] = "\"{}=,#/*$\\ \n\t'a0\x7f";
	char *text = whole_text();
	size_t n = strlen(text);
	struct err e;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof(changes) - 1; k++) {
			char old = text[i];
			struct conf *c;

			text[i] = changes[k];
			c = parse(text, &e);
			if (c != NULL) {
				assert_true(c->settings.nlisteners > 0 &&
					    c->settings.ntargets > 0 && c->settings.nsections > 0 &&
					    c->trust[0].anchors.n > 0);
				assert_non_null(c->identity_map);
				for (uint32_t s = 0; s < c->settings.nsections; s++)
					assert_true(c->settings.sections[s].revocation ==
						    (c->trust[s].crls.n > 0));
			}
			conf_free(c);
			text[i] = old;
		}
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_at_any_byte_is_refused_or_between_two_statements),
		cmocka_unit_test(a_byte_that_is_lost_or_changed_never_loses_what_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
