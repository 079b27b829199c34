/* stage_ident.c - a test plays gates, PAM modules and targets of ident */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "identity.h"
#include "tests/unit/help/stage.h"
#include "crldraft.h"
#include "sealed.h"
#include "sshkey.h"
#include "text.h"

const char stage_map[] = "email {user}@corp.example {user} trust=corp\n"
			 "cn /^deploy-(?<env>[a-z]+)$/ deploy-{env} trust=corp\n"
			 "email mallory@corp.example deny trust=corp\n";

void
stage_settings(struct settings *s, uint16_t target_port)
{
	*s = (struct settings){ .nlisteners = 1,
		.nsections = 1,
		.ntargets = 1,
		.tls_min = 0x0304,
		.handshake_timeout = 10,
		.dial_timeout = 5,
		.connections = 1000,
		.gate_connections = 1000,
		.per_address = 64,
		.per_identity = 16,
		.port_first = 32768,
		.port_last = 60999,
		.capture_min_uid = 1000,
		.ask_uid = getuid() };
	(void)snprintf(s->listeners[0].name, sizeof(s->listeners[0].name), "[::]:8443");
	(void)snprintf(s->sections[0].name, sizeof(s->sections[0].name), "corp");
	s->sections[0].fields[0] = ID_EMAIL;
	s->sections[0].fields[1] = ID_SUBJECT;
	s->sections[0].nfields = 2;
	(void)snprintf(s->targets[0].name, sizeof(s->targets[0].name), "login");
	(void)snprintf(s->targets[0].host, sizeof(s->targets[0].host), "127.0.0.1");
	s->targets[0].port = target_port;
	s->targets[0].source = SOURCE_PER_IDENTITY;
	s->targets[0].idle_timeout = 77;
	s->targets[0].reauth = 600;
}

/* No list; or one of the issuer that stage_open() names, with the serial that it has. */
static int
seal_crls(bool revoked)
{
	static const uint8_t serial[] = { 0x1a, 0x2b };
	struct crldrafts all = { .v = NULL };
	struct crldraft d = { .list = { .this_update = time(NULL) - 1000,
				  .next_update = time(NULL) + 100000 } };
	struct err e = { 0 };
	int fd;

	if (revoked) {
		assert_int_equal(0, crldraft_add(&d, serial, sizeof(serial), 1, &e));
		assert_int_equal(0, crldrafts_take(&all, &d, &e));
	}
	fd = crldrafts_seal(&all, &e);
	crldrafts_done(&all);
	return fd;
}

/* NULL: nobody has any. */
static int
seal_keys(const struct authkeys *keys)
{
	struct err e = { 0 };
	struct authkeys *none = keys == NULL ? authkeys_new(&e) : NULL;
	int fd = authkeys_seal(keys == NULL ? none : keys, &e);

	authkeys_free(none);
	return fd;
}

void
stage_generation(struct stage *p, uint64_t number, const struct settings *s,
    const uint8_t *anchor_bytes, size_t nanchors, const char *map)
{
	static uint8_t text[SETTINGS_BYTES_MAX];
	struct records_writer w = { .max = 65536 };
	struct err e = { 0 };
	struct msg_out o;
	uint8_t buf[64], sha256[32];
	size_t n = 0;
	int fds[5];

	assert_int_equal(0, settings_encode(s, text, sizeof(text), &n, &e));
	for (size_t i = 0; i < nanchors; i++) {
		memset(sha256, anchor_bytes[i], sizeof(sha256));
		for (uint32_t k = 0; k < s->nsections; k++)
			assert_int_equal(0, records_add(&w,
						&(struct record){ .kind = RECORD_ANCHOR_SHA256,
						    .section = k,
						    .p = sha256,
						    .n = sizeof(sha256) },
						&e));
	}
	fds[0] = sealed_new("settings", text, n, &e);
	fds[1] = sealed_new("anchors", w.buf == NULL ? text : w.buf, w.len, &e);
	fds[2] = sealed_new("map", map, strlen(map), &e);
	fds[3] = seal_crls(p->revoked);
	fds[4] = seal_keys(p->keys);
	records_done(&w);
	msg_start(&o, buf, sizeof(buf), MSG_GENERATION, 0);
	msg_put_u64(&o, number);
	msg_put_u32(&o, p->force);
	stage_send(p->monitor, &o, fds, 5);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
}

void
stage_in_force(struct stage *p, uint64_t number, const struct settings *s)
{
	static const uint8_t anchor = STAGE_ANCHOR;
	char why[512];

	stage_generation(p, number, s, &anchor, 1, stage_map);
	if (!stage_ready(p, number, why, sizeof(why)))
		fail_msg("generation refused: %s", why);
}

struct stage_open
stage_open(uint32_t number)
{
	int64_t now = time(NULL);

	return (struct stage_open){ .number = number,
		.server_name = "",
		.client = "192.0.2.7",
		.email = "alice@corp.example",
		.serial = "1a2b",
		.sections = { "corp" },
		.leaf = 1,
		.anchor = STAGE_ANCHOR,
		.not_before = now - 1000,
		.not_after = now + 1000 };
}

static void
put_identity(const struct stage_open *a, const uint8_t leaf[32], struct msg_out *o)
{
	struct identity *id = identity_new();
	char fp[TEXT_SHA256_SIZE];
	struct err e = { 0 };

	assert_non_null(id);
	(void)text_sha256(fp, leaf);
	assert_int_equal(0, identity_add(id, ID_SERIAL, a->serial, strlen(a->serial), &e));
	if (a->email != NULL)
		assert_int_equal(0, identity_add(id, ID_EMAIL, a->email, strlen(a->email), &e));
	if (a->cn != NULL)
		assert_int_equal(0, identity_add(id, ID_CN, a->cn, strlen(a->cn), &e));
	if (a->lists != NULL)
		assert_int_equal(0, identity_add(id, ID_SSH_KEY, a->lists, strlen(a->lists), &e));
	if (!a->no_fingerprint)
		assert_int_equal(0, identity_add(id, ID_FINGERPRINT, fp, strlen(fp), &e));
	identity_put(id, o);
	identity_free(id);
}

static void
put_ssh_key(const char *line, struct msg_out *o)
{
	static struct sshkey key;
	struct err e = { 0 };

	key.blob_len = 0;
	if (line != NULL)
		assert_int_equal(0, sshkey_parse_text(line, strlen(line), &key, &e));
	msg_put_bytes(o, key.blob, key.blob_len);
}

static void
put_cert(const struct stage_open *a, const char *section, bool leaf, struct msg_out *o)
{
	struct pathcert pc = { .serial = { 0x1a, 0x2b }, .serial_len = 2 };

	memset(pc.sha256, leaf ? a->leaf : a->anchor, sizeof(pc.sha256));
	pc.not_before = leaf ? a->not_before : 0;
	pc.not_after = leaf ? a->not_after : INT64_MAX;
	(void)snprintf(pc.section, sizeof(pc.section), "%s", section);
	pathcert_put(&pc, o);
}

/* What OPEN and RENEW say of a certificate. */
static void
put_evidence(const struct stage_open *a, struct msg_out *o)
{
	uint8_t leaf[32];
	uint32_t n = 0;

	memset(leaf, a->leaf, sizeof(leaf));
	while (n < 3 && a->sections[n] != NULL)
		n++;
	msg_put_u32(o, n);
	for (uint32_t i = 0; i < n; i++)
		msg_put_str(o, a->sections[i]);
	put_identity(a, leaf, o);
	put_ssh_key(a->ssh_key, o);
	msg_put_u32(o, n * 2 + a->stray_section);
	for (uint32_t i = 0; i < n; i++) {
		put_cert(a, a->sections[i], true, o);
		put_cert(a, a->sections[i], false, o);
	}
	if (a->stray_section)
		put_cert(a, "stray", true, o);
}

void
stage_open_put(const struct stage_open *a, struct msg_out *o, uint8_t *buf, size_t size)
{
	struct sockaddr_storage client, listener;
	struct err e = { 0 };

	assert_int_equal(0, addr_parse(a->client, &client, &e));
	assert_int_equal(0, addr_parse("192.0.2.1", &listener, &e));
	addr_set_port(&client, 50000);
	addr_set_port(&listener, 8443);
	msg_start(o, buf, size, MSG_OPEN, 0);
	msg_put_u32(o, a->number);
	msg_put_u64(o, 1);
	msg_put_str(o, a->server_name);
	addr_put(&client, o);
	addr_put(&listener, o);
	put_evidence(a, o);
}

void
stage_renew_put(
    const struct stage_open *a, uint64_t conn, struct msg_out *o, uint8_t *buf, size_t size)
{
	msg_start(o, buf, size, MSG_RENEW, conn);
	msg_put_u32(o, a->number);
	put_evidence(a, o);
}

void
stage_renew_send(int gate, uint64_t conn, const struct stage_open *a)
{
	uint8_t buf[8192];
	struct msg_out o;

	stage_renew_put(a, conn, &o, buf, sizeof(buf));
	stage_send(gate, &o, NULL, 0);
}

uint64_t
stage_renewed(int gate, uint32_t number, uint64_t conn)
{
	struct got *g = malloc(sizeof(*g));
	struct err e = { 0 };
	uint64_t renew;
	uint32_t n;

	assert_non_null(g);
	stage_expect(gate, g, MSG_RENEWED);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_int_equal(0, msg_get_u64(&g->m, &renew));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(number, n);
	assert_true(g->m.conn == conn);
	free(g);
	return renew;
}

void
stage_open_send(int gate, const struct stage_open *a)
{
	uint8_t buf[8192];
	struct msg_out o;

	stage_open_put(a, &o, buf, sizeof(buf));
	stage_send(gate, &o, NULL, 0);
}

void
stage_closed(int gate, uint64_t conn, uint32_t number)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_CLOSED, conn);
	msg_put_u32(&o, number);
	msg_put_u64(&o, 11);
	msg_put_u64(&o, 22);
	msg_put_str(&o, "client left");
	stage_send(gate, &o, NULL, 0);
}

int
stage_opened(int gate, uint32_t number, uint64_t *conn)
{
	uint64_t renew;

	return stage_opened_until(gate, number, conn, &renew);
}

int
stage_opened_until(int gate, uint32_t number, uint64_t *conn, uint64_t *renew)
{
	struct got *g = malloc(sizeof(*g));
	uint32_t n, idle;
	char target[64];
	struct err e = { 0 };
	int fd;

	assert_non_null(g);
	stage_expect(gate, g, MSG_OPENED);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_int_equal(0, msg_get_u32(&g->m, &idle));
	assert_int_equal(0, msg_get_str(&g->m, target, sizeof(target)));
	assert_int_equal(0, msg_get_u64(&g->m, renew));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(number, n);
	assert_int_equal(1, g->nfds);
	assert_true(g->m.conn != 0);
	*conn = g->m.conn;
	fd = g->fds[0];
	free(g);
	return fd;
}

unsigned
stage_cut(int gate, uint32_t number, uint64_t conn)
{
	struct got *g = malloc(sizeof(*g));
	uint32_t n, code;
	char text[256];
	struct err e = { 0 };

	assert_non_null(g);
	stage_expect(gate, g, MSG_CUT);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_int_equal(0, msg_get_u32(&g->m, &code));
	assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(number, n);
	assert_true(g->m.conn == conn);
	assert_int_equal(0, g->nfds);
	assert_true(strlen(text) > 0);
	free(g);
	return code;
}

unsigned
stage_refused(int gate, uint32_t number)
{
	struct got *g = malloc(sizeof(*g));
	uint32_t n, code;
	char text[256];
	struct err e = { 0 };

	assert_non_null(g);
	stage_expect(gate, g, MSG_REFUSED);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_int_equal(0, msg_get_u32(&g->m, &code));
	assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(number, n);
	assert_int_equal(0, g->nfds);
	assert_true(strlen(text) > 0);
	free(g);
	return code;
}

int
stage_listener(uint16_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&in, sizeof(in)));
	assert_int_equal(0, listen(fd, 64));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&in, &n));
	*port = ntohs(in.sin_port);
	return fd;
}

void
stage_listen(struct stage *p, struct stage_sock *s)
{
	stage_listen_index(p, s, 0);
}

void
stage_audited(struct stage *p, uint64_t number, uint32_t written)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_AUDITED, 0);
	msg_put_u64(&o, number);
	msg_put_u32(&o, written);
	stage_send(p->monitor, &o, NULL, 0);
}

void
stage_listen_index(struct stage *p, struct stage_sock *s, uint32_t index)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	uint8_t buf[64];
	struct msg_out o;

	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/stage.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	(void)snprintf(s->path, sizeof(s->path), "%s/sock", s->dir);
	memcpy(un.sun_path, s->path, strlen(s->path) + 1);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&un, sizeof(un)));
	assert_int_equal(0, listen(fd, 64));
	msg_start(&o, buf, sizeof(buf), MSG_LISTEN, 0);
	msg_put_u64(&o, 0);
	msg_put_u32(&o, 1);
	msg_put_u32(&o, index);
	stage_send(p->monitor, &o, &fd, 1);
	close(fd);
}

void
stage_listen_done(struct stage_sock *s)
{
	(void)unlink(s->path);
	(void)rmdir(s->dir);
}

int
stage_ask_connect(const struct stage_sock *s)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(un.sun_path, s->path, strlen(s->path) + 1);
	assert_int_equal(0, connect(fd, (struct sockaddr *)&un, sizeof(un)));
	return fd;
}

static void
put_who(struct msg_out *o, uint8_t *buf, size_t size, unsigned hook, const char *account,
    const char *info, unsigned promise)
{
	msg_start(o, buf, size, MSG_WHO, 0);
	msg_put_u32(o, hook);
	msg_put_str(o, "sshd");
	msg_put_str(o, account);
	msg_put_u32(o, 1);
	msg_put_u32(o, 1001);
	msg_put_str(o, info);
	msg_put_u32(o, promise);
}

void
stage_who(int fd, unsigned hook, const char *account, const int *fds, size_t nfds)
{
	uint8_t buf[1024];
	struct msg_out o;

	put_who(&o, buf, sizeof(buf), hook, account, "", 0);
	stage_send(fd, &o, fds, nfds);
}

void
stage_who_bind(
    int fd, unsigned hook, const char *account, const char *info, unsigned promise, int sock)
{
	uint8_t buf[20000];
	struct msg_out o;

	put_who(&o, buf, sizeof(buf), hook, account, info, promise);
	stage_send(fd, &o, &sock, 1);
}

void
stage_who_info(int fd, unsigned hook, const char *account, const char *info, int sock)
{
	stage_who_bind(fd, hook, account, info, 0, sock);
}

unsigned
stage_ask(const struct stage_sock *s, unsigned hook, const char *account, int sock, unsigned *kind)
{
	struct got *g = malloc(sizeof(*g));
	int fd = stage_ask_connect(s);
	unsigned type;

	assert_non_null(g);
	stage_who(fd, hook, account, &sock, 1);
	stage_recv(fd, g);
	assert_false(g->end);
	type = g->m.type;
	*kind = 0;
	if (type == MSG_NO)
		assert_int_equal(0, msg_get_u32(&g->m, kind));
	stage_expect_end(fd);
	close(fd);
	free(g);
	return type;
}
