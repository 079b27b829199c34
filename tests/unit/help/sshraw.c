/* sshraw.c - an SSH client that sends whatever a test wants */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sshraw.h"

#define VERSION_LINE "SSH-2.0-sshraw"
enum { KEXINIT = 20, NEWKEYS = 21, ECDH_INIT = 30, ECDH_REPLY = 31, TAG = 16, PACKET_MAX = 300000 };

struct direction {
	EVP_CIPHER_CTX *ctx; /* NULL: plain */
	uint8_t iv[12];
};

struct sshraw {
	int fd;
	uint8_t *out;
	size_t out_pos, out_len, out_size;
	uint8_t in[PACKET_MAX], plain[PACKET_MAX];
	size_t in_pos, in_len; /* in[in_pos..in_len) */
	bool ended, have_version;
	struct direction tx, rx;
	/* key exchange */
	uint8_t server_version[256], client_kexinit[2048], server_kexinit[8192];
	size_t server_version_len, client_kexinit_len, server_kexinit_len;
	EVP_PKEY *ecdh;
	uint8_t session_id[32], hash[32], secret[33];
	size_t secret_len; /* as mpint */
	bool have_id, in_kex;
	bool no_rekey;	/* KEXINIT is the test's */
	bool break_tag; /* of the next packet */
};

uint32_t
sshraw_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* ---- payloads ---------------------------------------------------------------------------------
 */

static void
add(struct sshraw_payload *p, const void *bytes, size_t n)
{
	assert(n <= sizeof(p->buf) - p->n);
	if (n > 0)
		memcpy(p->buf + p->n, bytes, n);
	p->n += n;
}

static void
add_string(struct sshraw_payload *p, const void *bytes, size_t n)
{
	uint8_t len[4];

	put_u32(len, (uint32_t)n);
	add(p, len, sizeof(len));
	add(p, bytes, n);
}

static void
vpack(struct sshraw_payload *p, const char *format, va_list ap)
{
	const void *bytes;
	uint8_t b[4];

	p->n = 0;
	for (; *format != '\0'; format++) {
		switch (*format) {
		case 'b':
			b[0] = (uint8_t)va_arg(ap, int);
			add(p, b, 1);
			break;
		case 'u':
			put_u32(b, va_arg(ap, uint32_t));
			add(p, b, 4);
			break;
		case 's':
			bytes = va_arg(ap, const char *);
			add_string(p, bytes, strlen(bytes));
			break;
		default:
			assert(*format == 'n');
			bytes = va_arg(ap, const void *);
			add_string(p, bytes, va_arg(ap, size_t));
		}
	}
}

void
sshraw_pack(struct sshraw_payload *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vpack(p, format, ap);
	va_end(ap);
}

void
sshraw_sendf(struct sshraw *s, const char *format, ...)
{
	static struct sshraw_payload p;
	va_list ap;

	va_start(ap, format);
	vpack(&p, format, ap);
	va_end(ap);
	sshraw_send(s, p.buf, p.n);
}

/* ---- packets ----------------------------------------------------------------------------------
 */

void
sshraw_bytes(struct sshraw *s, const void *bytes, size_t n)
{
	if (s->out_pos == s->out_len)
		s->out_pos = s->out_len = 0;
	if (s->out_len + n > s->out_size) {
		s->out_size = 2 * (s->out_len + n);
		s->out = realloc(s->out, s->out_size);
		assert(s->out != NULL);
	}
	memcpy(s->out + s->out_len, bytes, n);
	s->out_len += n;
	(void)sshraw_flush(s);
}

int
sshraw_flush(struct sshraw *s)
{
	while (s->out_pos < s->out_len) {
		ssize_t r = send(s->fd, s->out + s->out_pos, s->out_len - s->out_pos,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r == -1 && errno == EAGAIN)
			return 0;
		if (r <= 0) {
			s->out_pos = s->out_len = 0;
			return -1;
		}
		s->out_pos += (size_t)r;
	}
	return 0;
}

/* RFC 5647 section 7.1: the last eight bytes count packets. */
static void
iv_next(struct direction *d)
{
	for (int i = 11; i >= 4 && ++d->iv[i] == 0; i--)
		;
}

static void
encrypt(struct direction *d, uint8_t *packet, size_t n)
{
	int len;

	assert(EVP_EncryptInit_ex(d->ctx, NULL, NULL, NULL, d->iv) == 1);
	assert(EVP_EncryptUpdate(d->ctx, NULL, &len, packet, 4) == 1);
	assert(EVP_EncryptUpdate(d->ctx, packet + 4, &len, packet + 4, (int)n - 4) == 1);
	assert(EVP_EncryptFinal_ex(d->ctx, packet + n, &len) == 1);
	assert(EVP_CIPHER_CTX_ctrl(d->ctx, EVP_CTRL_AEAD_GET_TAG, TAG, packet + n) == 1);
	iv_next(d);
}

void
sshraw_break_tag(struct sshraw *s)
{
	s->break_tag = true;
}

void
sshraw_send(struct sshraw *s, const void *payload, size_t n)
{
	size_t block = s->tx.ctx == NULL ? 8 : 16, head = s->tx.ctx == NULL ? 5 : 1;
	size_t pad = block - (head + n) % block, len;
	static uint8_t packet[PACKET_MAX];

	pad += pad < 4 ? block : 0;
	len = 4 + 1 + n + pad;
	assert(len + TAG <= sizeof(packet));
	put_u32(packet, (uint32_t)(len - 4));
	packet[4] = (uint8_t)pad;
	memcpy(packet + 5, payload, n);
	memset(packet + 5 + n, 0, pad);
	if (s->tx.ctx == NULL) {
		sshraw_bytes(s, packet, len);
	} else {
		encrypt(&s->tx, packet, len);
		packet[len] ^= s->break_tag;
		s->break_tag = false;
		sshraw_bytes(s, packet, len + TAG);
	}
}

/* False: it is not what the server encrypted, or keys differ after a key exchange gone wrong. */
static bool
decrypt(struct direction *d, const uint8_t *p, size_t n, uint8_t *plain)
{
	uint8_t tag[TAG];
	int len;

	memcpy(tag, p + 4 + n, TAG);
	if (EVP_DecryptInit_ex(d->ctx, NULL, NULL, NULL, d->iv) != 1 ||
	    EVP_DecryptUpdate(d->ctx, NULL, &len, p, 4) != 1 ||
	    EVP_DecryptUpdate(d->ctx, plain, &len, p + 4, (int)n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(d->ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1 ||
	    EVP_DecryptFinal_ex(d->ctx, plain + n, &len) != 1)
		return false;
	iv_next(d);
	return true;
}

/* One packet out of s->in into s->plain: its payload's length, 0 when it is not all there. */
static size_t
take_packet(struct sshraw *s)
{
	size_t n, have = s->in_len - s->in_pos, tag = s->rx.ctx == NULL ? 0 : TAG;
	const uint8_t *p = s->in + s->in_pos;

	if (have < 4)
		return 0;
	if ((n = sshraw_u32(p)) < 6 || n > PACKET_MAX - 4 - TAG) {
		s->ended = true;
		return 0;
	}
	if (have < 4 + n + tag)
		return 0;
	if (s->rx.ctx == NULL)
		memcpy(s->plain, p + 4, n);
	else if (!decrypt(&s->rx, p, n, s->plain))
		s->ended = true;
	if (s->ended || s->plain[0] > n - 2) {
		s->ended = true;
		return 0;
	}
	s->in_pos += 4 + n + tag;
	return n - 1 - s->plain[0];
}

/* ---- key exchange: RFC 4253 section 7, RFC 8731 -----------------------------------------------
 */

static void
send_kexinit(struct sshraw *s)
{
	static struct sshraw_payload p;
	uint8_t cookie[16];

	assert(RAND_bytes(cookie, sizeof(cookie)) == 1);
	p.n = 0;
	add(&p, (uint8_t[]){ KEXINIT }, 1);
	add(&p, cookie, sizeof(cookie));
	add_string(&p, "curve25519-sha256", 17);
	add_string(&p, "ssh-ed25519", 11);
	for (int i = 0; i < 2; i++)
		add_string(&p, "aes128-gcm@openssh.com", 22);
	for (int i = 0; i < 2; i++)
		add_string(&p, "hmac-sha2-256-etm@openssh.com", 29);
	for (int i = 0; i < 2; i++)
		add_string(&p, "none", 4);
	for (int i = 0; i < 2; i++)
		add_string(&p, "", 0);
	add(&p, (uint8_t[5]){ 0 }, 5);
	memcpy(s->client_kexinit, p.buf, p.n);
	s->client_kexinit_len = p.n;
	sshraw_send(s, p.buf, p.n);
	s->in_kex = true;
}

void
sshraw_rekey(struct sshraw *s)
{
	if (!s->in_kex)
		send_kexinit(s);
}

void
sshraw_no_rekey(struct sshraw *s)
{
	s->no_rekey = true;
}

static void
on_kexinit(struct sshraw *s, const uint8_t *p, size_t n)
{
	uint8_t pub[32];
	size_t len = sizeof(pub);

	assert(n <= sizeof(s->server_kexinit));
	memcpy(s->server_kexinit, p, n);
	s->server_kexinit_len = n;
	if (!s->in_kex)
		send_kexinit(s);
	EVP_PKEY_free(s->ecdh);
	s->ecdh = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	assert(s->ecdh != NULL && EVP_PKEY_get_raw_public_key(s->ecdh, pub, &len) == 1);
	sshraw_sendf(s, "bn", ECDH_INIT, pub, len);
}

static void
shared_secret(struct sshraw *s, const uint8_t *server_pub)
{
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, server_pub, 32);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->ecdh, NULL);
	uint8_t raw[32], *p = raw;
	size_t n = sizeof(raw);

	assert(peer != NULL && EVP_PKEY_derive_init(ctx) == 1);
	assert(EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, raw, &n) == 1);
	for (; n > 0 && *p == 0; n--)
		p++;
	s->secret[0] = 0;
	s->secret_len = n + (n > 0 && *p >= 0x80);
	memcpy(s->secret + (s->secret_len - n), p, n);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
}

static void
sha256(const struct sshraw_payload *p, uint8_t hash[32])
{
	assert(EVP_Digest(p->buf, p->n, hash, NULL, EVP_sha256(), NULL) == 1);
}

static void
on_reply(struct sshraw *s, const uint8_t *p)
{
	static struct sshraw_payload h;
	const uint8_t *host = p + 1, *pub;
	size_t host_len = sshraw_u32(host), pub_len = 32;
	uint8_t own[32];

	pub = host + 4 + host_len + 4;
	shared_secret(s, pub);
	assert(EVP_PKEY_get_raw_public_key(s->ecdh, own, &pub_len) == 1);
	h.n = 0;
	add_string(&h, VERSION_LINE, strlen(VERSION_LINE));
	add_string(&h, s->server_version, s->server_version_len);
	add_string(&h, s->client_kexinit, s->client_kexinit_len);
	add_string(&h, s->server_kexinit, s->server_kexinit_len);
	add_string(&h, host + 4, host_len);
	add_string(&h, own, sizeof(own));
	add_string(&h, pub, 32);
	add_string(&h, s->secret, s->secret_len);
	sha256(&h, s->hash);
	if (!s->have_id)
		memcpy(s->session_id, s->hash, sizeof(s->hash));
	s->have_id = true;
	sshraw_sendf(s, "b", NEWKEYS);
}

static void
derive(struct sshraw *s, char letter, uint8_t out[32])
{
	static struct sshraw_payload p;

	p.n = 0;
	add_string(&p, s->secret, s->secret_len);
	add(&p, s->hash, sizeof(s->hash));
	add(&p, &letter, 1);
	add(&p, s->session_id, sizeof(s->session_id));
	sha256(&p, out);
}

static void
new_keys(struct sshraw *s, struct direction *d, bool out)
{
	uint8_t iv[32], key[32];

	derive(s, out ? 'A' : 'B', iv);
	derive(s, out ? 'C' : 'D', key);
	memcpy(d->iv, iv, sizeof(d->iv));
	EVP_CIPHER_CTX_free(d->ctx);
	d->ctx = EVP_CIPHER_CTX_new();
	assert(d->ctx != NULL);
	assert(EVP_CipherInit_ex(d->ctx, EVP_aes_128_gcm(), NULL, key, iv, out) == 1);
}

/* A message of the transport's own; false: for the test. */
static bool
transport(struct sshraw *s, const uint8_t *p, size_t n)
{
	switch (p[0]) {
	case 2: /* IGNORE, DEBUG, EXT_INFO */
	case 4:
	case 7:
		return true;
	case KEXINIT:
		if (s->no_rekey)
			return false;
		on_kexinit(s, p, n);
		return true;
	case ECDH_REPLY:
		if (!s->in_kex)
			return false;
		on_reply(s, p);
		new_keys(s, &s->tx, true);
		return true;
	case NEWKEYS:
		new_keys(s, &s->rx, false);
		s->in_kex = false;
		return true;
	default:
		return false;
	}
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static bool
take_version(struct sshraw *s)
{
	uint8_t *p = s->in + s->in_pos, *nl = memchr(p, '\n', s->in_len - s->in_pos);
	size_t n;

	if (s->have_version)
		return true;
	if (nl == NULL)
		return false;
	n = (size_t)(nl - p) - 1;
	assert(nl > p && nl[-1] == '\r' && n <= sizeof(s->server_version));
	memcpy(s->server_version, p, n);
	s->server_version_len = n;
	s->in_pos += n + 2;
	return s->have_version = true;
}

/* False: nothing there now, or the end. */
static bool
fill(struct sshraw *s)
{
	ssize_t r;

	s->in_len -= s->in_pos;
	memmove(s->in, s->in + s->in_pos, s->in_len);
	s->in_pos = 0;
	r = recv(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len, MSG_DONTWAIT);
	if (r > 0)
		s->in_len += (size_t)r;
	else if (r == 0 || errno != EAGAIN)
		s->ended = true;
	return r > 0;
}

const uint8_t *
sshraw_next(struct sshraw *s, size_t *n, bool *end)
{
	do {
		while (!s->ended && take_version(s) && (*n = take_packet(s)) > 0)
			if (!transport(s, s->plain + 1, *n))
				return s->plain + 1;
	} while (!s->ended && fill(s));
	*end = s->ended;
	return NULL;
}

/* ---- authentication: RFC 4252 section 7, RFC 8709 ---------------------------------------------
 */

static EVP_PKEY *
user_key(void)
{
	static const uint8_t seed[32] = "a key for tests and no secret  ";

	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

size_t
sshraw_blob(uint8_t *blob, size_t size)
{
	EVP_PKEY *k = user_key();
	static struct sshraw_payload p;
	uint8_t pub[32];
	size_t n = sizeof(pub);

	assert(k != NULL && EVP_PKEY_get_raw_public_key(k, pub, &n) == 1);
	EVP_PKEY_free(k);
	sshraw_pack(&p, "sn", "ssh-ed25519", pub, n);
	assert(p.n <= size);
	memcpy(blob, p.buf, p.n);
	return p.n;
}

void
sshraw_userauth(struct sshraw *s, const char *user)
{
	static struct sshraw_payload p, text;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *k = user_key();
	uint8_t blob[256], sig[64];
	size_t n = sshraw_blob(blob, sizeof(blob)), sig_len = sizeof(sig);

	sshraw_pack(
	    &p, "bsssbsn", 50, user, "ssh-connection", "publickey", 1, "ssh-ed25519", blob, n);
	text.n = 0;
	add_string(&text, s->session_id, sizeof(s->session_id));
	add(&text, p.buf, p.n);
	assert(EVP_DigestSignInit(ctx, NULL, NULL, NULL, k) == 1);
	assert(EVP_DigestSign(ctx, sig, &sig_len, text.buf, text.n) == 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(k);
	sshraw_pack(&text, "sn", "ssh-ed25519", sig, sig_len);
	add_string(&p, text.buf, text.n);
	sshraw_send(s, p.buf, p.n);
}

/* ---- life -------------------------------------------------------------------------------------
 */

struct sshraw *
sshraw_new(int fd)
{
	struct sshraw *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->fd = fd;
	(void)fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	sshraw_bytes(s, VERSION_LINE "\r\n", strlen(VERSION_LINE) + 2);
	send_kexinit(s);
	return s;
}

void
sshraw_free(struct sshraw *s)
{
	if (s == NULL)
		return;
	(void)close(s->fd);
	EVP_CIPHER_CTX_free(s->tx.ctx);
	EVP_CIPHER_CTX_free(s->rx.ctx);
	EVP_PKEY_free(s->ecdh);
	free(s->out);
	free(s);
}

int
sshraw_fd(const struct sshraw *s)
{
	return s->fd;
}

bool
sshraw_unsent(const struct sshraw *s)
{
	return s->out_pos < s->out_len;
}

bool
sshraw_ready(const struct sshraw *s)
{
	return s->have_id && !s->in_kex;
}
