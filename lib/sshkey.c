/* sshkey.c - SSH public keys from outside: blob and line of text */
#include <string.h>
#include <sys/types.h>
#include <sha2.h>

#include "sshkey.h"
#include "text.h"

#define RSA_BYTES_MAX	2048 /* 16384 bits, as OpenSSH */
#define RSA_BYTES_MIN	128  /* 1024 bits: below that nothing takes it */
#define APPLICATION_MAX 255

/* What a blob still holds. */
struct blob {
	const uint8_t *p;
	size_t n;
	uint32_t rsa_bits; /* set by take_rsa() */
};

/* The next string (RFC 4251 section 5): u32 length, bytes. */
static bool
get_string(struct blob *b, const uint8_t **p, size_t *n)
{
	uint32_t len;

	if (b->n < 4)
		return false;
	len = (uint32_t)b->p[0] << 24 | (uint32_t)b->p[1] << 16 | (uint32_t)b->p[2] << 8 | b->p[3];
	if (len > b->n - 4)
		return false;
	*p = b->p + 4;
	*n = len;
	b->p += 4 + len;
	b->n -= 4 + len;
	return true;
}

/* A positive mpint in its shortest form; p and n without the zero that keeps it positive. */
static bool
get_mpint(struct blob *b, const uint8_t **p, size_t *n)
{
	if (!get_string(b, p, n) || *n == 0 || ((*p)[0] & 0x80) != 0)
		return false;
	if ((*p)[0] == 0) {
		if (*n == 1 || ((*p)[1] & 0x80) == 0)
			return false;
		++*p;
		--*n;
	}
	return true;
}

/* A string of exactly these bytes. */
static bool
take_exactly(struct blob *b, const char *want)
{
	const uint8_t *p;
	size_t n;

	return get_string(b, &p, &n) && n == strlen(want) && memcmp(p, want, n) == 0;
}

static bool
take_ed25519(struct blob *b, size_t arg)
{
	const uint8_t *p;
	size_t n;

	(void)arg;
	return get_string(b, &p, &n) && n == 32;
}

static bool
take_rsa(struct blob *b, size_t arg)
{
	const uint8_t *e, *m;
	size_t elen, mlen;

	(void)arg;
	if (!get_mpint(b, &e, &elen) || elen > 8 || (e[elen - 1] & 1) == 0 ||
	    (elen == 1 && e[0] <= 1) || !get_mpint(b, &m, &mlen) || mlen < RSA_BYTES_MIN ||
	    mlen > RSA_BYTES_MAX)
		return false;
	b->rsa_bits = (uint32_t)mlen * 8;
	for (unsigned top = m[0]; (top & 0x80) == 0; top <<= 1)
		b->rsa_bits--;
	return true;
}

/* A point in uncompressed form (RFC 5656 section 3.1), `bytes` a coordinate. */
static bool
take_ecdsa(struct blob *b, size_t bytes)
{
	const uint8_t *p;
	size_t n;

	if (!take_exactly(b, bytes == 32 ? "nistp256" : bytes == 48 ? "nistp384" : "nistp521"))
		return false;
	return get_string(b, &p, &n) && n == 1 + 2 * bytes && p[0] == 4;
}

/* The application of a security key ("ssh:"): printable, not empty. */
static bool
take_application(struct blob *b)
{
	const uint8_t *p;
	size_t n;

	if (!get_string(b, &p, &n) || n == 0 || n > APPLICATION_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] <= 0x20 || p[i] >= 0x7f)
			return false;
	return true;
}

static bool
take_sk_ed25519(struct blob *b, size_t arg)
{
	return take_ed25519(b, arg) && take_application(b);
}

static bool
take_sk_ecdsa(struct blob *b, size_t bytes)
{
	return take_ecdsa(b, bytes) && take_application(b);
}

static const struct key_type {
	const char *name;
	bool (*take)(struct blob *b, size_t arg);
	size_t arg;
} types[] = {
	{ "ssh-ed25519", take_ed25519, 0 },
	{ "ssh-rsa", take_rsa, 0 },
	{ "ecdsa-sha2-nistp256", take_ecdsa, 32 },
	{ "ecdsa-sha2-nistp384", take_ecdsa, 48 },
	{ "ecdsa-sha2-nistp521", take_ecdsa, 66 },
	{ "sk-ssh-ed25519@openssh.com", take_sk_ed25519, 0 },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", take_sk_ecdsa, 32 },
};

static const struct key_type *
find_type(const uint8_t *name, size_t n)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].name) == n && memcmp(types[i].name, name, n) == 0)
			return &types[i];
	return NULL;
}

static int
unknown_type(const uint8_t *name, size_t n, struct err *e)
{
	char shown[80];

	return err_set(e, ERR_FORMAT,
	    "SSH key: type \"%s\" is not taken (no certificates; "
	    "ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256, -384, -521, and the sk- ones are)",
	    text_escape(shown, sizeof(shown), name, n));
}

int
sshkey_parse_blob(const uint8_t *p, size_t n, struct sshkey *k, struct err *e)
{
	struct blob b = { .p = p, .n = n };
	const struct key_type *type;
	const uint8_t *name;
	size_t len;
	SHA2_CTX sha;

	if (n > sizeof(k->blob))
		return err_set(
		    e, ERR_FORMAT, "SSH key: %zu bytes, at most %zu are taken", n, sizeof(k->blob));
	if (!get_string(&b, &name, &len))
		return err_set(e, ERR_FORMAT, "SSH key: cut off");
	if ((type = find_type(name, len)) == NULL)
		return unknown_type(name, len, e);
	if (!type->take(&b, type->arg) || b.n != 0)
		return err_set(e, ERR_FORMAT, "SSH key: malformed %s key", type->name);
	memset(k, 0, sizeof(*k));
	memcpy(k->type, type->name, strlen(type->name));
	memcpy(k->blob, p, n);
	k->blob_len = n;
	k->rsa_bits = b.rsa_bits;
	SHA256Init(&sha);
	SHA256Update(&sha, k->blob, k->blob_len);
	SHA256Final(k->sha256, &sha);
	return 0;
}

bool
sshkey_security(const struct sshkey *k, struct sshkey_security *s)
{
	struct blob b = { .p = k->blob, .n = k->blob_len };
	const uint8_t *p;
	size_t n;

	if (strncmp(k->type, "sk-", 3) != 0)
		return false;
	/* type, the curve's name where there is one, point, application: the last two count */
	*s = (struct sshkey_security){ 0 };
	while (get_string(&b, &p, &n)) {
		s->point = s->application;
		s->npoint = s->napplication;
		s->application = p;
		s->napplication = n;
	}
	return true;
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 section 4, padded, unused bits zero: one text for one value. -1 otherwise. */
static ssize_t
base64_decode(const char *text, size_t n, uint8_t *dst, size_t size)
{
	size_t pad, o = 0;
	uint32_t acc = 0;
	unsigned bits = 0;
	int v;

	if (n == 0 || n % 4 != 0)
		return -1;
	pad = (text[n - 1] == '=') + (text[n - 1] == '=' && text[n - 2] == '=' ? 1U : 0U);
	for (size_t i = 0; i < n - pad; i++) {
		if ((v = base64_value(text[i])) == -1)
			return -1;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (o == size)
			return -1;
		dst[o++] = (uint8_t)(acc >> bits);
	}
	return (acc & ((1U << bits) - 1)) != 0 ? -1 : (ssize_t)o;
}

/* The next word of a line and the blanks behind it; its length, 0 at the end. */
static size_t
next_word(const char **p, size_t *n, const char **word)
{
	size_t len = 0;

	*word = *p;
	while (len < *n && (*p)[len] != ' ' && (*p)[len] != '\t')
		len++;
	*p += len;
	*n -= len;
	while (*n > 0 && (**p == ' ' || **p == '\t')) {
		++*p;
		--*n;
	}
	return len;
}

/* "TYPE BASE64[ COMMENT]" taken apart; the blob has room for what a line can hold. */
struct line {
	const char *type;
	size_t type_len;
	uint8_t blob[SSHKEY_TEXT_MAX / 4 * 3];
	size_t blob_len;
};

static int
line_split(const char *text, size_t n, struct line *l, struct err *e)
{
	const char *b64;
	size_t b64_len;
	ssize_t len;

	if (n > SSHKEY_TEXT_MAX)
		return err_set(e, ERR_FORMAT, "SSH key: a line of %zu bytes, at most %d are taken",
		    n, SSHKEY_TEXT_MAX);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
			return err_set(
			    e, ERR_FORMAT, "SSH key: a control character, or more than one line");
	l->type_len = next_word(&text, &n, &l->type);
	b64_len = next_word(&text, &n, &b64);
	if (l->type_len == 0 || b64_len == 0)
		return err_set(e, ERR_FORMAT, "SSH key: a line \"TYPE BASE64\" is wanted");
	if ((len = base64_decode(b64, b64_len, l->blob, sizeof(l->blob))) == -1)
		return err_set(e, ERR_FORMAT, "SSH key: not in base64, or too long");
	l->blob_len = (size_t)len;
	return 0;
}

/* The name inside the blob must be the one before it. */
static int
line_agrees(const struct line *l, struct err *e)
{
	struct blob b = { .p = l->blob, .n = l->blob_len };
	const uint8_t *name;
	size_t len;

	if (!get_string(&b, &name, &len))
		return err_set(e, ERR_FORMAT, "SSH key: cut off");
	if (len != l->type_len || memcmp(name, l->type, len) != 0)
		return err_set(e, ERR_FORMAT, "SSH key: the line says another type than the key");
	return 0;
}

int
sshkey_parse_text(const char *text, size_t n, struct sshkey *k, struct err *e)
{
	struct line l;

	if (line_split(text, n, &l, e) == -1 || line_agrees(&l, e) == -1)
		return -1;
	return sshkey_parse_blob(l.blob, l.blob_len, k, e);
}

int
sshkey_parse_line(const char *text, size_t n, struct sshkey *k, struct err *e)
{
	struct line l;

	if (line_split(text, n, &l, e) == -1 || line_agrees(&l, e) == -1)
		return -1;
	if (find_type((const uint8_t *)l.type, l.type_len) == NULL)
		return 1;
	return sshkey_parse_blob(l.blob, l.blob_len, k, e);
}
