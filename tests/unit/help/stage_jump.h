/* stage_jump.h - a test plays the jump processes of ident, and PAM's behind them */
#ifndef STAGE_JUMP_H
#define STAGE_JUMP_H

#include "tests/unit/help/stage.h"

/* A second target "jump" for the server name jump.example: such keys, 8 channels. */
void stage_settings_jump(struct settings *s, unsigned ssh_keys);
/* A message of the monitor's channel that is no line of the log. */
void stage_monitor_expect(struct stage *p, struct got *g, unsigned type);

/* JUMP: a process with that generation is ready; the test's end of the pair. */
int stage_jump(struct stage *p, uint64_t generation, uint32_t number);
uint32_t stage_taken(struct stage *p);
/* START: the process' end of the pair to the gate. */
int stage_started(int jump, uint32_t target, uint64_t *conn);

/* LOGIN with the i-th of sshkeys.h; `proven` is 0 (offered), 1, or this: with flags of its use. */
#define STAGE_FLAGS(flags) (1U | (unsigned)(flags) << 8)
void stage_login_send(
    int jump, uint64_t conn, uint32_t number, const char *account, unsigned key, unsigned proven);
/* LOGGED: its verdict; with 2 *fd is the pair's end. */
unsigned stage_logged(int jump, uint32_t number, int *fd);
unsigned stage_login(int jump, uint64_t conn, const char *account, unsigned key, unsigned proven);

void stage_dial(int jump, uint64_t conn, uint32_t channel, const char *host, uint32_t port);
/* OPENED: the target's socket. */
int stage_channel(int jump, uint64_t conn, uint32_t channel);
/* REFUSED: its code. */
unsigned stage_channel_refused(int jump, uint64_t conn, uint32_t channel);
void stage_channel_closed(int jump, uint64_t conn, uint32_t channel);
/* CUT: its code. */
unsigned stage_jump_cut(int jump, uint64_t conn, char *text, size_t size);

#endif
