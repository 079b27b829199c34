/* ends.c - ENDS: which certificate and which CRL of the generation ends when */
#include <stdio.h>
#include <stdlib.h>

#include "child.h"
#include "load.h"
#include "msgio.h"

/* What the monitor keeps; the values of `what` are on the wire. */
enum { ENDS_MAX = 256, NAME_MAX_BYTES = 160 };
enum { WHAT_CRL = 1, WHAT_ANCHOR = 2, WHAT_INTERMEDIATE = 3, WHAT_SERVER = 4 };

struct ending {
	uint32_t what;
	int64_t from, until;
	char name[NAME_MAX_BYTES];
};
struct endings {
	struct ending *v;
	size_t n, room;
	const char *section;
	bool failed;
};

static void
add(struct endings *all, uint32_t what, const char *name, int64_t from, int64_t until)
{
	struct ending *x;

	if (all->n == all->room) {
		size_t room = all->room == 0 ? 64 : all->room * 2;

		if ((x = realloc(all->v, room * sizeof(*x))) == NULL) {
			all->failed = true;
			return;
		}
		all->v = x;
		all->room = room;
	}
	x = &all->v[all->n++];
	*x = (struct ending){ .what = what, .from = from, .until = until };
	(void)snprintf(x->name, sizeof(x->name), "%.63s%s%.90s",
	    all->section == NULL ? "" : all->section, all->section == NULL ? "" : ": ", name);
}

static void
on_end(void *arg, const struct certpath_end *end)
{
	static const uint32_t whats[] = {
		[CERTPATH_ANCHOR] = WHAT_ANCHOR, [CERTPATH_INTERMEDIATE] = WHAT_INTERMEDIATE
	};

	add(arg, whats[end->kind], end->name, end->from, end->until);
}

/* Those that end first come first; what has no end, last. */
static int
compare(const void *a, const void *b)
{
	const struct ending *x = a, *y = b;

	if (x->until == y->until)
		return 0;
	if (x->until == 0 || y->until == 0)
		return x->until == 0 ? 1 : -1;
	return x->until < y->until ? -1 : 1;
}

static int
send_endings(const struct endings *all, struct err *e)
{
	static uint8_t buf[MSG_MAX];
	struct msg_out o;
	size_t n = all->n < ENDS_MAX ? all->n : ENDS_MAX;

	msg_start(&o, buf, sizeof(buf), MSG_ENDS, 0);
	msg_put_u32(&o, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		msg_put_u32(&o, all->v[i].what);
		msg_put_u64(&o, (uint64_t)all->v[i].from);
		msg_put_u64(&o, (uint64_t)all->v[i].until);
		msg_put_str(&o, all->v[i].name);
	}
	return msgio_send(CHILD_CHANNEL, &o, NULL, 0, e);
}

int
load_ends(const struct load *l, struct err *e)
{
	struct endings all = { .section = NULL };
	int r;

	if (!l->crls_only)
		add(&all, WHAT_SERVER, l->chain_name, l->chain_from, l->chain_until);
	for (uint32_t i = 0; i < l->settings.nsections; i++) {
		all.section = l->settings.sections[i].name;
		certpath_ends(l->trust[i], on_end, &all);
	}
	for (uint32_t i = 0; i < l->index.nlists; i++) {
		const struct crlindex_list *crl = &l->index.lists[i];

		all.section = crl->section_name;
		add(&all, WHAT_CRL, crl->name, crl->this_update, crl->next_update);
	}
	if (all.failed) {
		free(all.v);
		return err_nomem(e, "ENDS");
	}
	qsort(all.v, all.n, sizeof(*all.v), compare);
	r = send_endings(&all, e);
	free(all.v);
	return r;
}
