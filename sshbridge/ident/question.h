/* question.h - WHO and its answer, as structures and on the wire */
#ifndef QUESTION_H
#define QUESTION_H

#include "endpoint.h"
#include "identity.h"
#include "msg.h"
#include "text.h"

enum hook { HOOK_AUTH = 1, HOOK_ACCOUNT = 2, HOOK_OPEN_SESSION = 3, HOOK_KEYS = 4 };

#define QUESTION_NAME_MAX 256
#define QUESTION_INFO_MAX 16384 /* SSH_AUTH_INFO_0: a few keys in base64 */

/* What of a question is kept while somebody waits for the answer. */
struct question_names {
	uint32_t hook;
	char service[QUESTION_NAME_MAX], account[QUESTION_NAME_MAX];
};

struct question {
	uint32_t hook;
	char service[QUESTION_NAME_MAX], account[QUESTION_NAME_MAX];
	uint32_t has_uid, uid;
	char auth_info[QUESTION_INFO_MAX]; /* HOOK_KEYS: of the key that is offered */
	uint32_t
	    bind_session; /* HOOK_ACCOUNT: open_session will tell the key, where it is not known */
	struct tuple server; /* HOOK_KEYS: the connection as the SSH server sees it */
};
const char *hook_name(uint32_t hook);

/* Descriptors that come with the question: the connection itself, where the asker has it. */
size_t question_nfds(const struct question *q) __attribute__((nonnull));

/* WHO; `number` goes into the header (0 from who asks for himself). -1: ERR_PEER. */
int question_get(struct msg_in *m, struct question *q, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void question_put(const struct question *q, uint64_t number, struct msg_out *o, void *buf,
    size_t size) __attribute__((nonnull));

enum no_kind { NO_EVIDENCE = 1, NO_CAUSE = 2 };
#define ANSWER_NAME_MAX	  1024
#define ANSWER_SERIAL_MAX 160
#define ANSWER_BYTES_MAX  8192
struct answer {
	bool yes;
	uint64_t conn;
	/* IS */
	char identity[IDENTITY_NAME_MAX], address[ADDR_TEXT_SIZE];
	uint32_t port;
	char subject[ANSWER_NAME_MAX], issuer[ANSWER_NAME_MAX], serial[ANSWER_SERIAL_MAX];
	char fingerprint[TEXT_SHA256_SIZE];
	int64_t not_after;
	char rule[64];
	/* NO */
	enum no_kind kind;
	char user[160];
	/* the record that must be written before this answer is given; 0: none */
	uint64_t record;
};
void question_remember(const struct question *q, struct question_names *names)
    __attribute__((nonnull));
/* A NO without more; a->conn stays. */
void answer_no(struct answer *a, enum no_kind kind, const char *user) __attribute__((nonnull));

/*
 * IS or NO. Between two idents (number != 0) the header carries the number of the question, and
 * the connection id comes behind the fields.
 */
void answer_put(const struct answer *a, uint64_t number, struct msg_out *o, void *buf, size_t size)
    __attribute__((nonnull));
/* One from an older ident; its number is m->conn. -1: ERR_PEER. */
int answer_get(struct msg_in *m, struct answer *a, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
