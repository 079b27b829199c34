/* ca_crl.c - the next CRL of one issuer, from what the store holds */
#include <stdio.h>
#include <string.h>

#include "ca.h"
#include "crl.h"
#include "text.h"

/*
 * `told` is when the CRL before this one was made: a certificate that had ended by then and was
 * revoked before it has been on a CRL after its end, and may leave.
 */
static int
crl_fill(
    struct store *st, X509_CRL *crl, const char *issuer, int64_t told, size_t *n, struct err *e)
{
	struct store_cert c;
	int64_t after = 0;
	int r;

	for (*n = 0; (r = store_next_revoked(st, issuer, after, &c, e)) == 1; after = c.id) {
		if (c.not_after < told && c.revoked_at < told)
			continue;
		if (crl_add(crl, c.serial, c.revoked_at, c.reason, e) == -1)
			return -1;
		(*n)++;
	}
	return r;
}

static int
crl_store(struct store *st, const struct store_crl *c, size_t entries, int64_t now, struct err *e)
{
	char detail[200], until[TEXT_TIME_SIZE];

	(void)snprintf(detail, sizeof(detail), "of the %s, number %lld, %zu revoked, until %s",
	    c->issuer, (long long)c->number, entries, text_time(until, c->next_update));
	if (store_put_crl(st, c, e) == -1)
		return -1;
	return store_add_event(st, now, "crl", "", detail, e);
}

int
ca_crl_make(struct store *st, enum profile which, X509 *issuer, EVP_PKEY *key, int64_t now,
    int64_t next_update, struct err *e)
{
	struct store_crl old,
	    c = { .number = 1, .this_update = now - BACKDATE, .next_update = next_update };
	int64_t told = INT64_MIN;
	X509_CRL *crl;
	size_t entries = 0;
	int r, ret = -1;

	(void)snprintf(c.issuer, sizeof(c.issuer), "%s", profile_word(which));
	if ((r = store_get_crl(st, c.issuer, &old, e)) == -1)
		return -1;
	if (r == 1) {
		c.number = old.number + 1;
		/* a clock that was ahead then must not drop entries now */
		told = old.this_update < c.this_update ? old.this_update : c.this_update;
		store_crl_done(&old);
	}
	if ((crl = crl_new(issuer, c.number, c.this_update, c.next_update, e)) == NULL)
		return -1;
	if (crl_fill(st, crl, c.issuer, told, &entries, e) == 0 &&
	    crl_sign(crl, key, &c.der, &c.der_len, e) == 0)
		ret = crl_store(st, &c, entries, now, e);
	store_crl_done(&c);
	X509_CRL_free(crl);
	return ret;
}
