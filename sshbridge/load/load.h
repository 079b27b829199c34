/* load.h - the load process: verify and index what the monitor opened, hand back sealed memory */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "certpath.h"
#include "idmap.h"
#include "lockset.h"
#include "msg.h"
#include "sandbox.h"
#include "settings.h"
#include "x509text.h"

#define LOAD_FILES_MAX 512
#define LOAD_BYTES_MAX (512U << 20) /* all files of one generation together */
#define LOAD_KEY_MAX   32768

/* as in docs/PROTOCOL.md, message FILES */
enum load_kind {
	LOAD_SETTINGS = 1,
	LOAD_ANCHORS = 2,
	LOAD_INTERMEDIATES = 3,
	LOAD_CRL = 4,
	LOAD_CHAIN = 5,
	LOAD_MAP = 6,
	LOAD_TRUST = 7, /* the trust of a generation in force, sealed: then only EXPLAIN follows */
	LOAD_LOCKS = 8,
};

struct load_file {
	enum load_kind kind;
	uint32_t section;
	char name[512]; /* for messages */
	int fd;		/* -1 once read */
	uint8_t *text;
	size_t n;
};

struct load {
	uint64_t generation;
	struct load_file files[LOAD_FILES_MAX];
	size_t nfiles;
	bool complete;	      /* the list has ended */
	struct lockset locks; /* those in force, with LOAD_LOCKS */
	bool in_force; /* the files are those of the generation in force: nothing is handed on */
	uint8_t key[LOAD_KEY_MAX];
	size_t key_len;
	struct msg_seen seen;

	struct settings settings;
	struct certpath_trust *trust[SECTIONS_MAX];
	struct idmap *map;
	int64_t chain_from, chain_until; /* of the server's own certificate */
	char chain_name[X509TEXT_NAME_SIZE];
};

/* Messages until the list of files is complete. -1: the monitor is gone or broke the protocol. */
int load_collect(struct load *l, struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * Verify everything, fill settings, trust and map, and send the sealed set to the monitor.
 * -1 ERR_FORMAT: something in the files is wrong; the text says where and what.
 */
int load_build(struct load *l, int64_t now, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The part of it that is the server's certificate chain and key; cleanses the key. */
int load_chain(struct load *l, const struct load_file *f, int64_t now, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int load_send(struct load *l, struct err *e) __attribute__((warn_unused_result, nonnull));

/* ENDS: which certificate and which CRL ends when; before load_send(). */
int load_ends(const struct load *l, struct err *e) __attribute__((warn_unused_result, nonnull));

/* Answer one EXPLAIN with TEXT lines. 0: it may; 1: it may not; -1: *e. */
int load_explain(struct load *l, struct msg_in *m, int *fds, size_t nfds, int64_t now,
    struct err *e) __attribute__((warn_unused_result, nonnull));

/* A line for the administrator; level as in LOG. */
void load_text(unsigned level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int load_sandbox_enter(const struct sandbox_ids *ids, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
