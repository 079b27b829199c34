/* format.c - one line as its destination wants it */
#include <stdio.h>
#include <syslog.h>

#include "log.h"
#include "text.h"

static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_DEBUG };

size_t
log_format(char *dst, size_t size, enum log_dest dest, unsigned level, int64_t now_ms, int pid,
    const char *line)
{
	char when[TEXT_TIME_SIZE];
	int n, prio = level < 4 ? priorities[level] : LOG_ERR;

	(void)text_time(when, now_ms / 1000);
	when[19] = '\0'; /* without its Z: milliseconds follow */
	switch (dest) {
	case LOGTO_SYSLOG: /* RFC 3164 as /dev/log takes it: the time is the receiver's */
		n = snprintf(dst, size, "<%d>sshbridge[%d]: %.*s", LOG_AUTHPRIV | prio, pid,
		    LOG_LINE_MAX, line);
		break;
	case LOGTO_JOURNAL: /* sd-daemon(3): the journal adds time and process */
		n = snprintf(dst, size, "<%d>%.*s\n", prio, LOG_LINE_MAX, line);
		break;
	default:
		n = snprintf(dst, size, "%s.%03dZ sshbridge[%d]: %.*s\n", when,
		    (int)(now_ms % 1000), pid, LOG_LINE_MAX, line);
		break;
	}
	if (n < 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}
