/* fakeagent.h - something at an ssh-agent's socket that answers as a test wants it to */
#ifndef TEST_FAKEAGENT_H
#define TEST_FAKEAGENT_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define FAKEAGENT_MAX (256U * 1024 + 4)

struct fakeagent {
	char dir[64], path[80];
	int listener;
	pthread_t thread;
	/* Called with each whole request but its length; fd is closed behind it. */
	void (*answer)(struct fakeagent *f, int fd, const uint8_t *req, size_t n);
	void *arg;
	/* The last request; to be read after fakeagent_stop(). */
	uint8_t *last;
	size_t last_n;
	unsigned asked;
};

void fakeagent_start(struct fakeagent *f,
    void (*answer)(struct fakeagent *, int, const uint8_t *, size_t), void *arg);
void fakeagent_stop(struct fakeagent *f);
/* Write all of it; false when nobody takes it any more. */
int fakeagent_write(int fd, const void *p, size_t n);
/* Wait until the other side has gone. */
void fakeagent_hang(int fd);

/* A message being made: u8, u32 and strings; fakeagent_put_length() sets the four bytes in front.
 */
struct fakemsg {
	uint8_t p[FAKEAGENT_MAX];
	size_t n;
};
void fakemsg_start(struct fakemsg *m, unsigned type);
void fakemsg_byte(struct fakemsg *m, unsigned v);
void fakemsg_u32(struct fakemsg *m, size_t v);
void fakemsg_string(struct fakemsg *m, const void *p, size_t n);
void fakemsg_send(struct fakemsg *m, int fd);

#endif
