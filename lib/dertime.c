/* dertime.c - times in DER, and spans in words: no OpenSSL here */
#include <stdio.h>

#include "dertime.h"

/* `n` decimal digits at *p, which moves on; -1 when one of them is none. */
static int
digits(const uint8_t **p, int n)
{
	int v = 0;

	while (n-- > 0) {
		if (**p < '0' || **p > '9')
			return -1;
		v = v * 10 + (*(*p)++ - '0');
	}
	return v;
}

static int
days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))
		return 29;
	return days[month - 1];
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar; the year begins in March here. */
static int64_t
days_since_epoch(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day -
	       1 - 719468;
}

int
dertime_get(unsigned tag, const uint8_t *p, size_t n, int64_t *seconds)
{
	int year, month, day, hour, min, sec;

	if (tag == DERTIME_UTC && n == 13) {
		year = digits(&p, 2);
		/* RFC 5280 section 4.1.2.5.1 */
		year += year == -1 ? 0 : year >= 50 ? 1900 : 2000;
	} else if (tag == DERTIME_GENERALIZED && n == 15) {
		year = digits(&p, 4);
	} else {
		return -1;
	}
	if (year == -1 || (month = digits(&p, 2)) < 1 || month > 12 || (day = digits(&p, 2)) < 1 ||
	    day > days_in(year, month) || (hour = digits(&p, 2)) < 0 || hour > 23 ||
	    (min = digits(&p, 2)) < 0 || min > 59 || (sec = digits(&p, 2)) < 0 || sec > 59 ||
	    *p != 'Z')
		return -1;
	*seconds = days_since_epoch(year, month, day) * 86400 + hour * 3600 + min * 60 + sec;
	return 0;
}

char *
certtime_span(char dst[CERTTIME_SPAN_SIZE], int64_t seconds)
{
	static const struct {
		int64_t size;
		const char *unit;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	size_t i = 0;

	if (seconds < 0)
		seconds = -seconds;
	/* 2 of a unit or more: "25 h" says more than "1 d" */
	while (i < 3 && seconds < 2 * units[i].size)
		i++;
	(void)snprintf(dst, CERTTIME_SPAN_SIZE, "%lld %s", (long long)(seconds / units[i].size),
	    units[i].unit);
	return dst;
}
