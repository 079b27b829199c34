/* usage.c - what is said on stderr, and --help */
#include <stdarg.h>
#include <stdio.h>

#include "ctl.h"

const char ctl_help[] =
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
    "                            (" CTL_DEFAULT_SOCKET ")\n"
    "  -V, --version             print the version\n"
    "  -h, --help                print this\n"
    "\n"
    "An identity is SECTION/FIELD:VALUE, whole, as list --json shows it.\n";

int
ctl_usage(const char *why)
{
	(void)fprintf(stderr, "sshbridgectl: %s\n%s", why, ctl_help);
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
