/* say.c - what the user reads on stderr */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

void
say(const char *fmt, ...)
{
	char line[2048] = "mtls-connect: ";
	size_t n = strlen(line);
	ssize_t w;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	n = strlen(line);
	line[n++] = '\n';
	/* ssh and we share the terminal: one write keeps lines whole. If it fails, nobody reads. */
	w = write(STDERR_FILENO, line, n);
	(void)w;
}
