/* channel_none.c - refuses every direct-tcpip, until channel.c is there */
#include <libssh/server.h>
#include <unistd.h>

#include "jump.h"

#pragma weak channels_init
#pragma weak channels_open
#pragma weak channels_opened
#pragma weak channels_refused
#pragma weak channels_turn
#pragma weak channels_done

int
channels_init(struct jump *j, struct err *e)
{
	(void)j;
	(void)e;
	return 0;
}

void
channels_open(struct jump *j, ssh_message msg)
{
	(void)j;
	(void)ssh_message_reply_default(msg);
	ssh_message_free(msg);
}

int
channels_opened(struct jump *j, uint32_t number, int fd, struct err *e)
{
	(void)j;
	(void)number;
	close(fd);
	return err_set(e, ERR_PEER, "OPENED: no such channel");
}

int
channels_refused(struct jump *j, uint32_t number, uint32_t code, const char *text, struct err *e)
{
	(void)j;
	(void)number;
	(void)code;
	(void)text;
	return err_set(e, ERR_PEER, "REFUSED: no such channel");
}

void
channels_turn(struct jump *j)
{
	(void)j;
}

void
channels_done(struct jump *j, const char *why)
{
	(void)j;
	(void)why;
}
