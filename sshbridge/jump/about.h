/* about.h - session channels: who one is here and what one may reach, and nothing else */
#ifndef ABOUT_H
#define ABOUT_H

#include "jump.h"

#define ABOUT_TARGETS_MAX 1000

/* Before the sandbox: the JSON library would open a file for its seed. */
void about_seed(void);
int about_init(struct jump *j, struct err *e) __attribute__((warn_unused_result, nonnull));
void about_done(struct jump *j) __attribute__((nonnull)); /* may be called twice */

/* Messages of the client; taken over. */
void about_open(struct jump *j, ssh_message msg) __attribute__((nonnull));
void about_request(struct jump *j, ssh_message msg) __attribute__((nonnull));
/* At the end of a turn: what there is to write. */
void about_turn(struct jump *j) __attribute__((nonnull));
/* ident's answer, unread. */
int about_answer(struct jump *j, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* ---- abouttext.c ------------------------------------------------------------------------------
 */

struct about_facts {
	char identity[1024], account[256], serial[128];
	uint64_t not_after;
	uint32_t ntargets;
	char (*targets)[256];
};
/* Read ABOUT behind its number. The targets are the caller's to free. -1: ERR_PEER, ERR_NOMEM. */
int about_read(struct msg_in *m, struct about_facts *f, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* What is shown at time `now`; the caller frees it. NULL: out of memory. */
char *about_text(const struct about_facts *f, uint64_t now) __attribute__((nonnull));
char *about_json(const struct about_facts *f) __attribute__((nonnull));

#endif
