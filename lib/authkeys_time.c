/* authkeys_time.c - expiry-time of an authorized key */
#include <string.h>
#include <time.h>

#include "authkeys_local.h"
#include "text.h"

/* Two digits at p. */
static int
two(const char *p)
{
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* Whether the calendar has this day and the day this time. */
static bool
is_real(const struct tm *tm)
{
	struct tm copy = *tm;

	(void)timegm(&copy);
	return copy.tm_year == tm->tm_year && copy.tm_mon == tm->tm_mon &&
	       copy.tm_mday == tm->tm_mday && copy.tm_hour == tm->tm_hour &&
	       copy.tm_min == tm->tm_min && copy.tm_sec == tm->tm_sec;
}

int
authkeys_time_parse(const char *value, int64_t *seconds, struct err *e)
{
	size_t n = strspn(value, "0123456789");
	bool utc = value[n] == 'Z' || value[n] == 'z';
	struct tm tm = { .tm_isdst = -1 };
	char shown[80];

	if (value[n + utc] != '\0' || (n != 8 && n != 12 && n != 14))
		return err_set(e, ERR_FORMAT,
		    "expiry-time: \"%s\", allowed is YYYYMMDD or YYYYMMDDHHMM[SS], with Z for UTC",
		    text_escape(shown, sizeof(shown), value, strlen(value)));
	tm.tm_year = two(value) * 100 + two(value + 2) - 1900;
	tm.tm_mon = two(value + 4) - 1;
	tm.tm_mday = two(value + 6);
	if (n >= 12) {
		tm.tm_hour = two(value + 8);
		tm.tm_min = two(value + 10);
	}
	if (n == 14)
		tm.tm_sec = two(value + 12);
	if (tm.tm_year < 70 || !is_real(&tm))
		return err_set(e, ERR_FORMAT,
		    "expiry-time: \"%s\" is no time of the calendar from 1970 on", value);
	*seconds = utc ? timegm(&tm) : mktime(&tm);
	return 0;
}
