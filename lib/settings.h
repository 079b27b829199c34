/* settings.h - what a checked configuration tells gates, ident and load; fixed bounds, no pointers
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "err.h"
#include "identity.h"
#include "pathinfo.h"

#define SETTINGS_LISTENERS_MAX 8  /* one message carries them all */
#define SETTINGS_PEERS_MAX     64 /* proxy-protocol peers of one listener */
#define SETTINGS_TARGETS_MAX   32
#define SETTINGS_NAMES_MAX     16 /* names (SNI) of one target */
#define SETTINGS_NAME_MAX      64
#define SETTINGS_HOST_MAX      256

#define SETTINGS_NETWORKS_MAX  64  /* jump-networks */
#define SETTINGS_HOST_KEYS_MAX 4   /* SSH host keys of one target */
#define SETTINGS_KEY_NAME_MAX  160 /* of a host key's file, for messages */
#define SETTINGS_BANNER_MAX    1024

enum settings_mode { TARGET_FORWARD = 0, TARGET_JUMP = 1 };
/* Which SSH keys a jump target takes: such as the certificate vouches for, such as are listed. */
enum settings_ssh_keys { SSH_KEYS_BOUND = 1, SSH_KEYS_LISTED = 2, SSH_KEYS_EITHER = 3 };
enum settings_source { SOURCE_PER_IDENTITY = 1, SOURCE_PER_CLIENT = 2, SOURCE_SYSTEM = 3 };

struct settings_listener {
	char name[ADDR_TEXT_SIZE]; /* as configured: "[::]:8443" */
	struct cidr peers[SETTINGS_PEERS_MAX];
	uint32_t npeers; /* 0: no PROXY header is ever read */
};

struct settings_section {
	char name[SECTION_MAX];
	uint32_t revocation;		    /* 0 off, 1 require */
	uint32_t stale_cut;		    /* on-stale = "cut" */
	enum id_field fields[ID_NAMED_MAX]; /* identity-fields */
	uint32_t nfields;
};

struct settings_target {
	char name[SETTINGS_NAME_MAX];
	char names[SETTINGS_NAMES_MAX][SETTINGS_HOST_MAX]; /* lower case, without a last dot */
	uint32_t nnames;
	uint32_t mode;		      /* enum settings_target_mode */
	char host[SETTINGS_HOST_MAX]; /* forward: numeric or a name */
	uint32_t port;
	uint32_t source;       /* enum settings_source */
	uint32_t idle_timeout; /* seconds, 0 none */
	uint32_t keep_expired; /* on-expiry = "keep" */
	uint32_t reauth;       /* seconds before the end of a certificate; 0 never */
	/* jump */
	uint32_t nhost_keys;
	uint32_t ssh_keys;	     /* enum settings_ssh_keys */
	uint32_t aes_gcm;	     /* 0: not offered */
	char pam[SETTINGS_NAME_MAX]; /* service of the PAM stack; "": none */
	char banner[SETTINGS_BANNER_MAX];
};

struct settings {
	struct settings_listener listeners[SETTINGS_LISTENERS_MAX];
	uint32_t nlisteners;
	struct settings_section sections[SECTIONS_MAX];
	uint32_t nsections;
	struct settings_target targets[SETTINGS_TARGETS_MAX];
	uint32_t ntargets;
	uint32_t tls_min;	    /* 0x0303 or 0x0304 */
	uint32_t handshake_timeout; /* seconds, from accept to the end of the handshake */
	uint32_t dial_timeout;	    /* seconds */
	uint32_t login_timeout;	    /* jump: seconds from START to the end of authentication */
	uint32_t channels;	    /* jump: at once in one connection */
	struct cidr jump_networks[SETTINGS_NETWORKS_MAX]; /* none: unicast, see ident */
	uint32_t njump_networks;
	uint32_t connections;	   /* in all, already cut to what descriptors allow */
	uint32_t gate_connections; /* of one gate: what its descriptors allow */
	uint32_t per_address;
	uint32_t per_identity;
	uint32_t port_first, port_last; /* local-ports */
	uint32_t capture_min_uid;
	uint32_t audit_require; /* audit: on-loss = "require" */
	uint32_t ask_uid;  /* who may ask WHO on ident-socket: 0, or the own uid without root */
	uint32_t keys_gid; /* group of who may ask on keys-socket besides */
};

/* As one encoded text (at most MSG_MAX bytes) and back; -1 and ERR_FORMAT, ERR_PEER. */
#define SETTINGS_BYTES_MAX MSG_MAX
/* PEM bytes of the server's certificate chain: it goes in the one flight that a gate gathers. */
#define SETTINGS_CHAIN_MAX (64U << 10)
int settings_encode(const struct settings *s, uint8_t *buf, size_t size, size_t *n, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int settings_decode(const uint8_t *buf, size_t n, struct settings *s, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The target for a TLS server name ("" included): the one that lists it, else the first. */
const struct settings_target *settings_target(const struct settings *s, const char *server_name)
    __attribute__((nonnull));

#endif
