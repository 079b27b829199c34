/* store.c - the CA's memory: opening, transactions, and the schema */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>

#include "store.h"
#include "store_db.h"

/*
 * Power failure: a rollback journal (DELETE) and not WAL, so that after each commit the one file
 * is all there is, and a copy of it is whole; synchronous=EXTRA and not FULL, because with FULL
 * the removal of the journal, which *is* the commit, is not synced in its folder: after a power
 * failure it could be there again and undo a certificate that was handed out. WAL's gain, readers
 * beside a writer, is of no use to a tool that runs for a few milliseconds.
 */
static const char settings[] = "PRAGMA journal_mode = DELETE;"
			       "PRAGMA synchronous = EXTRA;"
			       "PRAGMA foreign_keys = ON;"
			       "PRAGMA trusted_schema = OFF;";

#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x6d746361 /* "mtca" */

/*
 * What was issued is never deleted or altered but for its revocation, and events are only ever
 * appended: triggers hold that against this program's own mistakes.
 */
static const char schema[] =
    "CREATE TABLE certificate ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " serial TEXT NOT NULL UNIQUE CHECK (serial GLOB '[1-9a-f]*'),"
    " issuer TEXT NOT NULL CHECK (issuer IN ('root', 'intermediate')),"
    " profile TEXT NOT NULL CHECK (profile IN ('root', 'intermediate', 'user', 'host')),"
    " name TEXT NOT NULL CHECK (name <> ''),"
    " issued INTEGER NOT NULL,"
    " not_before INTEGER NOT NULL,"
    " not_after INTEGER NOT NULL CHECK (not_after > not_before),"
    " sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),"
    " der BLOB NOT NULL,"
    " revoked_at INTEGER,"
    " reason INTEGER CHECK ((reason IS NULL) = (revoked_at IS NULL)));"
    "CREATE INDEX certificate_revoked ON certificate (issuer, id) WHERE revoked_at IS NOT NULL;"
    "CREATE TABLE crl ("
    " issuer TEXT PRIMARY KEY CHECK (issuer IN ('root', 'intermediate')),"
    " number INTEGER NOT NULL CHECK (number > 0),"
    " this_update INTEGER NOT NULL,"
    " next_update INTEGER NOT NULL CHECK (next_update > this_update),"
    " der BLOB NOT NULL);"
    "CREATE TABLE event ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " at INTEGER NOT NULL,"
    " uid INTEGER NOT NULL,"
    " what TEXT NOT NULL,"
    " serial TEXT,"
    " detail TEXT NOT NULL);"
    "CREATE TRIGGER certificate_stays BEFORE DELETE ON certificate"
    " BEGIN SELECT RAISE(ABORT, 'a certificate is never deleted'); END;"
    "CREATE TRIGGER certificate_fixed BEFORE UPDATE OF id, serial, issuer, profile, name, issued,"
    " not_before, not_after, sha256, der ON certificate"
    " BEGIN SELECT RAISE(ABORT, 'a certificate is never altered'); END;"
    /* 6: certificateHold, the one reason that another may follow */
    "CREATE TRIGGER certificate_once BEFORE UPDATE OF revoked_at, reason ON certificate"
    " WHEN OLD.revoked_at IS NOT NULL AND (OLD.reason <> 6 OR NEW.reason IS NULL)"
    " BEGIN SELECT RAISE(ABORT, 'a revocation is final'); END;"
    "CREATE TRIGGER crl_forward BEFORE UPDATE ON crl"
    " WHEN NEW.number <= OLD.number OR NEW.issuer <> OLD.issuer"
    " BEGIN SELECT RAISE(ABORT, 'a CRL number never goes back'); END;"
    "CREATE TRIGGER crl_stays BEFORE DELETE ON crl"
    " BEGIN SELECT RAISE(ABORT, 'a CRL is never deleted'); END;"
    "CREATE TRIGGER event_fixed BEFORE UPDATE ON event"
    " BEGIN SELECT RAISE(ABORT, 'an event is never altered'); END;"
    "CREATE TRIGGER event_stays BEFORE DELETE ON event"
    " BEGIN SELECT RAISE(ABORT, 'an event is never deleted'); END;";

int
store_error(struct store *st, const char *what, struct err *e)
{
	if (sqlite3_errcode(st->db) == SQLITE_BUSY)
		return err_set(e, ERR_SYS, "%s: another mtls-ca has held the store for %d s", what,
		    STORE_BUSY_MS / 1000);
	return err_set(e, ERR_SYS, "%s: %s", what, sqlite3_errmsg(st->db));
}

static int
store_exec(struct store *st, const char *sql, const char *what, struct err *e)
{
	if (sqlite3_exec(st->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_error(st, what, e);
	return 0;
}

/* The value of a pragma that is a number; -1 when it cannot be read. */
static int64_t
store_pragma(struct store *st, const char *sql)
{
	sqlite3_stmt *q = NULL;
	int64_t v = -1;

	if (sqlite3_prepare_v2(st->db, sql, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int64(q, 0);
	(void)sqlite3_finalize(q);
	return v;
}

static struct store *
store_connect(const char *path, int flags, struct err *e)
{
	struct store *st = calloc(1, sizeof(*st));

	if (st == NULL) {
		err_nomem(e, path);
		return NULL;
	}
	if (sqlite3_open_v2(path, &st->db, flags | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK) {
		err_set(e, ERR_SYS, "%s: %s", path,
		    st->db == NULL ? "out of memory" : sqlite3_errmsg(st->db));
		store_close(st);
		return NULL;
	}
	(void)sqlite3_busy_timeout(st->db, STORE_BUSY_MS);
	(void)sqlite3_db_config(st->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	if (store_exec(st, settings, path, e) == -1) {
		store_close(st);
		return NULL;
	}
	if (store_pragma(st, "PRAGMA synchronous") != 3) {
		err_set(e, ERR_SYS, "%s: this SQLite does not know synchronous=EXTRA", path);
		store_close(st);
		return NULL;
	}
	return st;
}

struct store *
store_create(const char *path, struct err *e)
{
	struct store *st;
	char version[96];

	(void)snprintf(version, sizeof(version),
	    "PRAGMA user_version = %d; PRAGMA application_id = %d;", SCHEMA_VERSION,
	    APPLICATION_ID);
	st = store_connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);
	if (st == NULL)
		return NULL;
	if (store_pragma(st, "SELECT count(*) FROM sqlite_schema") != 0) {
		err_set(e, ERR_FORMAT, "%s: there is something in it already", path);
	} else if (store_exec(st, "BEGIN EXCLUSIVE", path, e) == 0 &&
		   store_exec(st, schema, path, e) == 0 && store_exec(st, version, path, e) == 0 &&
		   store_exec(st, "COMMIT", path, e) == 0) {
		return st;
	}
	store_close(st);
	return NULL;
}

struct store *
store_open(const char *path, struct err *e)
{
	struct store *st = store_connect(path, SQLITE_OPEN_READWRITE, e);
	int64_t id, version;

	if (st == NULL)
		return NULL;
	id = store_pragma(st, "PRAGMA application_id");
	version = store_pragma(st, "PRAGMA user_version");
	if (id == APPLICATION_ID && version == SCHEMA_VERSION)
		return st;
	if (id != APPLICATION_ID)
		err_set(e, ERR_FORMAT, "%s: is not the store of a CA", path);
	else
		err_set(e, ERR_FORMAT, "%s: has version %lld, this program knows version %d only",
		    path, (long long)version, SCHEMA_VERSION);
	store_close(st);
	return NULL;
}

void
store_close(struct store *st)
{
	if (st == NULL)
		return;
	(void)sqlite3_close(st->db);
	free(st);
}

int
store_begin(struct store *st, struct err *e)
{
	/* IMMEDIATE: the lock is taken now, so what is read from here on stays true till commit */
	return store_exec(st, "BEGIN IMMEDIATE", "beginning a transaction", e);
}

int
store_commit(struct store *st, struct err *e)
{
	if (store_exec(st, "COMMIT", "committing", e) == 0)
		return 0;
	store_rollback(st);
	return -1;
}

void
store_rollback(struct store *st)
{
	if (sqlite3_get_autocommit(st->db) == 0)
		(void)sqlite3_exec(st->db, "ROLLBACK", NULL, NULL, NULL);
}
