/* cut.h - ending a live connection before its time */
#ifndef CUT_H
#define CUT_H

struct ident;
struct conn;

/* Why; the values are on the wire in CUT. */
enum cut_code {
	CUT_EXPIRED = 1,
	CUT_REVOKED = 2,
	CUT_UNTRUSTED = 3,
	CUT_MAP = 4,
	CUT_OPERATOR = 5, /* or a lock */
	CUT_IDENTITY = 6,
	CUT_KEY = 7,
	CUT_MAX_SESSION = 8,
};

/*
 * From now on it grants nothing, and both ends see its end; the entry keeps the port until the gate
 * says CLOSED. A second time does nothing. `user_text` may reach the user, `why` is for the log.
 */
void conn_cut(struct ident *id, struct conn *c, enum cut_code code, const char *user_text,
    const char *why) __attribute__((nonnull));

#endif
