/* report.h - log lines to the monitor; refusals are rationed so that a flood cannot fill a log */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event_struct.h>

#include "audit.h"
#include "text.h"

struct gate;

struct report {
	struct event timer;
	unsigned lines; /* in the running second */
	uint64_t left_out;
	uint64_t lost; /* records for the audit trail that the monitor did not take */
	bool running;
};

void report_init(struct gate *g) __attribute__((nonnull));
/*
 * To the log, and to the audit trail where lib/audit.c has the event. Nobody may stall a gate: what
 * the monitor does not take is lost and counted (false), and the next one tells the count.
 */
bool report_line(struct gate *g, enum child_level level, const struct logline *l)
    __attribute__((nonnull));
/* At most REPORT_PER_SECOND of these; how many were left out is told when the second is over. */
#define REPORT_PER_SECOND 50
void report_refusal(struct gate *g, const struct logline *l) __attribute__((nonnull));

#endif
