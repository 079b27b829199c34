/* jump_help.h - ident with a gate and jump processes that the test plays, and a target */
#ifndef JUMP_HELP_H
#define JUMP_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "authkeys.h"
#include "child.h"
#include "sshbridge/ident/judge.h"
#include "tests/unit/help/sshkeys.h"
#include "tests/unit/help/stage_jump.h"

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* A connection: the gate's end and the jump process' end of its pair. */
struct line {
	int gate_fd, jump_fd, jump;
	uint64_t conn;
	uint32_t number;
};

struct bench {
	struct stage p;
	struct settings s;
	int listener, gate;
	uint16_t port;
	uint64_t generation;
	struct authkeys *keys; /* NULL: the generation has none */
	uint32_t process;
	char map[2048];
};

/* alice with the first key, and what she may reach: PORT is the target's. */
static const char alice_map[] = "email alice@corp.example alice,ops bind=listed "
				"key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI "
				"to=127.0.0.1:PORT,*.prod.example:PORT,10.99.0.0/16:22\n"
				"email bob@corp.example bob bind=any to=127.0.0.1:PORT\n";

static inline void
write_map(struct bench *b, const char *map)
{
	const char *at;
	size_t n = 0;

	for (; (at = strstr(map, "PORT")) != NULL; map = at + 4)
		n += (size_t)snprintf(b->map + n, sizeof(b->map) - n, "%.*s%u", (int)(at - map),
		    map, (unsigned)b->port);
	(void)snprintf(b->map + n, sizeof(b->map) - n, "%s", map);
}

static inline void
in_force(struct bench *b, const char *map)
{
	static const uint8_t anchor = STAGE_ANCHOR;
	char why[512];

	write_map(b, map);
	stage_generation(&b->p, ++b->generation, &b->s, &anchor, 1, b->map);
	if (!stage_ready(&b->p, b->generation, why, sizeof(why)))
		fail_msg("generation refused: %s", why);
}

static inline int
setup_bare(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->listener = stage_listener(&b->port);
	stage_start(&b->p, "ident");
	stage_settings(&b->s, 22);
	stage_settings_jump(&b->s, SSH_KEYS_BOUND);
	b->gate = stage_peer(&b->p, PEER_GATE, 0);
	*state = b;
	return 0;
}

static inline int
setup(void **state)
{
	(void)setup_bare(state);
	in_force(*state, alice_map);
	return 0;
}

static inline int
teardown(void **state)
{
	struct bench *b = *state;

	if (b->gate != -1)
		close(b->gate);
	close(b->listener);
	stage_end(&b->p);
	authkeys_free(b->keys);
	free(b);
	return 0;
}

static inline struct stage_open
jump_open(uint32_t number)
{
	struct stage_open a = stage_open(number);

	a.server_name = "jump.example";
	return a;
}

/* OPEN of a jump target while a process is ready. */
static inline struct line
line_open(struct bench *b, const struct stage_open *a)
{
	struct line l = { .number = a->number };
	uint64_t conn;

	l.jump = stage_jump(&b->p, b->generation, ++b->process);
	stage_open_send(b->gate, a);
	assert_int_equal(b->process, stage_taken(&b->p));
	l.gate_fd = stage_opened(b->gate, a->number, &l.conn);
	l.jump_fd = stage_started(l.jump, 1, &conn);
	assert_true(conn == l.conn);
	return l;
}

static inline struct line
line_in(struct bench *b, uint32_t number)
{
	struct stage_open a = jump_open(number);
	struct line l = line_open(b, &a);

	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", 0, 1));
	(void)stage_log(&b->p, "granted");
	return l;
}

static inline void
line_close(struct bench *b, struct line *l)
{
	if (l->jump != -1)
		close(l->jump);
	close(l->gate_fd);
	close(l->jump_fd);
	stage_closed(b->gate, l->conn, l->number);
}

/* ---- authorized-keys ------------------------------------------------------------------------ */

/* Rules that bind nothing: the lists alone say which key it must be. */
static const char listed_map[] = "email alice@corp.example alice to=127.0.0.1:PORT,127.0.0.2:22\n";

static inline void
not_taken(void *arg, unsigned line, const char *why)
{
	(void)arg;
	fail_msg("line %u: %s", line, why);
}

/* An account's file: OPTIONS before the i-th key of sshkeys.h. For the next generation. */
static inline void
list_key(struct bench *b, unsigned how, const char *account, const char *options, unsigned key)
{
	char text[4096];
	struct err e;
	size_t n;

	authkeys_free(b->keys);
	assert_non_null(b->keys = authkeys_new(&e));
	n = (size_t)snprintf(
	    text, sizeof(text), "%s%s %s\n", options, sshkeys[key].type, sshkeys[key].base64);
	assert_int_equal(
	    0, authkeys_add(b->keys, 1, account, (const uint8_t *)text, n, not_taken, NULL, &e));
	assert_int_equal(1, authkeys_count(b->keys));
	b->s.targets[1].ssh_keys = how;
	b->p.keys = b->keys;
}

static inline void
list(struct bench *b, unsigned how, const char *account, const char *options, unsigned key)
{
	list_key(b, how, account, options, key);
	in_force(b, b->map[0] == '\0' || how == SSH_KEYS_LISTED ? listed_map : alice_map);
}

#endif
