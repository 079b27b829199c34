/* stats.h - what `stats` knows: from the monitor, and from ident and each older one */
#ifndef STATS_H
#define STATS_H

#include "ctl.h"

#define STATS_GATES_MAX	 1024
#define STATS_ENDS_MAX	 256
#define STATS_IDENTS_MAX 16

/* Of one ident; an older one is that of an instance which drains. */
struct stats_ident {
	uint64_t generation, live, dialing, opened, refused, closed, granted, denied, locks;
	uint64_t channels_opened, channels_refused, jumps_ready;
	uint32_t ngates;
	struct {
		uint32_t index, connections;
	} gates[STATS_GATES_MAX];
};
struct stats_gate {
	uint32_t index, pid;
	uint64_t generation;
};
struct stats_end {
	uint32_t what;
	int64_t from, until; /* until 0: no end is known */
	char name[160];
};
struct stats {
	int64_t now;
	uint64_t generation, accepted;
	uint32_t rules, draining;
	uint32_t ngates, nends;
	struct stats_gate gates[STATS_GATES_MAX];
	struct stats_end ends[STATS_ENDS_MAX];
	struct stats_ident *idents; /* the own one first */
	size_t nidents;
};

/* 0, or the exit status with its reason said. */
int stats_gather(const struct ctl *ctl, struct stats *s)
    __attribute__((warn_unused_result, nonnull));
/* stats_ident.c */
int stats_ask_idents(struct line *l, struct stats *s) __attribute__((warn_unused_result, nonnull));
int stats_json(const struct stats *s) __attribute__((nonnull));
void stats_text(const struct stats *s) __attribute__((nonnull));

#endif
