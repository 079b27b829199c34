/* test_load.c - the load process: a good set is handed on sealed, each broken file is named */
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "sealed.h"
#include "tests/unit/sshbridge/load/load_help.h"

/* explain.o and build.o speak through main.o, which is the program's; no test here calls them. */
void
load_text(unsigned level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

static size_t
count_records(const struct sealed *s, uint32_t kind)
{
	struct record r;
	struct err e = { 0 };
	size_t pos = 0, n = 0;
	int more;

	while ((more = records_next(s, &pos, &r, &e)) == 1)
		n += r.kind == kind;
	assert_int_equal(0, more);
	return n;
}

static void
a_good_set_comes_back_sealed_and_whole(void **state)
{
	struct files f = load_good();
	struct got *g = malloc(sizeof(*g));
	struct sealed s[7];
	struct crlindex ix;
	struct err e = { 0 };
	struct stage p;
	uint64_t number;
	uint32_t rules;

	(void)state;
	assert_non_null(g);
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_taken(&p, g, NULL, 0);
	assert_int_equal(0, msg_get_u64(&g->m, &number));
	assert_int_equal(0, msg_get_u32(&g->m, &rules));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(LOAD_GENERATION, number);
	assert_int_equal(1, rules);
	assert_int_equal(7, g->nfds);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW,
		    fcntl(g->fds[i], F_GET_SEALS) & (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW));
		assert_int_equal(0, sealed_map(g->fds[i], 1 << 20, &s[i], &e));
	}
	assert_int_equal(pem.settings_len, s[0].n);
	assert_memory_equal(pem.settings, s[0].p, s[0].n);
	assert_int_equal(1, count_records(&s[1], RECORD_ANCHOR));
	assert_int_equal(1, count_records(&s[1], RECORD_INTERMEDIATE));
	assert_int_equal(1, count_records(&s[2], RECORD_ANCHOR_SHA256));
	assert_int_equal(strlen(load_map), s[3].n);
	assert_memory_equal(load_map, s[3].p, s[3].n);
	assert_int_equal(strlen(pem.chain), s[4].n);
	assert_memory_equal(pem.chain, s[4].p, s[4].n);
	assert_int_equal(0, crlindex_open(&s[5], &ix, &e));
	assert_int_equal(2, ix.nlists);
	assert_string_equal("crl.pem", ix.lists[0].file);
	assert_int_equal(0, s[6].n);
	for (size_t i = 0; i < 7; i++) {
		assert_null(memmem(s[i].p, s[i].n, "PRIVATE KEY", 11));
		sealed_unmap(&s[i]);
	}
	load_close(g);
	free(g);
	stage_end(&p);
}

/* The set with one part replaced is refused, and `word` is in what the administrator reads. */
static void
refused_with(unsigned part, const char *text, const char *word)
{
	struct files f = load_good();
	struct stage p;
	char why[512];

	f.part[part].p = text;
	f.part[part].n = strlen(text);
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_refused(&p, why, sizeof(why));
	if (strstr(why, f.part[part].name) == NULL || strstr(why, word) == NULL)
		fail_msg("%s, with \"%s\" to come: %s", f.part[part].name, word, why);
}

static char *
cut(const char *text, size_t n)
{
	char *s = strdup(text);

	assert_non_null(s);
	s[strlen(s) - n] = '\0';
	return s;
}

static void
each_broken_file_is_refused_by_its_name(void **state)
{
	static const char junk[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	char *anchors = cut(pem.anchors, 60), *crl = cut(pem.crl, 60), *chain = cut(pem.chain, 60);

	(void)state;
	refused_with(F_ANCHORS, "", "");
	refused_with(F_ANCHORS, "no certificate\n", "");
	refused_with(F_ANCHORS, junk, "");
	refused_with(F_ANCHORS, anchors, "");
	refused_with(F_INTERMEDIATES, junk, "");
	refused_with(F_INTERMEDIATES, pem.crl, "");
	refused_with(F_CRL, pem.anchors, "");
	refused_with(F_CRL, crl, "");
	refused_with(F_CRL, "", "");
	refused_with(F_CHAIN, "", "no certificate");
	refused_with(F_CHAIN, "no certificate\n", "no certificate");
	refused_with(F_CHAIN, junk, "certificate 1 is damaged");
	refused_with(F_CHAIN, pem.leaf, "not the key of this certificate");
	refused_with(F_MAP, "email a@corp.example alice\nemail b@corp.example\n", ":2: ");
	refused_with(F_MAP, "email a@corp.example alice", "");
	refused_with(F_CHAIN, chain, "certificate 2 is damaged");
	free(anchors);
	free(crl);
	free(chain);
}

static void
a_map_without_a_rule_is_taken_with_a_warning(void **state)
{
	struct files f = load_good();
	struct got *g = malloc(sizeof(*g));
	struct stage p;
	char said[3000];

	(void)state;
	assert_non_null(g);
	f.part[F_MAP].p = "# nobody\n";
	f.part[F_MAP].n = 9;
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_taken(&p, g, said, sizeof(said));
	assert_non_null(strstr(said, "identity.map: no rule"));
	load_close(g);
	free(g);
	stage_end(&p);
}

static void
a_missing_file_is_refused(void **state)
{
	static const struct {
		unsigned part;
		const char *word;
	} rows[] = { { F_SETTINGS, "settings" }, { F_ANCHORS, "\"corp\": no trust anchor" },
		{ F_CHAIN, "server certificate" }, { F_MAP, "map" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct files f = load_good();
		struct stage p;
		char why[512];

		f.part[rows[i].part].kind = 0;
		stage_start(&p, "load");
		load_send_all(&p, &f);
		load_refused(&p, why, sizeof(why));
		if (strstr(why, rows[i].word) == NULL)
			fail_msg("without %s: %s", rows[i].word, why);
	}
}

/* A chain of a certificate that a gate's TLS library would not take, with its key. */
static void
refused_certificate(const struct pki_spec *spec, const char *word)
{
	struct pki_cert *c = pki_make(spec, pem.inter);
	char *text = pki_pem_cert(c->cert), *key = pki_pem_key(c->key), why[512];
	struct files f = load_good();
	struct stage p;

	f.part[F_CHAIN].p = text;
	f.part[F_CHAIN].n = strlen(text);
	f.key = key;
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_refused(&p, why, sizeof(why));
	if (strstr(why, "server.pem: certificate 1") == NULL || strstr(why, word) == NULL)
		fail_msg("\"%s\" to come: %s", word, why);
	free(text);
	free(key);
	pki_free(c);
}

/* With such a server certificate the bridge starts, and says what clients will make of it. */
static void
told_certificate(int64_t from, int64_t until, const char *word)
{
	struct pki_cert *c = pki_make(
	    &(struct pki_spec){ .profile = PKI_SERVER, .from = from, .until = until }, pem.inter);
	char *text = pki_pem_cert(c->cert), *key = pki_pem_key(c->key), said[4096];
	struct got *g = malloc(sizeof(*g));
	struct files f = load_good();
	struct stage p;

	assert_non_null(g);
	f.part[F_CHAIN].p = text;
	f.part[F_CHAIN].n = strlen(text);
	f.key = key;
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_taken(&p, g, said, sizeof(said));
	if (word == NULL ? strstr(said, "server's certificate") != NULL
			 : strstr(said, word) == NULL)
		fail_msg("\"%s\" to come: %s", word == NULL ? "" : word, said);
	load_close(g);
	stage_end(&p);
	free(g);
	free(text);
	free(key);
	pki_free(c);
}

static void
a_server_certificate_out_of_its_time_is_told(void **state)
{
	int64_t now = (int64_t)time(NULL), day = 86400;

	(void)state;
	told_certificate(now - day, now + day, NULL);
	told_certificate(now - 9 * day, now - 3 * day - 60,
	    "server.pem: the server's certificate has expired 3 d ago");
	told_certificate(now + 3 * day + 60, now + 9 * day,
	    "server.pem: the server's certificate begins in 3 d");
}

/* A gate that refuses a generation refuses it for ever, so it must not get so far. */
static void
a_certificate_that_gates_would_refuse_is_refused_here(void **state)
{
	struct files f = load_good();
	char *large = NULL;

	(void)state;
	refused_certificate(&(struct pki_spec){ .profile = PKI_SERVER, .key_kind = PKI_RSA1024 },
	    "too short a key");
	refused_certificate(&(struct pki_spec){ .profile = PKI_SERVER, .key_kind = PKI_DSA2048 },
	    "a kind that TLS does not take");
	refused_certificate(
	    &(struct pki_spec){ .profile = PKI_SERVER, .key_kind = PKI_RSA_PSS2048 },
	    "a kind that TLS does not take");
	refused_certificate(&(struct pki_spec){ .profile = PKI_SERVER, .key_kind = PKI_P224 },
	    "a kind that TLS does not take");
	refused_certificate(&(struct pki_spec){ .profile = PKI_SERVER, .key_kind = PKI_SECP256K1 },
	    "a kind that TLS does not take");
	refused_certificate(
	    &(struct pki_spec){ .profile = PKI_SERVER, .digest = "SHA1" }, "too weak a digest");
	assert_true(asprintf(&large, "%s%*s\n", (const char *)f.part[F_CHAIN].p,
			(int)SETTINGS_CHAIN_MAX, "") > 0);
	refused_with(F_CHAIN, large, "allowed: at most");
	free(large);
}

static void
each_kind_of_server_key_is_taken(void **state)
{
	static const enum pki_key kinds[] = { PKI_P256, PKI_P384, PKI_P521, PKI_ED25519, PKI_ED448,
		PKI_RSA2048 };
	struct got *g = malloc(sizeof(*g));

	(void)state;
	assert_non_null(g);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct pki_cert *c = pki_make(
		    &(struct pki_spec){ .profile = PKI_SERVER, .key_kind = kinds[i] }, pem.inter);
		char *text = pki_pem_cert(c->cert), *key = pki_pem_key(c->key);
		struct files f = load_good();
		struct stage p;

		f.part[F_CHAIN].p = text;
		f.part[F_CHAIN].n = strlen(text);
		f.key = key;
		stage_start(&p, "load");
		load_send_all(&p, &f);
		load_taken(&p, g, NULL, 0);
		load_close(g);
		stage_end(&p);
		free(text);
		free(key);
		pki_free(c);
	}
	free(g);
}

static char *
encrypted_key(void)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p, *copy;
	long n;

	assert_non_null(b);
	assert_int_equal(1, PEM_write_bio_PKCS8PrivateKey(
				b, pem.server->key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL));
	n = BIO_get_mem_data(b, &p);
	copy = strndup(p, (size_t)n);
	BIO_free(b);
	return copy;
}

static void
a_key_that_is_none_or_encrypted_or_missing_is_refused(void **state)
{
	char *encrypted = encrypted_key();
	const char *keys[] = { "no key\n", encrypted, pem.anchors, "", NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct files f = load_good();
		struct stage p;
		char why[512];

		f.key = keys[i];
		stage_start(&p, "load");
		load_send_all(&p, &f);
		load_refused(&p, why, sizeof(why));
		if (strstr(why, "tls: key: no private key in PEM form") == NULL)
			fail_msg("key %zu: %s", i, why);
	}
	free(encrypted);
}

/* A descriptor that is no regular file, or too large a one, in the place of `part`. */
static void
refused_descriptor(unsigned part, int fd, const char *word)
{
	struct files f = load_good();
	struct stage p;
	char why[512];

	f.part[part].fd = fd;
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_refused(&p, why, sizeof(why));
	if (strstr(why, f.part[part].name) == NULL || strstr(why, word) == NULL)
		fail_msg("%s: %s", word, why);
}

static void
what_is_no_file_or_too_large_is_refused(void **state)
{
	int pipes[2], big = load_memfd("", 0);

	(void)state;
	assert_int_equal(0, pipe(pipes));
	close(pipes[1]);
	refused_descriptor(F_MAP, pipes[0], "not a regular file");
	refused_descriptor(F_CRL, open("/", O_RDONLY | O_DIRECTORY), "not a regular file");
	refused_descriptor(F_ANCHORS, open("/dev/null", O_RDONLY), "not a regular file");
	assert_int_equal(0, ftruncate(big, IDMAP_TEXT_MAX + 1));
	refused_descriptor(F_MAP, big, "allowed: at most");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_set_comes_back_sealed_and_whole),
		cmocka_unit_test(each_broken_file_is_refused_by_its_name),
		cmocka_unit_test(a_map_without_a_rule_is_taken_with_a_warning),
		cmocka_unit_test(a_certificate_that_gates_would_refuse_is_refused_here),
		cmocka_unit_test(each_kind_of_server_key_is_taken),
		cmocka_unit_test(a_server_certificate_out_of_its_time_is_told),
		cmocka_unit_test(a_missing_file_is_refused),
		cmocka_unit_test(a_key_that_is_none_or_encrypted_or_missing_is_refused),
		cmocka_unit_test(what_is_no_file_or_too_large_is_refused),
	};

	return cmocka_run_group_tests(tests, load_pki_setup, load_pki_teardown);
}
