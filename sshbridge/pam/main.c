/* main.c - pam: started by the monitor as root for one login, ends with its connection */
#include <fcntl.h>
#include <sys/prctl.h>

#include "pam.h"

int
main(int argc, char **argv)
{
	static struct login l = { .monitor = CHILD_CHANNEL };
	struct child c;

	child_start(&c, argc, argv);
	/* modules start programs: not with our channel; and nobody looks into our memory */
	(void)fcntl(CHILD_CHANNEL, F_SETFD, FD_CLOEXEC);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	pam_serve(&l);
	return 0;
}
