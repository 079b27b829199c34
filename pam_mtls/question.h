/* question.h - what the module asks, and what it is answered (docs/PROTOCOL.md, PAM and ident) */
#ifndef QUESTION_H
#define QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "msg.h"
#include "text.h"

enum hook { HOOK_AUTH = 1, HOOK_ACCOUNT = 2, HOOK_OPEN_SESSION = 3 };

#define QUESTION_NAME_MAX 255	/* bytes of a service, of an account */
#define QUESTION_INFO_MAX 16383 /* bytes of SSH_AUTH_INFO_0 */

struct question {
	enum hook hook;
	const char *service, *account, *auth_info;
	bool has_uid;
	uint32_t uid;
	bool bind_session;
};
/* Write WHO. -1: ERR_REFUSED, a name that is missing or a value that is too long; ERR_FORMAT. */
int question_put(const struct question *q, struct msg_out *o, void *buf, size_t size, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#define ANSWER_NAME_SIZE  1024
#define ANSWER_VALUE_SIZE 256
struct answer {
	bool yes;
	uint64_t conn;
	/* IS */
	char identity[ANSWER_NAME_SIZE], address[ANSWER_VALUE_SIZE];
	char subject[ANSWER_NAME_SIZE], issuer[ANSWER_NAME_SIZE];
	char serial[ANSWER_VALUE_SIZE], fingerprint[ANSWER_VALUE_SIZE];
	char not_after[TEXT_TIME_SIZE]; /* RFC 3339 */
	char rule[ANSWER_VALUE_SIZE];
	/* NO */
	char sentence[ANSWER_VALUE_SIZE];
};
/*
 * Read IS or NO. Texts come out as one printable line each (text_clean()). -1 and ERR_PEER: it is
 * neither, or not exactly what docs/PROTOCOL.md says. *a is written only on success.
 */
int answer_get(const void *buf, size_t n, struct answer *a, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
