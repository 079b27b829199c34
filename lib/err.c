/* err.c - struct err */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

/* The text goes to a terminal or a log: whatever it quotes, it stays one printable line. */
static void
err_printable(struct err *e)
{
	for (char *p = e->text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p == 0x7f)
			*p = '?';
}

int
err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	e->kind = kind;
	e->detail = 0;
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	err_printable(e);
	return -1;
}

int
err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t n;
	char buf[128];

	e->kind = ERR_SYS;
	e->detail = errnum;
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	/* GNU strerror_r: thread-safe, and returns the text */
	(void)snprintf(
	    e->text + n, sizeof(e->text) - n, ": %s", strerror_r(errnum, buf, sizeof(buf)));
	err_printable(e);
	return -1;
}

int
err_nomem(struct err *e, const char *what)
{
	return err_set(e, ERR_NOMEM, "%s: out of memory", what);
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char old[sizeof(e->text)];
	size_t n;

	memcpy(old, e->text, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	(void)snprintf(e->text + n, sizeof(e->text) - n, ": %s", old);
	err_printable(e);
	return -1;
}
