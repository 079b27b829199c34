/* conn_local.h - what the files of a connection's life share */
#ifndef CONN_LOCAL_H
#define CONN_LOCAL_H

#include "gate.h"

/* early.c: PROXY header and handshake */
void early_start(struct conn *c, bool proxy) __attribute__((nonnull));
void early_free(struct conn *c) __attribute__((nonnull));

/* renew.c: a new certificate within the connection */
void renew_start(struct conn *c, int64_t at) __attribute__((nonnull));
/* Bytes came while a request is out: the answer may be among them. */
void renew_look(struct conn *c) __attribute__((nonnull));
void renew_stop(struct conn *c) __attribute__((nonnull));

/*
 * conn.c: let go what OpenSSL keeps of the client's certificate and nobody needs: an open
 * connection lives long, and there are many.
 */
void conn_slim_down(struct conn *c) __attribute__((nonnull));

/* farewell.c: how a connection ends */

/* Log why it never got to ident: `c->early` is still there. */
void conn_report(struct conn *c, const char *why) __attribute__((nonnull));
/* Tell the client, inside TLS, in one line; then linger. */
void conn_farewell(struct conn *c, const char *text) __attribute__((nonnull));
/* Send FIN, and for a moment throw away what comes, so that no reset overtakes our last words. */
void conn_linger(struct conn *c) __attribute__((nonnull));
/* ident hears CLOSED, if it has to, and the target's socket is closed. */
void conn_release(struct conn *c, const char *why) __attribute__((nonnull));
/* Off the table, everything closed and freed; tells ident if it has to know. */
void conn_close(struct conn *c, const char *why) __attribute__((nonnull));

/* Watch the client's socket with `handler`; no other event of it is pending then. */
void conn_watch(struct conn *c, short what, event_callback_fn handler) __attribute__((nonnull));
void conn_timer(struct conn *c, uint32_t seconds, event_callback_fn handler)
    __attribute__((nonnull));

#endif
