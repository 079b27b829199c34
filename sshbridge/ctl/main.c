/*
 * main.c - sshbridgectl: the operator's word to a running sshbridge
 *
 * Exit status: 0 done, 1 the daemon said no, 2 usage, 3 no daemon.
 */
#include <stdio.h>
#include <string.h>

#include "ctl.h"

static int
run_command(const struct ctl *ctl, int argc, char **argv)
{
	static const struct {
		const char *name;
		ctl_command *run;
	} commands[] = {
		{ "list", ctl_list },
		{ "show", ctl_show },
		{ "cut", ctl_cut },
		{ "lock", ctl_lock },
		{ "unlock", ctl_unlock },
		{ "locks", ctl_locks },
		{ "explain", ctl_explain },
		{ "stats", ctl_stats },
		{ "reload", ctl_reload },
		{ "drain", ctl_drain },
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[0]) == 0)
			return commands[i].run(ctl, argc, argv);
	return ctl_usage("unknown command");
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct ctl ctl = { .socket = CTL_DEFAULT_SOCKET };
	int c, r;

	/* "+": what stands behind the command is the command's */
	while ((c = getopt_long(argc, argv, "+hV", options, NULL)) != -1) {
		switch (c) {
		case 's':
			ctl.socket = optarg;
			break;
		case 'V':
			(void)printf("sshbridgectl %s\n", VERSION);
			return EXIT_DONE;
		case 'h':
			(void)fputs(ctl_help, stdout);
			return EXIT_DONE;
		default:
			return ctl_usage("unknown option");
		}
	}
	if (optind >= argc)
		return ctl_usage("no command");
	argc -= optind;
	argv += optind;
	optind = 0; /* the command's options begin anew */
	r = run_command(&ctl, argc, argv);
	if (fflush(stdout) != 0 && r == EXIT_DONE)
		r = ctl_say(EXIT_NO, "the output could not be written");
	return r;
}
