/* authkeys.c - files of authorized keys, and what can never let anybody in to a jump target */
#include <string.h>

#include "child.h"
#include "load.h"
#include "sealed.h"
#include "text.h"

enum { LINES_MAX = 20 }; /* that are told one by one */

struct report {
	const char *path;
	unsigned told;
};

static void
refused(void *arg, unsigned line, const char *why)
{
	struct report *r = arg;

	if (++r->told <= LINES_MAX)
		load_text(CHILD_WARNING, "%s:%u: not taken: %s", r->path, line, why);
}

/* One file: its path, a NUL, its text. The account is the last part of the path. */
static int
add_file(struct load *l, const struct record *r, struct report *report, struct err *e)
{
	const uint8_t *nul = memchr(r->p, '\0', r->n);
	const char *path = (const char *)r->p, *slash;

	if (r->kind != RECORD_AUTHFILE || nul == NULL || (slash = strrchr(path, '/')) == NULL ||
	    !authkeys_account(slash + 1) || r->section >= l->settings.ntargets)
		return err_set(e, ERR_PEER, "authorized keys: malformed record");
	report->path = path;
	if (authkeys_add(l->authkeys, r->section, slash + 1, nul + 1,
		r->n - (size_t)(nul + 1 - r->p), refused, report, e) == -1)
		return err_prefix(e, "%s", path);
	return 0;
}

int
load_authkeys(struct load *l, const struct load_file *f, struct err *e)
{
	const struct sealed s = { .p = f->text, .n = f->n };
	struct report report = { .told = 0 };
	struct record r;
	size_t pos = 0;
	int more;

	if ((l->authkeys = authkeys_new(e)) == NULL)
		return -1;
	while ((more = records_next(&s, &pos, &r, e)) == 1)
		if (add_file(l, &r, &report, e) == -1)
			return -1;
	if (report.told > LINES_MAX)
		load_text(CHILD_WARNING, "authorized keys: %u lines more are not taken",
		    report.told - LINES_MAX);
	return more;
}

/* ---- what is no error, but surely not meant ------------------------------------------------- */
static void
check_jump(const struct load *l, const struct settings_target *t)
{
	if (t->ssh_keys == SSH_KEYS_BOUND && !idmap_has_bind(l->map))
		load_text(CHILD_WARNING,
		    "target \"%s\": no rule of the map has bind=, so no SSH key logs in there",
		    t->name);
	if (t->ssh_keys == SSH_KEYS_LISTED && authkeys_count(l->authkeys) == 0)
		load_text(CHILD_WARNING,
		    "target \"%s\": authorized-keys lists no key, so nobody can log in there",
		    t->name);
}

void
load_check_jumps(const struct load *l)
{
	uint32_t jumps = 0;

	for (uint32_t i = 0; i < l->settings.ntargets; i++) {
		if (l->settings.targets[i].mode != TARGET_JUMP)
			continue;
		check_jump(l, &l->settings.targets[i]);
		jumps++;
	}
	if (jumps > 0 && !idmap_has_targets(l->map))
		load_text(CHILD_WARNING,
		    "no rule of the map has to=, so nothing can be reached through a jump target");
	if (jumps == 0 && idmap_has_targets(l->map))
		load_text(CHILD_WARNING,
		    "rules of the map have to=, but there is no target with mode = \"jump\"");
}
