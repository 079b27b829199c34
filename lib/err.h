/* err.h - how errors travel up: lib/ fills a struct err, the process that decides logs one line */
#ifndef ERR_H
#define ERR_H

/* What the caller does next. */
enum err_kind {
	ERR_NONE = 0,
	ERR_SYS,     /* a system call failed: retry or report; detail is errno */
	ERR_NOMEM,   /* out of memory */
	ERR_FORMAT,  /* the administrator's input is wrong: tell him where and what */
	ERR_REFUSED, /* the user is refused; detail is X509_V_ERR_* where a verifier said so */
	ERR_PEER,    /* the other end broke the protocol: end this connection */
};

struct err {
	enum err_kind kind;
	int detail;
	char text[400]; /* one line for the log, no newline, no control bytes */
};

/* Fill *e and return -1. Text that does not fit is cut. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), nonnull(1, 3)));
/* The same with kind ERR_SYS, detail `errnum`, and ": STRERROR" behind the text. */
int err_sys(struct err *e, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), nonnull(1, 3)));
/* Out of memory while doing `what`: ERR_NOMEM, return -1. */
int err_nomem(struct err *e, const char *what) __attribute__((nonnull));
/* Put "PREFIX: " before the text that is there (a file name, a line); return -1. */
int err_prefix(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), nonnull(1, 2)));

#endif
