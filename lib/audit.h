/*
 * audit.h - which records belong to the audit trail, and the message that carries them
 *
 * A record whose event is in the table goes to the log *and* to the audit trail; any other is a
 * line of the log alone. Nobody chooses: who builds a record and sends it does both.
 */
#ifndef AUDIT_H
#define AUDIT_H

#include "child.h"
#include "logline.h"

/* Who may send an event. A gate does not get to say that somebody logged in. */
enum audit_sender { AUDIT_GATE = 1, AUDIT_IDENT = 2, AUDIT_MONITOR = 4 };

struct audit_event {
	const char *word;  /* how the log line begins */
	const char *event; /* its name in the trail: docs/audit.md */
	unsigned senders;
	const char *flag; /* a member that is true or false by the word alone, or NULL */
	bool value;
};
/* The event whose log lines begin with this word, or NULL. */
const struct audit_event *audit_event(const char *word) __attribute__((nonnull));

#define AUDIT_MESSAGE_MAX (LOGLINE_BYTES + 256)
#define AUDIT_NO_LINE	  4 /* in place of a level: for the trail alone */

/*
 * A child's message: AUDIT, or LOG where the event is none of the trail. `number`: not 0, and
 * AUDITED tells when it is written. `lost`: how many records could not be sent before this one.
 * `buf` has AUDIT_MESSAGE_MAX bytes. Returns whether it is an AUDIT.
 */
bool audit_write(struct msg_out *o, uint8_t *buf, enum child_level level, const struct logline *l,
    uint64_t number, uint64_t lost) __attribute__((nonnull));

/* One AUDIT of a child. */
struct audit {
	uint32_t level;
	uint64_t number, lost;
	struct msg_in raw; /* the record as it came, to be passed on */
	struct logrecord record;
	const struct audit_event *event;
};
/* -1 and ERR_PEER: malformed, or an event that `sender` may not send. */
int audit_get(struct msg_in *m, enum audit_sender sender, struct audit *a, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
