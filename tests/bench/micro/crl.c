/*
 * crl.c - a CRL of a million serial numbers: ours beside OpenSSL's X509_CRL on the same file
 *
 *	crl [ENTRIES]
 *
 * Each measurement is a process of its own, which reads the file, does its work and tells the time
 * and the memory that it had at its peak beyond what it had before. Nothing is judged here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "certpath.h"
#include "crldraft.h"
#include "crlindex.h"
#include "file.h"

#define LOOKUPS 1000000
#define ROUNDS	5

static const char der_file[] = "crl.der", pem_file[] = "crl.pem";
static X509 *ca;
static EVP_PKEY *key;
static uint8_t *serials; /* 16 bytes each, unsorted */
static size_t count = 1000000;

static void
die(const char *what)
{
	(void)fprintf(stderr, "bench-crl: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static double
now(void)
{
	struct timespec ts;

	/* what it costs, not how long others kept it waiting */
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- the file -------------------------------------------------------------------------------- */

static void
add_ext(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *x;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	if ((x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value)) == NULL ||
	    X509_add_ext(cert, x, -1) != 1)
		die("certificate");
	X509_EXTENSION_free(x);
}

static void
make_ca(void)
{
	X509_NAME *name;

	if ((key = EVP_EC_gen("P-256")) == NULL || (ca = X509_new()) == NULL)
		die("key");
	name = X509_get_subject_name(ca);
	if (X509_set_version(ca, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(ca), 1) != 1 ||
	    X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_UTF8, (const unsigned char *)"bench", -1, -1, 0) != 1 ||
	    X509_set_issuer_name(ca, name) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(ca), -60) == NULL ||
	    X509_gmtime_adj(X509_getm_notAfter(ca), 86400) == NULL || X509_set_pubkey(ca, key) != 1)
		die("certificate");
	add_ext(ca, NID_basic_constraints, "critical,CA:TRUE");
	add_ext(ca, NID_key_usage, "critical,keyCertSign,cRLSign");
	add_ext(ca, NID_subject_key_identifier, "hash");
	if (X509_sign(ca, key, EVP_sha256()) <= 0)
		die("certificate");
}

/* An empty CRL, whose list of entries is then put in by hand: libcrypto needs minutes for that. */
static X509_CRL *
make_frame(void)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_adj(NULL, time(NULL), 0, -60);
	ASN1_TIME *until = ASN1_TIME_adj(NULL, time(NULL), 7, 0);
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509_REVOKED *r = X509_REVOKED_new();

	if (crl == NULL || number == NULL || r == NULL || ASN1_INTEGER_set(number, 7) != 1 ||
	    X509_REVOKED_set_serialNumber(r, number) != 1 ||
	    X509_REVOKED_set_revocationDate(r, from) != 1 || X509_CRL_add0_revoked(crl, r) != 1 ||
	    X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)) != 1 ||
	    X509_CRL_set1_lastUpdate(crl, from) != 1 || X509_CRL_set1_nextUpdate(crl, until) != 1 ||
	    X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) != 1 ||
	    X509_CRL_sign(crl, key, EVP_sha256()) <= 0)
		die("CRL");
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	ASN1_INTEGER_free(number);
	return crl;
}

static uint8_t *
put_head(uint8_t *p, uint8_t tag, size_t n)
{
	*p++ = tag;
	*p++ = 0x84;
	for (int shift = 24; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(n >> shift);
	return p;
}

/* Every entry as real CAs write them: 16 octets, a date, and a reason on every other one. */
static size_t
put_entries(uint8_t *to)
{
	static const uint8_t reason[] = { 0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15,
		0x04, 0x03, 0x0a, 0x01, 0x01 };
	uint8_t *p = to;

	for (size_t i = 0; i < count; i++) {
		size_t extra = i % 2 == 0 ? sizeof(reason) : 0;
		char date[16];

		*p++ = 0x30;
		*p++ = (uint8_t)(18 + 15 + extra);
		*p++ = 0x02;
		*p++ = 16;
		memcpy(p, serials + i * 16, 16);
		p += 16;
		(void)snprintf(date, sizeof(date), "26%02u%02u%02u%02u%02uZ",
		    (unsigned)(i % 12 + 1), (unsigned)(i % 28 + 1), (unsigned)(i % 24),
		    (unsigned)(i % 60), (unsigned)(i / 7 % 60));
		*p++ = 0x17;
		*p++ = 13;
		memcpy(p, date, 13);
		p += 13;
		memcpy(p, reason, extra);
		p += extra;
	}
	return (size_t)(p - to);
}

/* tbsCertList of the frame with its one entry replaced; then algorithm and signature anew. */
static uint8_t *
make_crl(size_t *n)
{
	X509_CRL *frame = make_frame();
	unsigned char *tbs = NULL;
	int tbs_len = i2d_re_X509_CRL_tbs(frame, &tbs);
	const X509_ALGOR *alg;
	unsigned char *alg_der = NULL;
	const unsigned char *p = tbs, *entries;
	long len;
	int tag, class, alg_len;
	uint8_t *out = malloc(count * 64 + 65536), *body = malloc(count * 64 + 65536), *q;
	size_t all = put_entries(body), before, after, sig_len = 256, tbs_size;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[256];

	if (tbs_len <= 0 || out == NULL)
		die("CRL");
	X509_CRL_get0_signature(frame, NULL, &alg);
	alg_len = i2d_X509_ALGOR(alg, &alg_der);
	(void)ASN1_get_object(&p, &len, &tag, &class, tbs_len);
	/* version, algorithm, issuer, two times */
	entries = p;
	for (int i = 0; i < 5; i++) {
		(void)ASN1_get_object(&entries, &len, &tag, &class, tbs_len);
		entries += len;
	}
	before = (size_t)(entries - p);
	(void)ASN1_get_object(&entries, &len, &tag, &class, tbs_len);
	entries += len;
	after = (size_t)(tbs + tbs_len - entries);
	q = put_head(out + 6, 0x30, before + 6 + all + after);
	memcpy(q, p, before);
	q = put_head(q + before, 0x30, all);
	memcpy(q, body, all);
	memcpy(q + all, entries, after);
	q += all + after;
	tbs_size = (size_t)(q - out) - 6;
	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, sig, &sig_len, out + 6, tbs_size) != 1)
		die("signature");
	memcpy(q, alg_der, (size_t)alg_len);
	q += alg_len;
	*q++ = 0x03;
	*q++ = (uint8_t)(sig_len + 1);
	*q++ = 0;
	memcpy(q, sig, sig_len);
	q += sig_len;
	(void)put_head(out, 0x30, (size_t)(q - out) - 6);
	*n = (size_t)(q - out);
	free(body);
	EVP_MD_CTX_free(ctx);
	X509_CRL_free(frame);
	OPENSSL_free(tbs);
	OPENSSL_free(alg_der);
	return out;
}

static void
write_files(void)
{
	size_t n;
	uint8_t *der = make_crl(&n);
	FILE *fp = fopen(der_file, "w");

	if (fp == NULL || fwrite(der, 1, n, fp) != n || fclose(fp) != 0 ||
	    (fp = fopen(pem_file, "w")) == NULL ||
	    PEM_write(fp, PEM_STRING_X509_CRL, "", der, (long)n) <= 0 || fclose(fp) != 0)
		die("write");
	(void)printf(
	    "a CRL of %zu serial numbers, unsorted: %.1f MB in DER\n\n", count, (double)n / 1e6);
	free(der);
}

/* ---- the two -----------------------------------------------------------------------------------
 */

struct result {
	double load, lookup; /* seconds */
	size_t index, peak;  /* bytes */
};

static uint8_t *
read_file(const char *name, size_t *n)
{
	struct err e = { 0 };
	uint8_t *p = NULL;
	FILE *fp = fopen(name, "r");

	if (fp == NULL || file_read(fileno(fp), name, CERTPATH_CRL_MAX, &p, n, &e) == -1)
		die(e.text);
	(void)fclose(fp);
	return p;
}

static void
run_ours(const char *file, struct result *r)
{
	const struct certpath_crl_file f = { .name = file, .section_name = "bench" };
	struct err e = { 0 };
	struct certpath_trust *t = certpath_trust_new(&e);
	struct crldrafts set = { .v = NULL };
	struct crlindex_query q = { .is_ca = false };
	struct crlindex_answer a;
	struct crlindex ix;
	struct sealed s;
	unsigned char *der = NULL;
	int len = i2d_X509(ca, &der), fd;
	uint8_t id[CRLINDEX_ID];
	size_t n, found = 0;
	uint8_t *text = read_file(file, &n);
	int64_t at = (int64_t)time(NULL);
	double from;

	if (certpath_trust_add(t, CERTPATH_ANCHOR, "bench", der, (size_t)len, &e) != 1 ||
	    certpath_issuer_id(ca, id) == -1)
		die(e.text);
	from = now();
	if (certpath_crls_read(t, &f, text, n, &set, &e) == -1)
		die(e.text);
	free(text); /* as load does */
	if ((fd = crldrafts_seal(&set, &e)) == -1)
		die(e.text);
	r->load = now() - from;
	if (sealed_map(fd, crlindex_bytes_max(), &s, &e) == -1 || crlindex_open(&s, &ix, &e) == -1)
		die(e.text);
	r->index = s.n;
	q.issuer = id;
	from = now();
	for (size_t i = 0; i < LOOKUPS; i++) {
		/* one that is there, one that is not */
		if (crlindex_serial(serials + i * 7919 % count * 16, 16, &q.serial) == -1)
			die("serial");
		q.serial.magnitude[19] ^= (uint8_t)(i & 1);
		crlindex_ask(&ix, &q, at, &a);
		found += a.revoked;
	}
	r->lookup = (now() - from) / LOOKUPS;
	if (found < LOOKUPS / 2)
		die("lookup");
}

static void
run_openssl(const char *file, struct result *r)
{
	size_t n, found = 0;
	uint8_t *text = read_file(file, &n);
	const unsigned char *p = text;
	X509_CRL *crl;
	X509_REVOKED *entry;
	ASN1_INTEGER *serial;
	double from = now();

	if ((crl = d2i_X509_CRL(NULL, &p, (long)n)) == NULL || X509_CRL_verify(crl, key) != 1 ||
	    X509_CRL_sort(crl) != 1)
		die("X509_CRL");
	/* it sorts a second time at the first look */
	serial = ASN1_INTEGER_new();
	(void)ASN1_INTEGER_set(serial, 1);
	(void)X509_CRL_get0_by_serial(crl, &entry, serial);
	r->load = now() - from;
	free(text);
	from = now();
	for (size_t i = 0; i < LOOKUPS; i++) {
		(void)ASN1_STRING_set(serial, serials + i * 7919 % count * 16, 16);
		found += X509_CRL_get0_by_serial(crl, &entry, serial) != 0;
	}
	r->lookup = (now() - from) / LOOKUPS;
	if (found < LOOKUPS / 2)
		die("lookup");
}

/* In a process of its own; its peak less what it had before. */
static void
measure(void (*run)(const char *, struct result *), const char *file, struct result *r)
{
	int pipes[2], status;
	pid_t pid;

	if (pipe(pipes) == -1 || (pid = fork()) == -1)
		die("fork");
	if (pid == 0) {
		struct rusage before, after;

		(void)getrusage(RUSAGE_SELF, &before);
		memset(r, 0, sizeof(*r));
		run(file, r);
		(void)getrusage(RUSAGE_SELF, &after);
		r->peak = (size_t)(after.ru_maxrss - before.ru_maxrss) * 1024;
		_exit(write(pipes[1], r, sizeof(*r)) == (ssize_t)sizeof(*r) ? 0 : 1);
	}
	if (read(pipes[0], r, sizeof(*r)) != (ssize_t)sizeof(*r) ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		die("measurement");
	close(pipes[0]);
	close(pipes[1]);
}

static void
print_row(
    const char *name, void (*run)(const char *, struct result *), const char *file, int rounds)
{
	struct result best = { .load = 1e9, .lookup = 1e9 };

	for (int i = 0; i < rounds; i++) {
		struct result r;

		measure(run, file, &r);
		if (r.load < best.load)
			best.load = r.load;
		if (r.lookup < best.lookup)
			best.lookup = r.lookup;
		best.peak = r.peak;
		best.index = r.index;
	}
	(void)printf("%-28s %7.3f s %9.1f MB", name, best.load, (double)best.peak / 1e6);
	if (best.index > 0)
		(void)printf(" %9.1f MB", (double)best.index / 1e6);
	else
		(void)printf(" %12s", "each process");
	(void)printf(" %9.2f us\n", best.lookup * 1e6);
}

int
main(int argc, char **argv)
{
	char folder[] = "/tmp/bench-crl-XXXXXX";

	if (argc > 1 && (count = strtoul(argv[1], NULL, 10)) < 1000)
		die("at least 1000 entries");
	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		die(folder);
	if ((serials = malloc(count * 16)) == NULL || RAND_bytes(serials, (int)(count * 16)) != 1)
		die("serials");
	/* positive, and the shortest form */
	for (size_t i = 0; i < count; i++)
		serials[i * 16] = (uint8_t)((serials[i * 16] & 0x3f) | 0x40);
	make_ca();
	write_files();
	(void)printf("%-28s %9s %12s %12s %12s\n", "CPU time, best of some", "load", "peak memory",
	    "kept", "lookup");
	print_row("ours, DER", run_ours, der_file, ROUNDS);
	print_row("ours, PEM", run_ours, pem_file, ROUNDS);
	print_row("OpenSSL's X509_CRL, DER", run_openssl, der_file, 2);
	(void)printf(
	    "\nload: DER or PEM in memory to a sealed index, the signature checked. peak: the "
	    "file's bytes\nincluded. kept: once for all processes, in sealed memory.\n");
	(void)unlink(der_file);
	(void)unlink(pem_file);
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : 1;
}
