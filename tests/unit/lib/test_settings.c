/* test_settings.c - settings survive their way to the children, and nothing else is taken */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "settings.h"

static struct settings *
sample(void)
{
	struct settings *s = calloc(1, sizeof(*s));
	struct err e;

	assert_non_null(s);
	s->nlisteners = 1;
	strcpy(s->listeners[0].name, "[::]:8443");
	s->listeners[0].npeers = 1;
	assert_int_equal(0, cidr_parse("10.0.0.0/8", &s->listeners[0].peers[0], &e));
	s->nsections = 1;
	strcpy(s->sections[0].name, "corp");
	s->sections[0].revocation = 1;
	s->sections[0].fields[0] = ID_URI;
	s->sections[0].fields[1] = ID_EMAIL;
	s->sections[0].nfields = 2;
	s->ntargets = 2;
	for (uint32_t i = 0; i < 2; i++) {
		strcpy(s->targets[i].name, i == 0 ? "login" : "db");
		strcpy(s->targets[i].host, "127.0.0.1");
		s->targets[i].port = 22;
		s->targets[i].source = SOURCE_PER_IDENTITY;
	}
	strcpy(s->targets[1].names[0], "db.example");
	s->targets[1].nnames = 1;
	s->tls_min = 0x0304;
	s->handshake_timeout = 10;
	s->dial_timeout = 10;
	s->connections = 20000;
	s->port_first = 32768;
	s->port_last = 60999;
	return s;
}

static void
settings_come_back_as_they_were(void **state)
{
	struct settings *s = sample(), *t = calloc(1, sizeof(*t));
	uint8_t *buf = malloc(SETTINGS_BYTES_MAX);
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(0, settings_encode(s, buf, SETTINGS_BYTES_MAX, &n, &e));
	assert_int_equal(0, settings_decode(buf, n, t, &e));
	assert_memory_equal(s, t, sizeof(*s));
	free(s);
	free(t);
	free(buf);
}

static void
every_cut_is_refused(void **state)
{
	struct settings *s = sample(), *t = calloc(1, sizeof(*t));
	uint8_t *buf = malloc(SETTINGS_BYTES_MAX);
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(0, settings_encode(s, buf, SETTINGS_BYTES_MAX, &n, &e));
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(-1, settings_decode(buf, cut, t, &e));
	free(s);
	free(t);
	free(buf);
}

static void
a_target_without_port_or_an_empty_range_is_refused(void **state)
{
	struct settings *s = sample(), *t = calloc(1, sizeof(*t));
	uint8_t *buf = malloc(SETTINGS_BYTES_MAX);
	struct err e;
	size_t n;

	(void)state;
	s->targets[1].port = 0;
	assert_int_equal(0, settings_encode(s, buf, SETTINGS_BYTES_MAX, &n, &e));
	assert_int_equal(-1, settings_decode(buf, n, t, &e));
	s->targets[1].port = 22;
	s->port_last = s->port_first - 1;
	assert_int_equal(0, settings_encode(s, buf, SETTINGS_BYTES_MAX, &n, &e));
	assert_int_equal(-1, settings_decode(buf, n, t, &e));
	free(s);
	free(t);
	free(buf);
}

static void
the_server_name_chooses_the_target_else_the_first(void **state)
{
	struct settings *s = sample();

	(void)state;
	assert_string_equal("db", settings_target(s, "db.example")->name);
	assert_string_equal("db", settings_target(s, "DB.example.")->name);
	assert_string_equal("login", settings_target(s, "db.example.org")->name);
	assert_string_equal("login", settings_target(s, "")->name);
	assert_string_equal("login", settings_target(s, ".")->name);
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_come_back_as_they_were),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(a_target_without_port_or_an_empty_range_is_refused),
		cmocka_unit_test(the_server_name_chooses_the_target_else_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
