/*
 * fuzz_idmap.c - any text as an identity map, asked about any identity
 *
 * Input: the map; after its NUL the account; after that one's NUL the values: a letter for the
 * field ('a' is subject), then text up to the next NUL, a name in RFC 4514 form.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dn.h"
#include "idmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const sections[] = { "corp", "partner" };

struct input {
	const uint8_t *p;
	size_t left;
};

/* The next part up to a NUL or the end. */
static const uint8_t *
part(struct input *in, size_t *n)
{
	const uint8_t *p = in->p, *nul;

	nul = in->left == 0 ? NULL : memchr(p, '\0', in->left);
	*n = nul == NULL ? in->left : (size_t)(nul - p);
	in->p += nul == NULL ? *n : *n + 1;
	in->left -= nul == NULL ? *n : *n + 1;
	return p;
}

static void
add_value(struct identity *id, const uint8_t *p, size_t n)
{
	static struct dn_writer w;
	char text[4096];
	unsigned field = n == 0 ? 0 : (unsigned)(p[0] - 'a') + 1;
	struct err e;

	if (n < 2 || n > sizeof(text) || field < 1 || field > ID_FIELD_MAX)
		return;
	memcpy(text, p + 1, n - 1);
	text[n - 1] = '\0';
	if (field != ID_SUBJECT && field != ID_ISSUER)
		(void)identity_add(id, (enum id_field)field, text, n - 1, &e);
	else if (dn_parse(text, &w, &e) == 0)
		assert(identity_add(id, (enum id_field)field, w.buf, w.len, &e) == 0);
}

struct said {
	bool grants, denies;
};

static void
on_line(void *arg, const char *text)
{
	struct said *s = arg;

	assert(strncmp(text, "map:", 4) == 0);
	text += 4 + strspn(text + 4, "0123456789");
	s->grants = s->grants || strncmp(text, ": grants ", 9) == 0;
	s->denies = s->denies || strncmp(text, ": denies", 8) == 0;
}

static bool
is_portable(const char *s)
{
	return s[0] != '\0' && s[0] != '-' && strlen(s) <= IDMAP_ACCOUNT_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		   strlen(s);
}

/* What the verdict says, and what explain says of the same question, must be the same. */
static void
ask(const struct idmap *m, const struct idmap_query *q, const char *map)
{
	struct idmap_query other = *q;
	struct idmap_rule_info rule;
	enum idmap_verdict v = idmap_who(m, q, &rule);
	struct said s = { false, false };

	idmap_explain(m, q, on_line, &s);
	assert((v == IDMAP_DENY || v == IDMAP_LIMIT) == s.denies);
	assert((v == IDMAP_YES) == (s.grants && !s.denies));
	assert((rule.line != 0) == (v != IDMAP_LIMIT && v != IDMAP_NO_RULE));
	if (v == IDMAP_YES) {
		assert(is_portable(q->account));
		assert(idmap_open(m, q, &rule) == IDMAP_YES);
	}
	/* without the key nothing is granted that is not with it, nor by a bound rule alone */
	other.keys = NULL;
	if (idmap_who(m, &other, &rule) == IDMAP_YES)
		assert(v == IDMAP_YES);
	other.keys = q->keys;
	other.bound_only = true;
	if (idmap_who(m, &other, &rule) == IDMAP_YES)
		assert(v == IDMAP_YES);
	other.bound_only = false;
	other.has_uid = false;
	assert(idmap_who(m, &other, &rule) != IDMAP_YES);
	other.has_uid = true;
	other.uid = 0;
	if (idmap_who(m, &other, &rule) == IDMAP_YES)
		assert(strstr(map, q->account) != NULL);
	other.nsections = 0;
	assert(idmap_who(m, &other, &rule) == IDMAP_NO_RULE);
}

/* A target is opened, and listed, only for an account that is granted. */
static void
ask_targets(const struct idmap *m, const struct idmap_query *q)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001) };
	struct idmap_dial d = { .host = "db.prod.example", .port = 22 };
	struct idmap_query names = *q;
	struct idmap_rule_info rule;
	const char *targets[4];
	bool granted, cut;
	unsigned by_name;

	names.name_only = true;
	names.has_uid = false;
	granted = idmap_who(m, &names, &rule) == IDMAP_YES;
	by_name = idmap_to(m, &names, &d, &rule);
	assert(granted || by_name == 0);
	assert((rule.line != 0) == ((by_name & (IDMAP_TO_NAME | IDMAP_TO_ADDRESS)) != 0));
	if (idmap_targets(m, &names, targets, 4, &cut) == 0)
		assert(by_name == 0);
	d.address = (struct sockaddr *)&to;
	if (idmap_to(m, &names, &d, &rule) != (by_name & ~(unsigned)IDMAP_TO_MAYBE))
		assert((by_name & IDMAP_TO_MAYBE) != 0);
}

static void
ask_all(const struct idmap *m, struct input *in, const char *map)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a010203) };
	struct identity *id = identity_new();
	struct said ignored = { false, false };
	char account[64];
	size_t n;
	const uint8_t *p = part(in, &n);
	static struct keyset keys = { .n = 2, .sha256 = { { 0 }, { 2 } } };
	struct idmap_query q = { .sections = sections,
		.nsections = 1,
		.from = (struct sockaddr *)&from,
		.account = account,
		.has_uid = true,
		.uid = 1000,
		.service = "sshd",
		.keys = &keys,
		.own_key = keys.sha256[1] };

	assert(id != NULL);
	memset(keys.sha256[0], 1, sizeof(keys.sha256[0]));
	n = n < sizeof(account) ? n : sizeof(account) - 1;
	memcpy(account, p, n);
	account[n] = '\0';
	while (in->left > 0) {
		p = part(in, &n);
		add_value(id, p, n);
	}
	q.id = id;
	ask(m, &q, map);
	ask_targets(m, &q);
	q.account = NULL;
	idmap_explain(m, &q, on_line, &ignored);
	idmap_check(m, 10, on_line, &ignored);
	identity_free(id);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct idmap_config c = { .sections = sections, .nsections = 1, .capture_min_uid = 1000 };
	struct input in = { .p = data, .left = n };
	struct err e = { 0 };
	struct idmap *m;
	size_t len;
	const uint8_t *p = part(&in, &len);
	char *map = malloc(len + 1);

	assert(map != NULL);
	if (len > 0)
		memcpy(map, p, len);
	map[len] = '\0';
	/* bytes behind the first NUL too: a map with a NUL is refused */
	if (len < n && n > 0) {
		assert(idmap_parse("map", data, n, &c, &e) == NULL);
		assert(e.kind == ERR_FORMAT);
	}
	if ((m = idmap_parse("map", (uint8_t *)map, len, &c, &e)) != NULL) {
		ask_all(m, &in, map);
		idmap_free(m);
	} else {
		assert(e.kind == ERR_FORMAT && strncmp(e.text, "map:", 4) == 0);
	}
	c.nsections = 2;
	idmap_free(idmap_parse("map", (uint8_t *)map, len, &c, &e));
	free(map);
	return 0;
}
