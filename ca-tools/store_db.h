/* store_db.h - what the files of the store share, and nobody else sees */
#ifndef CA_STORE_DB_H
#define CA_STORE_DB_H

#include <sqlite3.h>

#include "store.h"

struct store {
	sqlite3 *db;
};

/* SQLite's last error in *e, with `what` before it; -1. */
int store_error(struct store *st, const char *what, struct err *e);

#endif
