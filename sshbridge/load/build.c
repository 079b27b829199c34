/* build.c - verify the files of one generation and hand them on as sealed memory */
#include <string.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "child.h"
#include "load.h"
#include "msgio.h"
#include "sealed.h"

static void
note_map(void *arg, const char *text)
{
	(void)arg;
	load_text(CHILD_WARNING, "%s", text);
}

static const struct load_file *
find(const struct load *l, enum load_kind kind)
{
	for (size_t i = 0; i < l->nfiles; i++)
		if (l->files[i].kind == kind)
			return &l->files[i];
	return NULL;
}

/* Anchors and intermediates out of the records in force. */
static int
add_records(struct load *l, uint32_t section, const struct load_file *f, struct err *e)
{
	static const enum certpath_kind kinds[] = {
		[RECORD_ANCHOR] = CERTPATH_ANCHOR, [RECORD_INTERMEDIATE] = CERTPATH_INTERMEDIATE
	};
	const struct sealed s = { .p = f->text, .n = f->n };
	struct record r;
	size_t pos = 0;
	int more;

	while ((more = records_next(&s, &pos, &r, e)) == 1) {
		if (r.kind < RECORD_ANCHOR || r.kind > RECORD_INTERMEDIATE)
			return err_set(e, ERR_PEER, "trust: record of kind %u", r.kind);
		if (r.section == section && certpath_trust_add(l->trust[section], kinds[r.kind],
						"trust", r.p, r.n, e) == -1)
			return -1;
	}
	return more;
}

static int
build_section(struct load *l, uint32_t i, struct err *e)
{
	static const enum certpath_kind kinds[] = {
		[LOAD_ANCHORS] = CERTPATH_ANCHOR, [LOAD_INTERMEDIATES] = CERTPATH_INTERMEDIATE
	};
	const struct load_file *trust = find(l, LOAD_TRUST);
	struct settings_section *s = &l->settings.sections[i];

	if ((l->trust[i] = certpath_trust_new(e)) == NULL)
		return -1;
	certpath_trust_revocation(
	    l->trust[i], s->revocation ? CERTPATH_REVOCATION_REQUIRE : CERTPATH_REVOCATION_OFF);
	if (trust != NULL && add_records(l, i, trust, e) == -1)
		return -1;
	for (size_t k = 0; k < l->nfiles; k++) {
		struct load_file *f = &l->files[k];

		if (f->section != i || f->kind < LOAD_ANCHORS || f->kind > LOAD_INTERMEDIATES)
			continue;
		if (certpath_trust_add(l->trust[i], kinds[f->kind], f->name, f->text, f->n, e) ==
		    -1)
			return -1;
	}
	if (certpath_nanchors(l->trust[i]) == 0)
		return err_set(e, ERR_FORMAT, "trust \"%s\": no trust anchor", s->name);
	return 0;
}

static int
build_map(struct load *l, struct err *e)
{
	const char *names[SECTIONS_MAX];
	struct idmap_config c = { .sections = names,
		.nsections = l->settings.nsections,
		.capture_min_uid = l->settings.capture_min_uid };
	const struct load_file *f = find(l, LOAD_MAP);

	if (f == NULL)
		return err_set(e, ERR_PEER, "FILES: no map");
	for (size_t i = 0; i < c.nsections; i++)
		names[i] = l->settings.sections[i].name;
	if ((l->map = idmap_parse(f->name, f->text, f->n, &c, e)) == NULL)
		return -1;
	if (l->in_force)
		return 0; /* what there is to say of it was said when it was loaded */
	if (idmap_nrules(l->map) == 0)
		load_text(CHILD_WARNING, "%s: no rule, so nobody can log in", f->name);
	idmap_check(l->map, 20, note_map, NULL);
	return 0;
}

int
load_build(struct load *l, int64_t now, struct err *e)
{
	const struct load_file *s = find(l, LOAD_SETTINGS);

	if (s == NULL)
		return err_set(e, ERR_PEER, "FILES: no settings");
	if (settings_decode(s->text, s->n, &l->settings, e) == -1)
		return -1;
	for (uint32_t i = 0; i < l->settings.nsections; i++)
		if (build_section(l, i, e) == -1)
			return -1;
	if (l->in_force) {
		for (uint32_t i = 0; i < l->settings.nsections; i++)
			certpath_trust_index(l->trust[i], &l->old, i);
		return build_map(l, e);
	}
	if (load_crls(l, now, e) == -1 || load_crls_seal(l, e) == -1)
		return -1;
	if (l->crls_only)
		return 0;
	if (build_map(l, e) == -1)
		return -1;
	if ((s = find(l, LOAD_AUTHKEYS)) == NULL)
		return err_set(e, ERR_PEER, "FILES: no authorized keys");
	if (load_authkeys(l, s, e) == -1)
		return -1;
	load_check_jumps(l);
	if ((s = find(l, LOAD_CHAIN)) == NULL)
		return err_set(e, ERR_PEER, "FILES: no server certificate");
	return load_chain(l, s, now, e);
}

static int
seal_trust(struct load *l, struct err *e)
{
	static const enum record_kind kinds[] = {
		[LOAD_ANCHORS] = RECORD_ANCHOR, [LOAD_INTERMEDIATES] = RECORD_INTERMEDIATE
	};
	struct records_writer w = { .max = LOAD_BYTES_MAX };
	int fd = -1;

	for (size_t i = 0; i < l->nfiles; i++) {
		struct load_file *f = &l->files[i];
		struct record r = { .section = f->section, .p = f->text, .n = f->n };

		if (f->kind < LOAD_ANCHORS || f->kind > LOAD_INTERMEDIATES)
			continue;
		r.kind = kinds[f->kind];
		if (records_add(&w, &r, e) == -1)
			goto out;
	}
	fd = sealed_new("trust", w.buf == NULL ? (const void *)"" : w.buf, w.len, e);
out:
	records_done(&w);
	return fd;
}

static int
seal_anchors(struct load *l, struct err *e)
{
	struct records_writer w = { .max = LOAD_BYTES_MAX };
	uint8_t sha256[32];
	int fd = -1;

	for (uint32_t i = 0; i < l->settings.nsections; i++)
		for (size_t k = 0; k < certpath_nanchors(l->trust[i]); k++) {
			struct record r = { .kind = RECORD_ANCHOR_SHA256,
				.section = i,
				.p = sha256,
				.n = sizeof(sha256) };

			if (certpath_anchor_sha256(l->trust[i], k, sha256) == -1) {
				err_nomem(e, "anchors");
				goto out;
			}
			if (records_add(&w, &r, e) == -1)
				goto out;
		}
	fd = sealed_new("anchors", w.buf == NULL ? (const void *)"" : w.buf, w.len, e);
out:
	records_done(&w);
	return fd;
}

static int
seal_file(const struct load *l, enum load_kind kind, const char *name, struct err *e)
{
	const struct load_file *f = find(l, kind);

	if (f == NULL)
		return err_set(e, ERR_PEER, "FILES: no %s", name);
	return sealed_new(name, f->n == 0 ? (const void *)"" : f->text, f->n, e);
}

int
load_send(struct load *l, struct err *e)
{
	uint8_t buf[64];
	struct msg_out o;
	int fds[7], r = -1;

	msg_start(&o, buf, sizeof(buf), MSG_GENERATION, 0);
	msg_put_u64(&o, l->generation);
	if (l->crls_only) {
		msg_put_u32(&o, 0);
		return msgio_send(CHILD_CHANNEL, &o, &l->crls_fd, 1, e);
	}
	msg_put_u32(&o, (uint32_t)idmap_nrules(l->map));
	fds[0] = seal_file(l, LOAD_SETTINGS, "settings", e);
	fds[1] = seal_trust(l, e);
	fds[2] = seal_anchors(l, e);
	fds[3] = seal_file(l, LOAD_MAP, "map", e);
	fds[4] = seal_file(l, LOAD_CHAIN, "chain", e);
	fds[5] = l->crls_fd;
	fds[6] = authkeys_seal(l->authkeys, e);
	if (fds[0] != -1 && fds[1] != -1 && fds[2] != -1 && fds[3] != -1 && fds[4] != -1 &&
	    fds[6] != -1)
		r = msgio_send(CHILD_CHANNEL, &o, fds, 7, e);
	for (size_t i = 0; i < 7; i++)
		if (fds[i] != -1 && fds[i] != l->crls_fd)
			close(fds[i]);
	return r;
}
