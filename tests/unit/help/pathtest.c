/* pathtest.c - a trust section with a root and an intermediate, and paths tried in it */
#include <stdlib.h>
#include <string.h>

#include "pathtest.h"
#include "pki_local.h"

struct pathtest *
pathtest_new(const struct pki_spec *root, const struct pki_spec *inter)
{
	static const struct pki_spec plain_root = { .profile = PKI_ROOT };
	static const struct pki_spec plain_inter = { .profile = PKI_INTERMEDIATE };
	struct pathtest *p = calloc(1, sizeof(*p));

	pki_must(p != NULL && (p->trust = certpath_trust_new(&p->err)) != NULL, "trust section");
	p->root = pki_make(root != NULL ? root : &plain_root, NULL);
	p->inter = pki_make(inter != NULL ? inter : &plain_inter, p->root);
	pki_must(pathtest_add(p, CERTPATH_ANCHOR, p->root->cert) == 1, p->err.text);
	pki_must(pathtest_add(p, CERTPATH_INTERMEDIATE, p->inter->cert) == 1, p->err.text);
	p->request.now = PKI_NOW;
	p->request.purpose = CERTPATH_CLIENT;
	p->request.identity_rules = true;
	return p;
}

void
pathtest_free(struct pathtest *p)
{
	if (p == NULL)
		return;
	certpath_result_done(&p->result);
	certpath_trust_free(p->trust);
	pki_free(p->root);
	pki_free(p->inter);
	free(p);
}

int
pathtest_add(struct pathtest *p, enum certpath_kind kind, const X509 *cert)
{
	char *pem = pki_pem_cert(cert);
	int n = certpath_trust_add(
	    p->trust, kind, "test.pem", (const uint8_t *)pem, strlen(pem), &p->err);

	free(pem);
	return n;
}

int
pathtest_add_crl(struct pathtest *p, const char *name, const X509_CRL *crl)
{
	char *pem = pki_pem_crl(crl);
	int n = certpath_trust_add(
	    p->trust, CERTPATH_CRL, name, (const uint8_t *)pem, strlen(pem), &p->err);

	free(pem);
	return n;
}

void
pathtest_crl(struct pathtest *p, const char *name, const struct pki_crl_spec *spec,
    const struct pki_cert *issuer)
{
	X509_CRL *crl = pki_crl(spec, issuer);

	pki_must(pathtest_add_crl(p, name, crl) == 1, p->err.text);
	X509_CRL_free(crl);
}

static void
on_note(void *arg, const char *text)
{
	struct pathtest *p = arg;
	size_t n = strlen(p->notes);

	pki_must(n + strlen(text) + 2 < sizeof(p->notes), "too many notes");
	strcat(strcat(p->notes, text), "\n");
}

int
pathtest_check(struct pathtest *p, int64_t now)
{
	certpath_trust_revocation(p->trust, CERTPATH_REVOCATION_REQUIRE);
	p->notes[0] = '\0';
	return certpath_trust_check(p->trust, now, on_note, p, &p->err);
}

int
pathtest_verify(struct pathtest *p, X509 *leaf)
{
	memset(&p->err, 0, sizeof(p->err));
	certpath_result_done(&p->result);
	p->request.leaf = leaf;
	if (certpath_verify(p->trust, &p->request, &p->result, &p->err) == 0)
		return 0;
	pki_must(p->result.path == NULL && p->result.npolicies == 0, "a result with an error");
	pki_must(p->err.kind != ERR_REFUSED || p->err.detail != 0, "a refusal without its code");
	return p->err.kind == ERR_REFUSED ? p->err.detail : -1;
}

int
pathtest_leaf(struct pathtest *p, const struct pki_spec *leaf)
{
	struct pki_cert *c = pki_make(leaf, p->inter);
	int ret = pathtest_verify(p, c->cert);

	pki_free(c);
	return ret;
}
