/* cut.c - ending a live connection before its time */
#include <sys/socket.h>

#include "cut.h"
#include "ident.h"
#include "report.h"

void
conn_cut(
    struct ident *id, struct conn *c, enum cut_code code, const char *user_text, const char *why)
{
	struct logline l;

	(void)user_text;
	if (c->ended || !c->live)
		return;
	c->ended = true;
	(void)shutdown(c->fd, SHUT_RDWR);
	logline_start(&l, "cut");
	logline_fmt(&l, "conn", "%016llx", (unsigned long long)c->id);
	logline_str(&l, "identity", c->person->name);
	logline_fmt(&l, "code", "%u", (unsigned)code);
	logline_str(&l, "why", why);
	report_line(id, CHILD_NOTICE, l.text);
}
