/* refusals.c - the last few targets that were refused to a jump connection */
#include <stddef.h>
#include <stdio.h>

#include "refusals.h"

void
refusals_add(struct refusals *r, int64_t at, const char *to, const char *why)
{
	struct refusal_note *note = &r->last[r->n++ % REFUSALS_MAX];

	note->at = at;
	(void)snprintf(note->to, sizeof(note->to), "%s", to);
	(void)snprintf(note->why, sizeof(note->why), "%s", why);
}

const struct refusal_note *
refusals_get(const struct refusals *r, unsigned i)
{
	if (i >= REFUSALS_MAX || i >= r->n)
		return NULL;
	return &r->last[(r->n - 1 - i) % REFUSALS_MAX];
}
