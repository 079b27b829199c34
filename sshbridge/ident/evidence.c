/* evidence.c - what a client's certificate said: the gate's words, which are input, not fact */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "evidence.h"
#include "sshkey.h"
#include "text.h"

/* Paths as they grow, one for each accepting section. */
struct reading {
	struct path paths[SECTIONS_MAX];
	unsigned ncerts[SECTIONS_MAX];
	struct path_cert certs[PATHCERTS_MAX];
	uint32_t at[PATHCERTS_MAX]; /* the path of each */
	bool odd[PATHCERTS_MAX];    /* a serial number that no CRL can list */
	uint32_t total;
	uint32_t npaths;
	bool has_leaf;
	uint8_t leaf[32];
	int64_t leaf_not_after;
	bool has_key;
	uint8_t key[32];
};

static struct path *
find_path(struct reading *r, const char *section)
{
	for (uint32_t i = 0; i < r->npaths; i++)
		if (strcmp(r->paths[i].section, section) == 0)
			return &r->paths[i];
	return NULL;
}

static int
read_sections(struct msg_in *m, struct reading *r, struct err *e)
{
	uint32_t n;

	if (msg_get_u32(m, &n) == -1 || n == 0 || n > SECTIONS_MAX)
		return err_set(e, ERR_PEER, "OPEN: number of sections");
	for (uint32_t i = 0; i < n; i++) {
		struct path *p = &r->paths[i];

		if (msg_get_str(m, p->section, sizeof(p->section)) == -1)
			return err_set(e, ERR_PEER, "OPEN: section %u is malformed", i);
		if (find_path(r, p->section) != NULL)
			return err_set(e, ERR_PEER, "OPEN: a section comes twice");
		r->npaths = i + 1;
	}
	return 0;
}

/* A leaf is no CA's certificate: no gate accepts one; what stands above it in a path is one. */
static void
take_serial(struct reading *r, const struct pathcert *pc, uint32_t path)
{
	struct path_cert *c = &r->certs[r->total];

	/* an anchor may have any: nobody asks for it */
	r->odd[r->total] = crlindex_serial(pc->serial, pc->serial_len, &c->serial) == -1;
	memcpy(c->issuer, pc->issuer, sizeof(c->issuer));
	c->is_ca = r->ncerts[path] > 1;
	r->at[r->total++] = path;
}

/* The next certificate of its section's path, leaf first. */
static int
take_cert(struct reading *r, const struct pathcert *pc, struct err *e)
{
	struct path *p = find_path(r, pc->section);

	if (p == NULL)
		return err_set(e, ERR_PEER, "OPEN: a certificate of a section that did not accept");
	if (r->ncerts[p - r->paths]++ == 0) {
		if (r->has_leaf && memcmp(r->leaf, pc->sha256, sizeof(r->leaf)) != 0)
			return err_set(e, ERR_PEER, "OPEN: the sections have different leaves");
		r->has_leaf = true;
		memcpy(r->leaf, pc->sha256, sizeof(r->leaf));
		r->leaf_not_after = pc->not_after;
		p->not_before = pc->not_before;
		p->not_after = pc->not_after;
	}
	if (pc->not_before > p->not_before)
		p->not_before = pc->not_before;
	if (pc->not_after < p->not_after)
		p->not_after = pc->not_after;
	memcpy(p->anchor, pc->sha256, sizeof(p->anchor));
	take_serial(r, pc, (uint32_t)(p - r->paths));
	return 0;
}

/* The leaf's public key as an SSH key; empty where it has no such form. */
static int
read_key(struct msg_in *m, struct reading *r, struct err *e)
{
	static struct sshkey key;
	const uint8_t *p;
	size_t n;

	if (msg_get_bytes(m, &p, &n, SSHKEY_BLOB_MAX) == -1 ||
	    (n > 0 && sshkey_parse_blob(p, n, &key, e) == -1))
		return err_set(e, ERR_PEER, "OPEN: SSH key");
	r->has_key = n > 0;
	if (r->has_key)
		memcpy(r->key, key.sha256, sizeof(r->key));
	return 0;
}

static int
read_certs(struct msg_in *m, struct reading *r, struct err *e)
{
	struct pathcert pc;
	uint32_t n;

	if (msg_get_u32(m, &n) == -1 || n > PATHCERTS_MAX)
		return err_set(e, ERR_PEER, "OPEN: number of certificates");
	for (uint32_t i = 0; i < n; i++) {
		if (pathcert_get(m, &pc) == -1)
			return err_set(e, ERR_PEER, "OPEN: certificate %u is malformed", i);
		if (take_cert(r, &pc, e) == -1)
			return -1;
	}
	for (uint32_t i = 0; i < r->npaths; i++)
		if (r->ncerts[i] == 0)
			return err_set(e, ERR_PEER, "OPEN: a section without certificates");
	return 0;
}

/* The identity must be the leaf's own: exactly one fingerprint, and the leaf's. */
static int
check_leaf(const struct reading *r, const struct identity *id, struct err *e)
{
	char leaf[TEXT_SHA256_SIZE];
	size_t pos = 0;
	const struct id_value *v = identity_next(id, ID_FINGERPRINT, &pos);

	(void)text_sha256(leaf, r->leaf);
	if (v == NULL || v->len != strlen(leaf) || memcmp(v->data, leaf, v->len) != 0 ||
	    identity_next(id, ID_FINGERPRINT, &pos) != NULL)
		return err_set(e, ERR_PEER, "OPEN: the identity is not that of the leaf");
	return 0;
}

/*
 * The certificates of each path together, without its last one: that is the anchor, which nobody
 * revokes but who takes it out of the configuration.
 */
static int
gather(struct reading *r, struct path_cert *to, uint32_t *total, struct err *e)
{
	uint32_t n = 0;

	for (uint32_t p = 0; p < r->npaths; p++) {
		unsigned left = r->ncerts[p] - 1;

		r->paths[p].first = n;
		r->paths[p].n = left;
		for (uint32_t i = 0; i < r->total && left > 0; i++)
			if (r->at[i] == p) {
				if (r->odd[i])
					return err_set(e, ERR_PEER,
					    "OPEN: a serial number that no certificate has");
				to[n++] = r->certs[i];
				left--;
			}
	}
	*total = n;
	return 0;
}

static struct evidence *
pack(struct reading *r, const struct identity *id, struct err *e)
{
	static uint8_t buf[MSG_MAX];
	static struct path_cert certs[PATHCERTS_MAX];
	struct msg_out o;
	struct evidence *ev;
	size_t paths = r->npaths * sizeof(r->paths[0]), all;
	uint32_t ncerts = 0;

	if (gather(r, certs, &ncerts, e) == -1)
		return NULL;
	all = ncerts * sizeof(certs[0]);
	msg_start(&o, buf, sizeof(buf), MSG_OPEN, 0);
	identity_put(id, &o);
	if (msg_finish(&o, e) == -1)
		return NULL;
	if ((ev = malloc(sizeof(*ev) + paths + all + o.len)) == NULL) {
		err_nomem(e, "connection");
		return NULL;
	}
	memcpy(ev->leaf, r->leaf, sizeof(ev->leaf));
	ev->leaf_not_after = r->leaf_not_after;
	ev->has_key = r->has_key;
	memcpy(ev->key, r->key, sizeof(ev->key));
	ev->npaths = r->npaths;
	ev->ncerts = ncerts;
	ev->identity_len = (uint32_t)o.len;
	memcpy(ev->paths, r->paths, paths);
	memcpy((uint8_t *)ev->paths + paths, certs, all);
	memcpy((uint8_t *)ev->paths + paths + all, buf, o.len);
	return ev;
}

struct evidence *
evidence_get(struct msg_in *m, struct identity **id, struct err *e)
{
	static struct reading r;
	struct identity *got = NULL;
	struct evidence *ev = NULL;

	memset(&r, 0, sizeof(r));
	if (read_sections(m, &r, e) == -1 || (got = identity_get(m, e)) == NULL)
		return NULL;
	if (read_key(m, &r, e) == 0 && read_certs(m, &r, e) == 0 && msg_end(m, e) == 0 &&
	    check_leaf(&r, got, e) == 0)
		ev = pack(&r, got, e);
	if (ev == NULL) {
		identity_free(got);
		return NULL;
	}
	*id = got;
	return ev;
}

const struct path_cert *
evidence_cert(const struct evidence *ev, uint32_t i)
{
	assert(i < ev->ncerts);
	return (const struct path_cert *)(const void *)&ev->paths[ev->npaths] + i;
}

const uint8_t *
evidence_key(const struct evidence *ev)
{
	return ev->has_key ? ev->key : NULL;
}

struct identity *
evidence_identity(const struct evidence *ev, struct err *e)
{
	struct msg_in m;

	const struct path_cert *certs =
	    (const struct path_cert *)(const void *)&ev->paths[ev->npaths];

	if (msg_parse(&m, certs + ev->ncerts, ev->identity_len, e) == -1)
		return NULL;
	return identity_get(&m, e);
}

void
evidence_value(const struct identity *id, enum id_field field, char *dst, size_t size)
{
	size_t pos = 0;
	const struct id_value *v = id == NULL ? NULL : identity_next(id, field, &pos);

	if (v == NULL)
		dst[0] = '\0';
	else
		(void)id_value_text(v, dst, size);
}
