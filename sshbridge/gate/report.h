/* report.h - log lines to the monitor; refusals are rationed so that a flood cannot fill a log */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event_struct.h>

#include "child.h"
#include "text.h"

struct gate;

struct report {
	struct event timer;
	unsigned lines; /* in the running second */
	uint64_t left_out;
	bool running;
};

void report_init(struct gate *g) __attribute__((nonnull));
void report_line(struct gate *g, enum child_level level, const struct logline *l)
    __attribute__((nonnull));
/* At most REPORT_PER_SECOND of these; how many were left out is told when the second is over. */
#define REPORT_PER_SECOND 50
void report_refusal(struct gate *g, const struct logline *l) __attribute__((nonnull));

#endif
