/* crlage.c - CRLs that near their end are told of, once and daily */
#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "report.h"

#define CHECK_SECONDS 20
#define AGAIN_SECONDS 86400

static const struct crlage_list *
find(const struct crlage *a, const struct crlindex_list *l)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].section == l->section && a->v[i].scope == l->scope &&
		    a->v[i].next_update == l->next_update &&
		    memcmp(a->v[i].issuer, l->issuer, sizeof(l->issuer)) == 0)
			return &a->v[i];
	return NULL;
}

void
crlage_taken(struct ident *id, int64_t now)
{
	const struct crlindex *ix = &id->gen->crls;
	struct crlage_list *v = calloc(ix->nlists > 0 ? ix->nlists : 1, sizeof(*v));
	char line[1000];

	/* without memory the old ones are told of as they were; a new list then is told of late */
	if (v == NULL)
		return;
	for (uint32_t i = 0; i < ix->nlists; i++) {
		const struct crlindex_list *l = &ix->lists[i];
		const struct crlage_list *old = find(&id->crlage, l);

		if (old != NULL) {
			v[i] = *old;
			continue;
		}
		memcpy(v[i].issuer, l->issuer, sizeof(v[i].issuer));
		v[i].section = l->section;
		v[i].scope = l->scope;
		v[i].next_update = l->next_update;
		v[i].told = crlindex_age(l, now, line, sizeof(line)) ? now : 0;
		v[i].ended = now >= l->next_update;
	}
	free(id->crlage.v);
	id->crlage.v = v;
	id->crlage.n = ix->nlists;
}

void
crlage_check(struct ident *id, int64_t now)
{
	char line[1000];

	for (size_t i = 0; id->gen != NULL && i < id->crlage.n && i < id->gen->crls.nlists; i++) {
		const struct crlindex_list *l = &id->gen->crls.lists[i];
		struct crlage_list *a = &id->crlage.v[i];
		bool ended = now >= l->next_update;

		if (!crlindex_age(l, now, line, sizeof(line)) ||
		    (a->told != 0 && now - a->told < AGAIN_SECONDS && ended == a->ended))
			continue;
		a->told = now;
		a->ended = ended;
		report(id, CHILD_WARNING, "trust \"%s\": %s", l->section_name, line);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	crlage_check(arg, ident_now());
}

int
crlage_init(struct ident *id, struct err *e)
{
	static const struct timeval every = { CHECK_SECONDS, 0 };

	if ((id->crlage.timer = event_new(id->base, -1, EV_PERSIST, on_timer, id)) == NULL ||
	    event_add(id->crlage.timer, &every) == -1)
		return err_nomem(e, "timer");
	return 0;
}

void
crlage_done(struct ident *id)
{
	if (id->crlage.timer != NULL)
		event_free(id->crlage.timer);
	free(id->crlage.v);
	id->crlage = (struct crlage){ .v = NULL };
}
