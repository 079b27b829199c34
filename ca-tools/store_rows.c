/* store_rows.c - reading and writing the rows of the store */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_db.h"

static sqlite3_stmt *
row_prepare(struct store *st, const char *sql, struct err *e)
{
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(st->db, sql, -1, &q, NULL) != SQLITE_OK)
		store_error(st, "store", e);
	return q;
}

static int
bind_text(sqlite3_stmt *q, int i, const char *text)
{
	return sqlite3_bind_text(q, i, text, -1, SQLITE_STATIC);
}

static int
bind_blob(sqlite3_stmt *q, int i, const uint8_t *p, size_t n)
{
	return sqlite3_bind_blob64(q, i, p, n, SQLITE_STATIC);
}

/* Run a statement that gives no row. `bound` is the OR of what the binds returned. */
static int
row_write(struct store *st, sqlite3_stmt *q, int bound, const char *what, struct err *e)
{
	int ret = 0;

	if (bound != SQLITE_OK || sqlite3_step(q) != SQLITE_DONE)
		ret = store_error(st, what, e);
	(void)sqlite3_finalize(q);
	return ret;
}

/* A text column into a fixed field; what does not fit is not ours, so it is an error. */
static int
column_text(sqlite3_stmt *q, int i, char *dst, size_t size)
{
	const unsigned char *s = sqlite3_column_text(q, i);
	size_t n = (size_t)sqlite3_column_bytes(q, i);

	if (n >= size || (s != NULL && memchr(s, '\0', n) != NULL))
		return -1;
	if (s != NULL)
		memcpy(dst, s, n);
	dst[n] = '\0';
	return 0;
}

static int
column_blob(sqlite3_stmt *q, int i, uint8_t **dst, size_t *n)
{
	const void *p = sqlite3_column_blob(q, i);

	*n = (size_t)sqlite3_column_bytes(q, i);
	if (p == NULL || *n == 0 || (*dst = malloc(*n)) == NULL)
		return -1;
	memcpy(*dst, p, *n);
	return 0;
}

void
store_cert_done(struct store_cert *c)
{
	free(c->der);
	c->der = NULL;
	c->der_len = 0;
}

void
store_crl_done(struct store_crl *c)
{
	free(c->der);
	c->der = NULL;
	c->der_len = 0;
}

int
store_add_cert(struct store *st, const struct store_cert *c, struct err *e)
{
	sqlite3_stmt *q;
	int b = 0;

	assert(c->der != NULL && !c->revoked);
	q = row_prepare(st,
	    "INSERT INTO certificate (serial, issuer, profile, name, issued,"
	    " not_before, not_after, sha256, der) VALUES (?,?,?,?,?,?,?,?,?)",
	    e);
	if (q == NULL)
		return -1;
	b |= bind_text(q, 1, c->serial);
	b |= bind_text(q, 2, c->issuer);
	b |= bind_text(q, 3, c->profile);
	b |= bind_text(q, 4, c->name);
	b |= sqlite3_bind_int64(q, 5, c->issued);
	b |= sqlite3_bind_int64(q, 6, c->not_before);
	b |= sqlite3_bind_int64(q, 7, c->not_after);
	b |= bind_blob(q, 8, c->sha256, sizeof(c->sha256));
	b |= bind_blob(q, 9, c->der, c->der_len);
	return row_write(st, q, b, "recording the certificate", e);
}

#define CERT_COLUMNS                                                                \
	"id, serial, issuer, profile, name, issued, not_before, not_after, sha256," \
	" revoked_at, reason"

static int
cert_read(sqlite3_stmt *q, struct store_cert *c)
{
	memset(c, 0, sizeof(*c));
	c->id = sqlite3_column_int64(q, 0);
	if (column_text(q, 1, c->serial, sizeof(c->serial)) == -1 ||
	    column_text(q, 2, c->issuer, sizeof(c->issuer)) == -1 ||
	    column_text(q, 3, c->profile, sizeof(c->profile)) == -1 ||
	    column_text(q, 4, c->name, sizeof(c->name)) == -1 ||
	    sqlite3_column_bytes(q, 8) != (int)sizeof(c->sha256))
		return -1;
	c->issued = sqlite3_column_int64(q, 5);
	c->not_before = sqlite3_column_int64(q, 6);
	c->not_after = sqlite3_column_int64(q, 7);
	memcpy(c->sha256, sqlite3_column_blob(q, 8), sizeof(c->sha256));
	c->revoked = sqlite3_column_type(q, 9) != SQLITE_NULL;
	c->revoked_at = sqlite3_column_int64(q, 9);
	c->reason = sqlite3_column_int(q, 10);
	return sqlite3_column_count(q) < 12 ? 0 : column_blob(q, 11, &c->der, &c->der_len);
}

/*
 * Step once and read one certificate. Each look-up is a transaction of its own: a list that is
 * read through a pager holds no lock that would keep another from issuing.
 */
static int
cert_fetch(struct store *st, sqlite3_stmt *q, int bound, struct store_cert *c, struct err *e)
{
	int rc, ret = -1;

	if (bound != SQLITE_OK)
		store_error(st, "reading the store", e);
	else if ((rc = sqlite3_step(q)) == SQLITE_DONE)
		ret = 0;
	else if (rc != SQLITE_ROW)
		store_error(st, "reading the store", e);
	else if (cert_read(q, c) == -1)
		err_set(e, ERR_FORMAT, "store: certificate %lld is damaged, or out of memory",
		    (long long)sqlite3_column_int64(q, 0));
	else
		ret = 1;
	(void)sqlite3_finalize(q);
	return ret;
}

int
store_find_cert(struct store *st, const char *serial, struct store_cert *c, struct err *e)
{
	sqlite3_stmt *q =
	    row_prepare(st, "SELECT " CERT_COLUMNS ", der FROM certificate WHERE serial = ?", e);

	return q == NULL ? -1 : cert_fetch(st, q, bind_text(q, 1, serial), c, e);
}

int
store_next_cert(struct store *st, int64_t after, struct store_cert *c, struct err *e)
{
	sqlite3_stmt *q = row_prepare(st,
	    "SELECT " CERT_COLUMNS ", der FROM certificate WHERE id > ? ORDER BY id LIMIT 1", e);

	return q == NULL ? -1 : cert_fetch(st, q, sqlite3_bind_int64(q, 1, after), c, e);
}

int
store_next_revoked(
    struct store *st, const char *issuer, int64_t after, struct store_cert *c, struct err *e)
{
	sqlite3_stmt *q = row_prepare(st,
	    "SELECT " CERT_COLUMNS " FROM certificate"
	    " WHERE issuer = ? AND revoked_at IS NOT NULL AND id > ? ORDER BY id LIMIT 1",
	    e);

	if (q == NULL)
		return -1;
	return cert_fetch(st, q, bind_text(q, 1, issuer) | sqlite3_bind_int64(q, 2, after), c, e);
}

int
store_revoke(struct store *st, const char *serial, int64_t at, int reason, struct err *e)
{
	sqlite3_stmt *q = row_prepare(
	    st, "UPDATE certificate SET revoked_at = ?, reason = ? WHERE serial = ?", e);
	int b = 0;

	if (q == NULL)
		return -1;
	b |= sqlite3_bind_int64(q, 1, at);
	b |= sqlite3_bind_int(q, 2, reason);
	b |= bind_text(q, 3, serial);
	if (row_write(st, q, b, "recording the revocation", e) == -1)
		return -1;
	if (sqlite3_changes(st->db) != 1)
		return err_set(e, ERR_FORMAT, "serial %s: no such certificate", serial);
	return 0;
}

int
store_get_crl(struct store *st, const char *issuer, struct store_crl *c, struct err *e)
{
	sqlite3_stmt *q = row_prepare(st,
	    "SELECT issuer, number, this_update, next_update, der"
	    " FROM crl WHERE issuer = ?",
	    e);
	int rc, ret = -1;

	if (q == NULL)
		return -1;
	memset(c, 0, sizeof(*c));
	if (bind_text(q, 1, issuer) != SQLITE_OK ||
	    ((rc = sqlite3_step(q)) != SQLITE_ROW && rc != SQLITE_DONE)) {
		store_error(st, "reading the store", e);
	} else if (rc == SQLITE_DONE) {
		ret = 0;
	} else {
		c->number = sqlite3_column_int64(q, 1);
		c->this_update = sqlite3_column_int64(q, 2);
		c->next_update = sqlite3_column_int64(q, 3);
		if (column_text(q, 0, c->issuer, sizeof(c->issuer)) == -1 ||
		    column_blob(q, 4, &c->der, &c->der_len) == -1)
			err_set(e, ERR_FORMAT, "store: the CRL of the %s is damaged", issuer);
		else
			ret = 1;
	}
	(void)sqlite3_finalize(q);
	return ret;
}

int
store_put_crl(struct store *st, const struct store_crl *c, struct err *e)
{
	sqlite3_stmt *q = row_prepare(st,
	    "INSERT INTO crl (issuer, number, this_update,"
	    " next_update, der) VALUES (?1,?2,?3,?4,?5) ON CONFLICT (issuer) DO UPDATE SET"
	    " number = ?2, this_update = ?3, next_update = ?4, der = ?5",
	    e);
	int b = 0;

	if (q == NULL)
		return -1;
	b |= bind_text(q, 1, c->issuer);
	b |= sqlite3_bind_int64(q, 2, c->number);
	b |= sqlite3_bind_int64(q, 3, c->this_update);
	b |= sqlite3_bind_int64(q, 4, c->next_update);
	b |= bind_blob(q, 5, c->der, c->der_len);
	return row_write(st, q, b, "recording the CRL", e);
}

int
store_add_event(struct store *st, int64_t at, const char *what, const char *serial,
    const char *detail, struct err *e)
{
	sqlite3_stmt *q = row_prepare(
	    st, "INSERT INTO event (at, uid, what, serial, detail) VALUES (?,?,?,?,?)", e);
	int b = 0;

	if (q == NULL)
		return -1;
	b |= sqlite3_bind_int64(q, 1, at);
	b |= sqlite3_bind_int64(q, 2, (int64_t)getuid());
	b |= bind_text(q, 3, what);
	b |= serial[0] == '\0' ? sqlite3_bind_null(q, 4) : bind_text(q, 4, serial);
	b |= bind_text(q, 5, detail);
	return row_write(st, q, b, "recording the event", e);
}

int
store_next_event(struct store *st, int64_t after, struct store_event *ev, struct err *e)
{
	sqlite3_stmt *q = row_prepare(st,
	    "SELECT id, at, uid, what, serial, detail FROM event"
	    " WHERE id > ? ORDER BY id LIMIT 1",
	    e);
	int rc, ret = -1;

	if (q == NULL)
		return -1;
	memset(ev, 0, sizeof(*ev));
	if (sqlite3_bind_int64(q, 1, after) != SQLITE_OK ||
	    ((rc = sqlite3_step(q)) != SQLITE_ROW && rc != SQLITE_DONE)) {
		store_error(st, "reading the store", e);
	} else if (rc == SQLITE_DONE) {
		ret = 0;
	} else {
		ev->id = sqlite3_column_int64(q, 0);
		ev->at = sqlite3_column_int64(q, 1);
		ev->uid = (unsigned)sqlite3_column_int64(q, 2);
		if (column_text(q, 3, ev->what, sizeof(ev->what)) == -1 ||
		    column_text(q, 4, ev->serial, sizeof(ev->serial)) == -1 ||
		    column_text(q, 5, ev->detail, sizeof(ev->detail)) == -1)
			err_set(e, ERR_FORMAT, "store: event %lld is damaged", (long long)ev->id);
		else
			ret = 1;
	}
	(void)sqlite3_finalize(q);
	return ret;
}
