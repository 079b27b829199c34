/* when.c - times and counts as they stand on the command line */
#include <string.h>
#include <time.h>

#include "when.h"

/* `n` digits at `p` as a number; -1 when one of them is none. */
static int
digits(const char *p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

int
when_parse(const char *text, int64_t *t, struct err *e)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
	struct tm tm = { 0 }, back;
	time_t v;

	for (size_t i = 0; i < sizeof(form); i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return err_set(
			    e, ERR_FORMAT, "%.40s: is not a time like 2026-11-23T22:38:51Z", text);
	tm.tm_year = digits(text, 4) - 1900;
	tm.tm_mon = digits(text + 5, 2) - 1;
	tm.tm_mday = digits(text + 8, 2);
	tm.tm_hour = digits(text + 11, 2);
	tm.tm_min = digits(text + 14, 2);
	tm.tm_sec = digits(text + 17, 2);
	back = tm;
	v = timegm(&tm);
	/* timegm() carries February 30 over into March: then the fields differ. */
	if (v < 0 || tm.tm_year != back.tm_year || tm.tm_mon != back.tm_mon ||
	    tm.tm_mday != back.tm_mday || tm.tm_hour != back.tm_hour || tm.tm_min != back.tm_min ||
	    tm.tm_sec != back.tm_sec)
		return err_set(e, ERR_FORMAT, "%s: there is no such time (1970 to 9999)", text);
	*t = v;
	return 0;
}

int
count_parse(const char *what, const char *text, int64_t min, int64_t max, int64_t *n, struct err *e)
{
	size_t len = strlen(text);
	int64_t v = 0;
	int one;

	for (size_t i = 0; i < len && i < 12; i++) {
		one = digits(text + i, 1);
		v = one == -1 || v == -1 ? -1 : v * 10 + one;
	}
	if (len == 0 || len > 12 || v < min || v > max)
		return err_set(e, ERR_FORMAT,
		    "%s %.40s: a whole number from %lld to %lld is needed", what, text,
		    (long long)min, (long long)max);
	*n = v;
	return 0;
}
