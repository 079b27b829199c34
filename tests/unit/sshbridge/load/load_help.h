/* load_help.h - a set of files for the load process, and the monitor's messages to it */
#ifndef LOAD_HELP_H
#define LOAD_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "sshbridge/load/load.h"
#include "tests/unit/help/pki.h"
#include "tests/unit/help/stage.h"

/* One file; its text goes through a memfd unless `fd` is one (0: none). */
struct part {
	uint32_t kind, section;
	const char *name;
	const void *p;
	size_t n;
	int fd;
};
/* Where each is in a good set. */
enum { F_SETTINGS, F_ANCHORS, F_INTERMEDIATES, F_CRL, F_CHAIN, F_MAP, F_AUTHKEYS, F_COUNT };
struct files {
	struct part part[F_COUNT];
	const char *key; /* NULL: no KEY */
};

#define LOAD_GENERATION 7
static const char load_map[] = "# one rule\nemail {user}@corp.example {user}\n";

/* A whole PKI as PEM text, made once. */
static struct {
	struct pki_cert *root, *inter, *server, *alice, *other;
	char *anchors, *inters, *crl, *chain, *key, *leaf;
	uint8_t settings[SETTINGS_BYTES_MAX];
	size_t settings_len;
} pem;

static inline char *
load_two(char *a, char *b)
{
	char *both = NULL;

	assert_true(asprintf(&both, "%s%s", a, b) > 0);
	free(a);
	free(b);
	return both;
}

static inline int
load_pki_setup(void **state)
{
	const struct pki_crl_spec crl = { .from = 0 };
	struct settings *s = calloc(1, sizeof(*s));
	struct err e = { 0 };
	X509_CRL *of_root, *of_inter;

	(void)state;
	assert_non_null(s);
	pem.root = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
	pem.inter = pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE }, pem.root);
	pem.server = pki_make(
	    &(struct pki_spec){ .profile = PKI_SERVER, .subject = "CN=bastion" }, pem.inter);
	pem.alice = pki_make(&(struct pki_spec){ .subject = "CN=alice",
				 .ext = { "subjectAltName=email:alice@corp.example" } },
	    pem.inter);
	pem.other =
	    pki_make(&(struct pki_spec){ .profile = PKI_ROOT, .subject = "CN=other" }, NULL);
	of_root = pki_crl(&crl, pem.root);
	of_inter = pki_crl(&crl, pem.inter);
	pem.anchors = pki_pem_cert(pem.root->cert);
	pem.inters = pki_pem_cert(pem.inter->cert);
	pem.crl = load_two(pki_pem_crl(of_inter), pki_pem_crl(of_root));
	pem.chain = load_two(pki_pem_cert(pem.server->cert), pki_pem_cert(pem.inter->cert));
	pem.key = pki_pem_key(pem.server->key);
	pem.leaf = pki_pem_cert(pem.alice->cert);
	stage_settings(s, 22);
	s->sections[0].revocation = 1;
	assert_int_equal(
	    0, settings_encode(s, pem.settings, sizeof(pem.settings), &pem.settings_len, &e));
	X509_CRL_free(of_root);
	X509_CRL_free(of_inter);
	free(s);
	return 0;
}

static inline int
load_pki_teardown(void **state)
{
	(void)state;
	pki_free(pem.root);
	pki_free(pem.inter);
	pki_free(pem.server);
	pki_free(pem.alice);
	pki_free(pem.other);
	free(pem.anchors);
	free(pem.inters);
	free(pem.crl);
	free(pem.chain);
	free(pem.key);
	free(pem.leaf);
	return 0;
}

static inline struct files
load_good(void)
{
#define TEXT(kind, name, text)                       \
	{                                            \
		kind, 0, name, text, strlen(text), 0 \
	}
	return (struct files){ .key = pem.key,
		.part = { [F_SETTINGS] = { LOAD_SETTINGS, 0, "sshbridge.conf", pem.settings,
			      pem.settings_len, 0 },
		    [F_ANCHORS] = TEXT(LOAD_ANCHORS, "client-ca.pem", pem.anchors),
		    [F_INTERMEDIATES] = TEXT(LOAD_INTERMEDIATES, "intermediate.pem", pem.inters),
		    [F_CRL] = TEXT(LOAD_CRL, "crl.pem", pem.crl),
		    [F_CHAIN] = TEXT(LOAD_CHAIN, "server.pem", pem.chain),
		    [F_MAP] = TEXT(LOAD_MAP, "identity.map", load_map),
		    [F_AUTHKEYS] = TEXT(LOAD_AUTHKEYS, "authorized keys", "") } };
#undef TEXT
}

static inline int
load_memfd(const void *p, size_t n)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_int_not_equal(-1, fd);
	assert_int_equal((ssize_t)n, write(fd, p, n));
	return fd;
}

static inline void
load_send_key(struct stage *p, const char *key)
{
	uint8_t buf[LOAD_KEY_MAX];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_KEY, 0);
	msg_put_u64(&o, LOAD_GENERATION);
	msg_put_bytes(&o, key, strlen(key));
	stage_send(p->monitor, &o, NULL, 0);
}

/* The head of FILES with n entries to follow. */
static inline void
load_files_start(struct msg_out *o, uint8_t *buf, size_t size, uint32_t n)
{
	msg_start(o, buf, size, MSG_FILES, 0);
	msg_put_u64(o, LOAD_GENERATION);
	msg_put_u32(o, n);
}

static inline void
load_send_end(struct stage *p)
{
	uint8_t buf[64];
	struct msg_out o;

	load_files_start(&o, buf, sizeof(buf), 0);
	stage_send(p->monitor, &o, NULL, 0);
}

static inline void
load_send_part(struct stage *p, const struct part *f)
{
	uint8_t buf[1024];
	struct msg_out o;
	int fd = f->fd != 0 ? f->fd : load_memfd(f->p, f->n);

	load_files_start(&o, buf, sizeof(buf), 1);
	msg_put_u32(&o, f->kind);
	msg_put_u32(&o, f->section);
	msg_put_str(&o, f->name);
	stage_send(p->monitor, &o, &fd, 1);
	close(fd);
}

/* All of it, each part in a message of its own; one of kind 0 is left out. */
static inline void
load_send_all(struct stage *p, const struct files *f)
{
	if (f->key != NULL)
		load_send_key(p, f->key);
	for (size_t i = 0; i < F_COUNT; i++)
		if (f->part[i].kind != 0)
			load_send_part(p, &f->part[i]);
	load_send_end(p);
}

/* After READY not ok the process is gone, with status 1. */
static inline void
load_refused(struct stage *p, char *why, size_t size)
{
	int status;

	assert_false(stage_ready(p, LOAD_GENERATION, why, size));
	stage_expect_end(p->monitor);
	status = stage_wait(p);
	assert_true(WIFEXITED(status));
	assert_int_equal(1, WEXITSTATUS(status));
}

/* The good set was taken: GENERATION, after TEXT lines, which end up in `said` (may be NULL). */
static inline void
load_taken(struct stage *p, struct got *g, char *said, size_t size)
{
	uint32_t level;
	char line[3000];

	if (said != NULL)
		said[0] = '\0';
	for (;;) {
		stage_recv(p->monitor, g);
		if (g->end)
			fail_msg("it ended before GENERATION");
		if (g->m.type == MSG_READY) {
			char why[512];
			uint64_t n;

			assert_int_equal(0, msg_get_u64(&g->m, &n));
			assert_int_equal(0, msg_get_u32(&g->m, &level));
			assert_int_equal(0, msg_get_str(&g->m, why, sizeof(why)));
			fail_msg("refused: %s", why);
		}
		if (g->m.type == MSG_ENDS)
			continue; /* test_ends.c reads it */
		if (g->m.type != MSG_TEXT)
			break;
		assert_int_equal(0, msg_get_u32(&g->m, &level));
		assert_int_equal(0, msg_get_str(&g->m, line, sizeof(line)));
		if (said != NULL)
			(void)snprintf(said + strlen(said), size - strlen(said), "%s\n", line);
	}
	assert_int_equal(MSG_GENERATION, g->m.type);
}

static inline void
load_close(struct got *g)
{
	for (size_t i = 0; i < g->nfds; i++)
		close(g->fds[i]);
	g->nfds = 0;
}

#endif
