/* explain.c - why a certificate would be let in, or not: the bridge's own verdict, told at length
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/pem.h>

#include "addr.h"
#include "child.h"
#include "file.h"
#include "identity_x509.h"
#include "load.h"
#include "spki.h"
#include "text.h"

struct question {
	char account[64], service[64], name[512];
	uint32_t has_uid, uid;
	struct sockaddr_storage from;
};

static int
parse_question(struct msg_in *m, struct question *q, struct err *e)
{
	if (msg_get_str(m, q->account, sizeof(q->account)) == -1 ||
	    msg_get_u32(m, &q->has_uid) == -1 || msg_get_u32(m, &q->uid) == -1 ||
	    msg_get_str(m, q->service, sizeof(q->service)) == -1 || addr_get(m, &q->from) == -1 ||
	    msg_get_str(m, q->name, sizeof(q->name)) == -1)
		return err_set(e, ERR_PEER, "EXPLAIN: malformed");
	return msg_end(m, e);
}

static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

/* The first certificate is the leaf, the others are what a client would send besides. */
static int
parse_certificates(
    const struct question *q, int fd, X509 **leaf, STACK_OF(X509) * *rest, struct err *e)
{
	uint8_t *text = NULL;
	size_t n = 0;
	BIO *b = NULL;
	X509 *c;
	int r = -1;

	if (file_read(fd, q->name, CERTPATH_PEM_MAX, &text, &n, e) == -1)
		return -1;
	if ((*rest = sk_X509_new_null()) == NULL || (b = BIO_new_mem_buf(text, (int)n)) == NULL) {
		err_nomem(e, "certificates");
		goto out;
	}
	if ((*leaf = PEM_read_bio_X509(b, NULL, no_passphrase, NULL)) == NULL) {
		err_set(e, ERR_FORMAT, "%s: no certificate in PEM form", q->name);
		goto out;
	}
	while ((c = PEM_read_bio_X509(b, NULL, no_passphrase, NULL)) != NULL)
		if (sk_X509_push(*rest, c) == 0) {
			X509_free(c);
			err_nomem(e, "certificates");
			goto out;
		}
	r = 0;
out:
	BIO_free(b);
	free(text);
	return r;
}

static void
print_line(void *arg, const char *text)
{
	(void)arg;
	load_text(CHILD_NOTICE, "%s", text);
}

static void
print_identity(const struct identity *id)
{
	for (unsigned f = 1; f <= ID_FIELD_MAX; f++) {
		const struct id_value *v;
		size_t pos = 0;

		while ((v = identity_next(id, (enum id_field)f, &pos)) != NULL) {
			char raw[1024], shown[1200];

			(void)id_value_text(v, raw, sizeof(raw));
			(void)text_escape(shown, sizeof(shown), raw, strlen(raw));
			load_text(CHILD_NOTICE, "  %-11s %s", id_field_name(f), shown);
		}
	}
}

/* The sections that accept, their names into `names`; says for each what it found. */
static size_t
ask_sections(struct load *l, X509 *leaf, STACK_OF(X509) * rest, int64_t now, const char **names,
    struct certpath_result *first)
{
	size_t n = 0;

	for (uint32_t i = 0; i < l->settings.nsections; i++) {
		struct certpath_request r = { .leaf = leaf,
			.untrusted = rest,
			.now = now,
			.purpose = CERTPATH_CLIENT,
			.identity_rules = true };
		struct certpath_result res = { 0 };
		struct err e = { 0 };

		if (certpath_verify(l->trust[i], &r, &res, &e) == -1) {
			load_text(CHILD_NOTICE, "trust \"%s\": refused: %s",
			    l->settings.sections[i].name, e.text);
			continue;
		}
		load_text(CHILD_NOTICE, "trust \"%s\": accepted, a path of %d certificates",
		    l->settings.sections[i].name, sk_X509_num(res.path));
		if (n == 0)
			*first = res;
		else
			certpath_result_done(&res);
		names[n++] = l->settings.sections[i].name;
	}
	return n;
}

/* The certificate's own key as an SSH key, for bind=same-key; false: it has no such form. */
static bool
own_key(X509 *leaf, uint8_t sha256[32])
{
	struct sshkey *k = malloc(sizeof(*k));
	EVP_PKEY *pkey = X509_get0_pubkey(leaf);
	struct err e;
	bool has = k != NULL && pkey != NULL && spki_to_sshkey(pkey, k, &e) == 0;
	char text[TEXT_SHA256_SIZE];

	if (has) {
		memcpy(sha256, k->sha256, 32);
		load_text(CHILD_NOTICE, "  %-11s %s", "same-key", text_sha256(text, sha256));
	}
	free(k);
	return has;
}

/* What the map says; 0: yes, 1: no. `own` may be NULL. */
static int
ask_map(struct load *l, const struct question *q, const struct identity *id, const uint8_t *own,
    const char *const *names, size_t n)
{
	struct idmap_rule_info rule = { 0 };
	struct idmap_query query = { .id = id,
		.sections = names,
		.nsections = n,
		.from = (const struct sockaddr *)&q->from,
		.account = q->account[0] == '\0' ? NULL : q->account,
		.has_uid = q->has_uid != 0,
		.uid = q->uid,
		.service = q->service,
		.name_only = strcmp(q->service, IDMAP_JUMP) == 0,
		.own_key = own };
	enum idmap_verdict v = idmap_open(l->map, &query, &rule);

	idmap_explain(l->map, &query, print_line, NULL);
	if (v == IDMAP_YES && query.account != NULL)
		v = idmap_who(l->map, &query, &rule);
	if (v == IDMAP_KEY_UNKNOWN) {
		load_text(CHILD_NOTICE, "verdict: yes with the right SSH key, %s by line %u: %s",
		    q->account, rule.line, rule.text);
		return 0;
	}
	if (v != IDMAP_YES) {
		load_text(CHILD_NOTICE, "verdict: no: %s", idmap_verdict_text(v));
		return 1;
	}
	if (query.account == NULL)
		load_text(CHILD_NOTICE, "verdict: a connection is opened; --account A tells "
					"whether it may log in there");
	else
		load_text(CHILD_NOTICE, "verdict: yes, %s by line %u: %s", q->account, rule.line,
		    rule.text);
	return 0;
}

/* A lock stands above every rule. */
static bool
tell_lock(const struct load *l, const char *name)
{
	const struct lock *k = lockset_find(&l->locks, name);
	char at[TEXT_TIME_SIZE], reason[LOCKSET_REASON_MAX * 4];

	if (k == NULL)
		return false;
	load_text(CHILD_NOTICE, "verdict: no: the identity is locked since %s%s%s",
	    text_time(at, k->since), k->reason[0] == '\0' ? "" : ": ",
	    text_escape(reason, sizeof(reason), k->reason, strlen(k->reason)));
	return true;
}

int
load_explain(struct load *l, struct msg_in *m, int *fds, size_t nfds, int64_t now, struct err *e)
{
	struct question q = { .has_uid = 0 };
	const char *names[SECTIONS_MAX];
	struct certpath_result first = { 0 };
	struct identity *id = NULL;
	STACK_OF(X509) *rest = NULL;
	X509 *leaf = NULL;
	uint8_t own[32];
	bool has_own;
	char name[IDENTITY_NAME_MAX], shown[IDENTITY_NAME_MAX];
	size_t n;
	int r = -1;

	if (nfds != 1)
		return err_set(e, ERR_PEER, "EXPLAIN: no certificate");
	if (parse_question(m, &q, e) == -1 || parse_certificates(&q, fds[0], &leaf, &rest, e) == -1)
		goto out;
	if ((n = ask_sections(l, leaf, rest, now, names, &first)) == 0) {
		load_text(CHILD_NOTICE, "verdict: no: no trust section accepts this certificate");
		r = 1;
		goto out;
	}
	if ((id = identity_from_x509(leaf, first.policies, first.npolicies, e)) == NULL)
		goto out;
	print_identity(id);
	has_own = own_key(leaf, own);
	for (uint32_t i = 0; i < l->settings.nsections; i++) {
		struct settings_section *s = &l->settings.sections[i];

		if (strcmp(s->name, names[0]) != 0)
			continue;
		if (identity_name(id, s->name, s->fields, s->nfields, name, sizeof(name), e) == -1)
			goto out;
		load_text(CHILD_NOTICE, "identity: %s",
		    text_escape(shown, sizeof(shown), name, strlen(name)));
	}
	r = ask_map(l, &q, id, has_own ? own : NULL, names, n);
	if (tell_lock(l, name))
		r = 1;
out:
	certpath_result_done(&first);
	identity_free(id);
	sk_X509_pop_free(rest, X509_free);
	X509_free(leaf);
	return r;
}
