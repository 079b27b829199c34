/* control.h - one question on control-socket, until its answer */
#ifndef CONTROL_H
#define CONTROL_H

#include "monitor.h"

/* Bytes of an answer's text. */
#define ANSWER_MAX 16384

struct control {
	struct control *next;
	struct monitor *m;
	int fd;		     /* until it is known for whom the question is; then -1 */
	struct event *first; /* the question can be looked at */
	struct msgq *q;	     /* NULL until then */
	struct msg_seen seen;
	struct event *timer;
	bool reload;	      /* waits for the verdict on a reload */
	bool explain;	      /* waits for the end of an explanation */
	uint64_t lock_number; /* waits until this set of locks is in force; 0: it does not */
	bool lock_kept;	      /* and is in the file */
	char lock_text[480];  /* what is said then */
	pid_t pid;	      /* who asks, for the log */
	uid_t uid;
};

void control_answer(struct control *c, bool ok, const char *text, const int *fd)
    __attribute__((nonnull(1, 3)));
/* A message of another type; descriptors pass to the queue. */
void control_send(struct control *c, const struct msg_out *o, const int *fds, size_t nfds)
    __attribute__((nonnull(1, 2)));

/* The handlers of one message each; as struct msg_rule says. */
typedef int control_handler(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e);
control_handler locks_on_lock, locks_on_unlock, locks_on_list; /* locks.c */
control_handler explain_on_control;			       /* explain.c */
control_handler status_on_control;			       /* status.c */

#endif
