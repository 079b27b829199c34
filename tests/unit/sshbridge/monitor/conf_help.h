/* conf_help.h - what the tests of the configuration share */
#ifndef CONF_HELP_H
#define CONF_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sshbridge/monitor/conf_local.h"

#define CONF_FILE "/etc/sshbridge/sshbridge.conf"

/* The least that is a configuration; each in one line, so that lines can be counted. */
#define LISTEN "listen \"[::]:8443\" {}\n"
#define TLS    "tls { certificate = \"server.pem\" key = \"server.key\" }\n"
#define TRUST  "trust \"corp\" { anchors = \"ca.pem\" }\n"
#define MAP    "identity-map = \"identity.map\"\n"
#define TARGET "target \"login\" { mode = \"forward\" address = \"127.0.0.1:22\" }\n"
#define LEAST  LISTEN TLS TRUST MAP TARGET

static inline struct conf *
parse(const char *text, struct err *e)
{
	*e = (struct err){ 0 };
	return conf_parse(CONF_FILE, (const uint8_t *)text, strlen(text), e);
}

static inline struct conf *
parse_good(const char *text)
{
	struct err e;
	struct conf *c = parse(text, &e);

	if (c == NULL)
		fail_msg("refused: %s\n%s", e.text, text);
	return c;
}

static inline void
accepted(const char *text)
{
	conf_free(parse_good(text));
}

/* Refused with an error that begins with the file and `line`, and holds `want`. */
static inline void
refused(const char *text, int line, const char *want)
{
	char where[80];
	struct err e;
	struct conf *c = parse(text, &e);

	if (c != NULL) {
		conf_free(c);
		fail_msg("accepted: %s", text);
	}
	(void)snprintf(where, sizeof(where), CONF_FILE ":%d: ", line);
	if (line == 0)
		(void)snprintf(where, sizeof(where), CONF_FILE ": ");
	if (strncmp(e.text, where, strlen(where)) != 0 || strstr(e.text, want) == NULL ||
	    e.kind != ERR_FORMAT)
		fail_msg("for: %s\nsaid: %s\nnot:  %s ... %s", text, e.text, where, want);
}

/* What -T prints; the caller frees. */
static inline char *
printed(const struct conf *c)
{
	char *text = NULL;
	size_t n;
	FILE *fp = open_memstream(&text, &n);

	assert_non_null(fp);
	conf_print(c, fp);
	assert_int_equal(0, fclose(fp));
	return text;
}

#endif
