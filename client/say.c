/* say.c - what the user reads on stderr */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

static char prefix[40] = "mtls-connect: ";

void
say_number(unsigned number)
{
	(void)snprintf(prefix, sizeof(prefix), "mtls-connect: #%u: ", number);
}

void
say(const char *fmt, ...)
{
	char line[2048];
	size_t n = strlen(prefix);
	ssize_t w;
	va_list ap;

	memcpy(line, prefix, n + 1);
	va_start(ap, fmt);
	(void)vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	n = strlen(line);
	line[n++] = '\n';
	/* ssh and we share the terminal: one write keeps lines whole. If it fails, nobody reads. */
	w = write(STDERR_FILENO, line, n);
	(void)w;
}
