/*
 * main.c - sshbridgectl: the operator's word to a running sshbridge
 *
 * Exit status: 0 done, 1 the daemon said no, 2 usage, 3 no daemon.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

#define DEFAULT_SOCKET "/run/sshbridge/control.sock"

static const char usage_text[] =
    "usage: sshbridgectl [--socket PATH] COMMAND\n"
    "\n"
    "  list [--json] [--watch]   who is connected, from where, since when, by which\n"
    "                            certificate; --watch shows it anew until Ctrl-C\n"
    "  show ID [--json]          all that is known of one connection\n"
    "  cut ID                    end this connection\n"
    "  cut --identity X          end all of this identity\n"
    "  cut --serial N            end all by certificates of this serial number\n"
    "  lock --identity X [--reason TEXT]\n"
    "                            let this identity in no more, end what it has; kept\n"
    "                            over restarts\n"
    "  unlock --identity X       take the lock off\n"
    "  locks [--json]            which identities are locked\n"
    "  explain CERT [--account A] [--service S] [--from ADDR]\n"
    "                            what this certificate (PEM) may do by what is in force,\n"
    "                            and every rule that says so\n"
    "  stats [--json]            connections, gates, the generation in force, and how long\n"
    "                            each certificate and CRL in it is good\n"
    "  reload [--force]          take all files anew, as one generation; no connection is\n"
    "                            dropped. What does not parse leaves the old one in force.\n"
    "                            --force takes a map without any rule too\n"
    "  drain                     accept nobody new, end when the last session has ended\n"
    "\n"
    "  --socket PATH             the daemon's control-socket\n"
    "                            (" DEFAULT_SOCKET ")\n"
    "  -V, --version             print the version\n"
    "  -h, --help                print this\n"
    "\n"
    "An identity is SECTION/FIELD:VALUE, whole, as list --json shows it.\n";

int
ctl_usage(const char *why)
{
	(void)fprintf(stderr, "sshbridgectl: %s\n%s", why, usage_text);
	return EXIT_USAGE;
}

int
ctl_say(int status, const char *fmt, ...)
{
	va_list ap;

	(void)fputs("sshbridgectl: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return status;
}

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
	struct ctl ctl = { .socket = DEFAULT_SOCKET };
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
			(void)fputs(usage_text, stdout);
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
