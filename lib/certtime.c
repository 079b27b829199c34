/* certtime.c - times of certificates */
#include "certtime.h"

int
certtime_get(const ASN1_TIME *t, int64_t *seconds)
{
	int n = ASN1_STRING_length(t), type = ASN1_STRING_type(t);

	if (n < 0 || type < 0)
		return -1;
	return dertime_get((unsigned)type, ASN1_STRING_get0_data(t), (size_t)n, seconds);
}
