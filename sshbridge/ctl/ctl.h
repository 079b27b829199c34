/* ctl.h - sshbridgectl: one command, one or more questions on control-socket, their answers */
#ifndef CTL_H
#define CTL_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>

#include "conninfo.h"
#include "msgio.h"

enum { EXIT_DONE = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3 };

/* Each returns the exit status; argv[0] is the command's name. */
struct ctl {
	const char *socket;
};
typedef int ctl_command(const struct ctl *ctl, int argc, char **argv);
ctl_command ctl_list, ctl_show;		     /* list.c, show.c */
ctl_command ctl_cut;			     /* cut.c */
ctl_command ctl_lock, ctl_unlock, ctl_locks; /* lock.c */
ctl_command ctl_explain;		     /* explain.c */
ctl_command ctl_stats;			     /* stats.c */
ctl_command ctl_reload, ctl_drain;	     /* service.c */

/* ---- usage.c */
#define CTL_DEFAULT_SOCKET "/run/sshbridge/control.sock"
extern const char ctl_help[];
int ctl_usage(const char *why) __attribute__((nonnull));
/* Say it on stderr, return `status`. */
int ctl_say(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull(2)));

/* ---- line.c: the connection ------------------------------------------------------------------ */
struct line {
	int fd; /* -1: none */
	uint8_t buf[MSG_MAX];
	struct msg_in m; /* the last message that came */
	int fds[MSG_FDS_MAX];
	size_t nfds; /* closed with the next message */
};
/* 0, or the exit status with its reason said. */
int line_open(struct line *l, const struct ctl *ctl) __attribute__((warn_unused_result, nonnull));
int line_send(struct line *l, const struct msg_out *o, const int *fd)
    __attribute__((warn_unused_result, nonnull(1, 2)));
int line_recv(struct line *l) __attribute__((warn_unused_result, nonnull));
void line_close(struct line *l) __attribute__((nonnull));
/* The last message is ANSWER, or not understood: print it, return the exit status. */
int line_answer(struct line *l) __attribute__((nonnull));
int line_misunderstood(void);
/* Open, ask, print the ANSWER, close. */
int line_ask(const struct ctl *ctl, const struct msg_out *o) __attribute__((nonnull));

/* ---- print.c: text for a terminal and JSON --------------------------------------------------- */
/* One object or array on stdout; frees it. 0, or EXIT_NO when it could not be written. */
int print_json(json_t *j, bool one_line);
json_t *json_text(const char *s) __attribute__((nonnull)); /* any bytes */
json_t *json_time(int64_t t);				   /* null for 0 */
json_t *json_id(uint64_t id);
json_t *json_conn(const struct conninfo *c, bool draining) __attribute__((nonnull));
/* "12 d", "3 h 20 min", "5 s" */
#define PRINT_SPAN_SIZE 32
char *print_span(char dst[PRINT_SPAN_SIZE], int64_t seconds) __attribute__((nonnull));
/* "1.4 M" */
char *print_bytes(char dst[PRINT_SPAN_SIZE], uint64_t n) __attribute__((nonnull));
/* Columns on a terminal that `text` (UTF-8) takes. */
size_t print_width(const char *text) __attribute__((nonnull));

/* ---- table.c: rows of columns that fit the terminal ------------------------------------------ */
#define TABLE_COLUMNS_MAX 12
#define TABLE_CELL_MAX	  4200
struct table_column {
	const char *title;
	bool right;   /* numbers */
	bool shrinks; /* may be cut where the line is too long; else the column is left out */
};
struct table {
	const struct table_column *columns;
	size_t ncolumns, nrows;
	/* The text of one cell, already safe to show. */
	void (*cell)(const void *arg, size_t row, size_t column, char *dst, size_t size);
	const void *arg;
};
/* To stdout; `width` 0: as wide as it is. What does not fit: the last columns first. */
void table_print(const struct table *t, size_t width) __attribute__((nonnull));
/* Of the terminal that stdout is; 0: it is none. */
size_t table_terminal(void);

#endif
