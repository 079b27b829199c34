/* conf.h - the configuration of sshbridge, checked and complete (sshbridge.conf(5)) */
#ifndef CONF_H
#define CONF_H

#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "err.h"
#include "settings.h"

#define CONF_TEXT_MAX	(1U << 20) /* bytes of a configuration file */
#define CONF_PATH_MAX	1024	   /* bytes of a path with its NUL */
#define CONF_SOCKET_MAX 107	   /* bytes of a socket's path: sun_path without its NUL */
#define CONF_FILES_MAX	64	   /* anchors, intermediates or CRL files of one trust section */
#define CONF_PAM_MAX	16	   /* services of pam-services */
#define CONF_BANNER_MAX 1000	   /* bytes of a banner, newlines included */

struct conf_list {
	char **v;
	uint32_t n;
};

/* The files of one trust section; the rest of it is settings.sections[] at the same index. */
struct conf_trust {
	struct conf_list anchors, intermediates, crls;
};

/* The files of one jump target; the rest of it is settings.targets[] at the same index. */
struct conf_target {
	struct conf_list host_keys;
	char *authorized_keys; /* the folder; NULL: none */
};

/*
 * Every path is absolute. What depends on the machine is left to the caller: settings.ask_uid,
 * .keys_gid and .gate_connections are 0, .connections is as written, and users and files need not
 * exist.
 */
struct conf {
	struct settings settings;
	struct sockaddr_storage listen[SETTINGS_LISTENERS_MAX]; /* of settings.listeners[] */
	struct conf_trust trust[SECTIONS_MAX];			/* of settings.sections[] */
	struct conf_target target[SETTINGS_TARGETS_MAX];	/* of settings.targets[] */
	char *certificate, *key;
	char *identity_map;
	char *user, *ident_user;
	uint32_t workers; /* 0: one per core */
	char *ident_socket, *control_socket;
	char *keys_socket; /* NULL: none */
	char *locks;	   /* the file of locked identities */
	char *log;	   /* "stderr", "syslog" or a path */
	char *audit_to;	   /* the same, or "" */
	uint32_t drain;	   /* seconds, 0: no limit */
	struct conf_list pam_services;
};

/*
 * Parse the whole text of a configuration file. `file` is its absolute path: relative paths begin
 * in its folder, and errors read "FILE:LINE: OPTION: what is wrong, what is allowed". Opens no
 * file. NULL and *e: ERR_FORMAT, ERR_NOMEM. Not for two threads at once (libconfuse is not).
 */
struct conf *conf_parse(const char *file, const uint8_t *text, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 4)));
/* Read the file at `path` (lib/file.h: judged, and taken only whole) and parse it; also ERR_SYS. */
struct conf *conf_load(const char *path, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void conf_free(struct conf *c);

/* Write what is in force, defaults included, as a configuration that parses to the same (-T). */
void conf_print(const struct conf *c, FILE *fp) __attribute__((nonnull));

#endif
