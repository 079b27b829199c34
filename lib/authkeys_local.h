/* authkeys_local.h - what the files of authkeys share; nobody else includes it */
#ifndef AUTHKEYS_LOCAL_H
#define AUTHKEYS_LOCAL_H

#include "authkeys.h"

#define AUTHKEYS_ITEM_MAX 320 /* an item of a list: a host name, a port, and their NUL */

/* The next item of a list with commas into dst; false at the end, or where it does not fit. */
bool authkeys_item(const char **list, char dst[AUTHKEYS_ITEM_MAX]) __attribute__((nonnull));

/* ---- authkeys_list.c ------------------------------------------------------------------------ */
/* A value of from= or permitopen=, put behind what `list` (AUTHKEYS_LINE_MAX bytes) holds. */
int authkeys_from_parse(char *list, const char *value, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int authkeys_permitopen_parse(char *list, const char *value, struct err *e)
    __attribute__((warn_unused_result, nonnull));
bool authkeys_from_holds(const char *list, const struct sockaddr *from)
    __attribute__((warn_unused_result, nonnull(1)));
bool authkeys_permitopen_holds(const char *list, const char *host, uint16_t port)
    __attribute__((warn_unused_result, nonnull));

/* ---- authkeys_time.c ------------------------------------------------------------------------ */
/* YYYYMMDD[HHMM[SS]][Z] as seconds since 1970-01-01 UTC. -1: ERR_FORMAT. */
int authkeys_time_parse(const char *value, int64_t *seconds, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
