/* load.h - the load process: verify and index what the monitor opened, hand back sealed memory */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "authkeys.h"
#include "certpath.h"
#include "crldraft.h"
#include "idmap.h"
#include "lockset.h"
#include "msg.h"
#include "sandbox.h"
#include "settings.h"
#include "x509text.h"

#define LOAD_FILES_MAX 512
#define LOAD_BYTES_MAX (512U << 20) /* all files of one generation together */
#define LOAD_KEY_MAX   32768
#define LOAD_NAME_MAX  512

/* as in docs/PROTOCOL.md, message FILES */
enum load_kind {
	LOAD_SETTINGS = 1,
	LOAD_ANCHORS = 2,
	LOAD_INTERMEDIATES = 3,
	LOAD_CRL = 4,
	LOAD_CHAIN = 5,
	LOAD_MAP = 6,
	LOAD_TRUST = 7,	    /* anchors and intermediates in force, instead of their files */
	LOAD_OLD_CRLS = 8,  /* the CRL index in force */
	LOAD_CRL_FOUND = 9, /* a CRL that was found in a folder */
	LOAD_LOCKS = 10,    /* those in force: then only EXPLAIN follows */
	LOAD_AUTHKEYS = 11, /* all files of authorized keys, as records */
};
/* as in docs/PROTOCOL.md, message TERMS */
enum load_terms { LOAD_FORCE = 1, LOAD_QUIET = 2 };

struct load_file {
	enum load_kind kind;
	uint32_t section;
	char name[LOAD_NAME_MAX]; /* for messages */
	int fd;			  /* -1 once read */
	uint8_t *text;
	size_t n;
};

/* A CRL file that is not read: what is in force of it stays. */
struct load_keep {
	uint32_t section;
	bool named; /* in the configuration, not found in a folder */
	char name[LOAD_NAME_MAX];
	char why[240]; /* "": it has not changed */
};

struct load {
	uint64_t generation;
	struct load_file files[LOAD_FILES_MAX];
	size_t nfiles;
	struct load_keep keeps[LOAD_FILES_MAX];
	size_t nkeeps;
	bool complete;	      /* the list has ended */
	bool force;	      /* a CRL number may go back */
	bool quiet;	      /* do not tell what was taken */
	bool crls_only;	      /* everything else is in force already */
	bool in_force;	      /* all of it is: nothing is handed on */
	struct lockset locks; /* those in force, with LOAD_LOCKS */
	uint8_t key[LOAD_KEY_MAX];
	size_t key_len;
	struct msg_seen seen;

	struct settings settings;
	struct certpath_trust *trust[SECTIONS_MAX];
	struct idmap *map;
	struct authkeys *authkeys;
	struct sealed old_bytes; /* of the index in force */
	struct crlindex old;
	bool has_old;
	struct crldrafts crls;	   /* on their way into the new one */
	int crls_fd;		   /* the new one; -1 before */
	struct sealed index_bytes; /* of it */
	struct crlindex index;
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
/*
 * The files of authorized keys into l->authkeys, a line in the log for each that is not taken; and
 * what of settings, map and keys can never let anybody in to a jump target, or anywhere from there.
 */
int load_authkeys(struct load *l, const struct load_file *f, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void load_check_jumps(const struct load *l) __attribute__((nonnull));
/* The part of it that is the server's certificate chain and key; cleanses the key. */
int load_chain(struct load *l, const struct load_file *f, int64_t now, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/*
 * The CRLs of all sections into l->crls: files as they are, or what is in force of them where they
 * are not to be taken. Then sealed, for the others and for EXPLAIN. -1 ERR_FORMAT, ERR_NOMEM.
 */
int load_crls(struct load *l, int64_t now, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int load_crls_seal(struct load *l, struct err *e) __attribute__((warn_unused_result, nonnull));
/* A CRL number in decimal, or in hexadecimal where it is long. */
#define LOAD_NUMBER_SIZE 48
char *load_number(char dst[LOAD_NUMBER_SIZE], const uint8_t number[CRLINDEX_NUMBER])
    __attribute__((nonnull));
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
