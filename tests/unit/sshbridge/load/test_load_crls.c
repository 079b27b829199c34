/* test_load_crls.c - CRLs that replace those in force: what is taken, what stays */
#include <fcntl.h>

#include "crlindex.h"
#include "sealed.h"
#include "tests/unit/sshbridge/load/load_help.h"

/* What the program itself does in main.o; no test here calls it. */
void
load_text(unsigned level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

/* Trust and index of a generation that is in force: crl.pem has number 5 of both authorities. */
static int trust_fd, index_fd;

static char *
crl_text(const char *number, const struct pki_cert *revoked)
{
	const struct pki_crl_spec inter = { .number = number,
		.revoked = { { .cert = revoked, .reason = 1 } } };
	const struct pki_crl_spec root = { .number = "5" };
	X509_CRL *a = pki_crl(&inter, pem.inter), *b = pki_crl(&root, pem.root);
	char *text = load_two(pki_pem_crl(a), pki_pem_crl(b));

	X509_CRL_free(a);
	X509_CRL_free(b);
	return text;
}

static int
setup(void **state)
{
	struct files f;
	struct got *g = malloc(sizeof(*g));
	struct stage p;
	char *text;

	if (load_pki_setup(state) != 0 || g == NULL)
		return -1;
	f = load_good();
	text = crl_text("5", pem.alice);
	f.part[F_CRL].p = text;
	f.part[F_CRL].n = strlen(text);
	stage_start(&p, "load");
	load_send_all(&p, &f);
	load_taken(&p, g, NULL, 0);
	trust_fd = dup(g->fds[1]);
	index_fd = dup(g->fds[5]);
	load_close(g);
	free(g);
	free(text);
	stage_end(&p);
	return 0;
}

static int
teardown(void **state)
{
	close(trust_fd);
	close(index_fd);
	return load_pki_teardown(state);
}

/* One CRL-only generation: the file, or KEEP with `why`, or neither. */
struct change {
	const char *text; /* of crl.pem; NULL: not sent */
	const char *name; /* instead of crl.pem */
	uint32_t kind;	  /* 0: LOAD_CRL */
	const char *keep; /* why; NULL: no KEEP */
	uint32_t terms;
};

static void
send_change(struct stage *p, const struct change *c)
{
	uint8_t buf[1024];
	struct msg_out o;
	struct part parts[] = {
		{ LOAD_SETTINGS, 0, "settings", pem.settings, pem.settings_len, 0 },
		{ LOAD_TRUST, 0, "trust", NULL, 0, dup(trust_fd) },
		{ LOAD_OLD_CRLS, 0, "CRLs in force", NULL, 0, dup(index_fd) },
		{ c->kind == 0 ? LOAD_CRL : c->kind, 0, c->name == NULL ? "crl.pem" : c->name,
		    c->text, c->text == NULL ? 0 : strlen(c->text), 0 },
	};

	msg_start(&o, buf, sizeof(buf), MSG_TERMS, 0);
	msg_put_u32(&o, c->terms);
	stage_send(p->monitor, &o, NULL, 0);
	for (size_t i = 0; i < (c->text == NULL ? 3 : 4); i++)
		load_send_part(p, &parts[i]);
	if (c->keep != NULL) {
		msg_start(&o, buf, sizeof(buf), MSG_KEEP, 0);
		msg_put_u32(&o, 0);
		msg_put_u32(&o, 1);
		msg_put_str(&o, "crl.pem");
		msg_put_str(&o, c->keep);
		stage_send(p->monitor, &o, NULL, 0);
	}
	load_send_end(p);
}

/* The number of the intermediate's list in the index that comes back; 0: it has none. */
static unsigned
number_after(const struct change *c, char *said, size_t size, unsigned *nlists)
{
	struct got *g = malloc(sizeof(*g));
	struct stage p;
	struct sealed s;
	struct crlindex ix;
	struct err e = { 0 };
	unsigned number = 0;

	assert_non_null(g);
	stage_start(&p, "load");
	send_change(&p, c);
	load_taken(&p, g, said, size);
	assert_int_equal(1, g->nfds); /* the index and nothing else */
	assert_int_equal(0, sealed_map(g->fds[0], crlindex_bytes_max(), &s, &e));
	assert_int_equal(0, crlindex_open(&s, &ix, &e));
	for (uint32_t i = 0; i < ix.nlists; i++)
		if (strcmp(ix.lists[i].name, "CN=intermediate") == 0)
			number = ix.lists[i].number[19];
	*nlists = ix.nlists;
	sealed_unmap(&s);
	load_close(g);
	free(g);
	stage_end(&p);
	return number;
}

static void
a_newer_one_is_taken_and_an_older_one_is_not(void **state)
{
	char *same = crl_text("5", pem.alice), *newer = crl_text("6", pem.alice),
	     *older = crl_text("4", pem.alice), *cut = strdup(newer);
	X509_CRL *root = pki_crl(&(struct pki_crl_spec){ .number = "7" }, pem.root);
	X509_CRL *stranger = pki_crl(&(struct pki_crl_spec){ .number = "9" }, pem.other);
	const struct pki_crl_spec to_come = { .number = "8", .from = PKI_UNTIL - 100 };
	X509_CRL *later = pki_crl(&to_come, pem.inter);
	char *swapped = pki_pem_crl(root), *strange = pki_pem_crl(stranger), said[3000];
	char *hidden = load_two(strdup(older), pki_pem_crl(later));
	const struct {
		struct change change;
		unsigned number, nlists;
		const char *word; /* of the last line; "": there is none */
	} rows[] = {
		{ { .text = newer }, 6, 2, "\"CN=intermediate\", number 6, 1 entries" },
		{ { .text = newer, .terms = LOAD_QUIET }, 6, 2, "" },
		{ { .text = newer, .kind = LOAD_CRL_FOUND }, 6, 2, "number" },
		{ { .text = same }, 5, 2, "" },
		{ { .keep = "" }, 5, 2, "" },
		{ { .keep = "crl.pem: it is no file" }, 5, 2,
		    "it is no file: not taken, its last good CRL stays in force until 2049-12-31" },
		{ { .text = older }, 5, 2, "number 4, but number 5 is in force" },
		{ { .text = older, .terms = LOAD_FORCE }, 4, 2, NULL },
		/* behind one that is to begin; under another name, while crl.pem is gone */
		{ { .text = hidden }, 5, 2, "number 4, but number 5 is in force" },
		{ { .text = older, .kind = LOAD_CRL_FOUND, .name = "b.pem" }, 0, 1,
		    "b.pem: CRL of \"CN=intermediate\": number 4, but number 5 is in force" },
		{ { .text = newer, .kind = LOAD_CRL_FOUND, .name = "b.pem" }, 6, 2, NULL },
		{ { .text = cut }, 5, 2, "cut off" },
		{ { .text = "" }, 5, 2, "the file is empty" },
		{ { .text = swapped }, 5, 2, "no longer has the CRL of \"CN=intermediate\"" },
		{ { .text = swapped, .terms = LOAD_FORCE }, 0, 1, NULL },
		{ { .text = strange }, 5, 2, "neither an anchor nor an intermediate" },
		{ { .text = strange, .terms = LOAD_FORCE }, 5, 2, "neither an anchor" },
		{ { .text = NULL }, 0, 0, "there is no CRL, so none" },
	};

	(void)state;
	cut[strlen(cut) - 30] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned nlists,
		    number = number_after(&rows[i].change, said, sizeof(said), &nlists);

		if (number != rows[i].number || nlists != rows[i].nlists)
			fail_msg("row %zu: number %u of %u lists: %s", i, number, nlists, said);
		if (rows[i].word != NULL &&
		    (rows[i].word[0] == '\0' ? said[0] != '\0'
					     : strstr(said, rows[i].word) == NULL))
			fail_msg("row %zu: \"%s\"", i, said);
	}
	X509_CRL_free(root);
	X509_CRL_free(stranger);
	X509_CRL_free(later);
	free(hidden);
	free(swapped);
	free(strange);
	free(cut);
	free(same);
	free(newer);
	free(older);
}

static void
a_file_that_was_never_good_is_left_out_unless_a_reload_names_it(void **state)
{
	struct files f = load_good();
	struct part old = { LOAD_OLD_CRLS, 0, "CRLs in force", NULL, 0, dup(index_fd) };
	struct stage p;
	struct got *g = malloc(sizeof(*g));
	char why[512], said[3000];

	(void)state;
	assert_non_null(g);
	f.part[F_CRL].name = "new.pem";
	f.part[F_CRL].p = "no CRL\n";
	f.part[F_CRL].n = 7;
	stage_start(&p, "load");
	load_send_part(&p, &old);
	load_send_all(&p, &f);
	load_refused(&p, why, sizeof(why));
	assert_non_null(strstr(why, "new.pem: no PEM or DER CRL in it"));
	old.fd = dup(index_fd);
	f.part[F_CRL].kind = LOAD_CRL_FOUND;
	stage_start(&p, "load");
	load_send_part(&p, &old);
	load_send_all(&p, &f);
	load_taken(&p, g, said, sizeof(said));
	assert_int_equal(7, g->nfds);
	load_close(g);
	free(g);
	stage_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newer_one_is_taken_and_an_older_one_is_not),
		cmocka_unit_test(a_file_that_was_never_good_is_left_out_unless_a_reload_names_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
