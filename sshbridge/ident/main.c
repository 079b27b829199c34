/* main.c - the ident process: confined, tested, then its event loop */
#include <unistd.h>

#include "child.h"
#include "ident.h"

int
main(int argc, char **argv)
{
	struct child c;
	struct ident id;
	struct err e = { 0 };

	child_start(&c, argc, argv);
	if (ident_init(&id, &e) == -1 || ident_sandbox_enter(&c.ids, &e) == -1 ||
	    ident_selftest(&id, &e) == -1)
		child_fail(&e);
	if (child_ready(0, NULL) == -1)
		_exit(1);
	if (ident_start(&id, CHILD_CHANNEL, &e) == -1)
		child_fail(&e);
	(void)event_base_loop(id.base, EVLOOP_NO_EXIT_ON_EMPTY);
	ident_done(&id);
	_exit(0);
}
