/*
 * main.c - sshbridgectl: the operator's word to a running sshbridge
 *
 * One question on the control socket, one answer. Exit status: 0 done, 1 the daemon said no,
 * 2 usage, 3 no daemon.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "msgio.h"

#define DEFAULT_SOCKET "/run/sshbridge/control.sock"

enum { EXIT_DONE = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3 };

static const char usage_text[] =
    "usage: sshbridgectl [--socket PATH] COMMAND\n"
    "\n"
    "  reload [--force]  take all files anew, as one generation; no connection is dropped.\n"
    "                    What does not parse leaves the old one in force. --force takes a\n"
    "                    map without any rule too\n"
    "  drain             accept nobody new, and end when the last session has ended\n"
    "\n"
    "  --socket PATH     the daemon's control-socket (" DEFAULT_SOCKET ")\n"
    "  -V, --version     print the version\n"
    "  -h, --help        print this\n";

static int
usage(const char *why)
{
	(void)fprintf(stderr, "sshbridgectl: %s\n%s", why, usage_text);
	return EXIT_USAGE;
}

static int
control_connect(const char *path, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(un.sun_path))
		return err_set(e, ERR_FORMAT, "%s: longer than a socket's path may be", path);
	memcpy(un.sun_path, path, strlen(path) + 1);
	if ((fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) == -1)
		return err_sys(e, errno, "socket");
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == -1) {
		err_sys(e, errno, "%s", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* Send the question, print the answer. Returns the exit status. */
static int
ask(int fd, const struct msg_out *o)
{
	static uint8_t buf[MSG_MAX];
	static char text[MSG_MAX];
	int fds[MSG_FDS_MAX];
	size_t nfds;
	struct msg_in m;
	struct err e = { 0 };
	uint32_t ok;
	ssize_t n;

	if (msgio_send(fd, o, NULL, 0, &e) == -1 ||
	    (n = msgio_recv(fd, buf, sizeof(buf), fds, &nfds, &e)) == -1) {
		(void)fprintf(stderr, "sshbridgectl: %s\n", e.text);
		return EXIT_NO_DAEMON;
	}
	if (n == 0) {
		(void)fprintf(stderr, "sshbridgectl: the daemon closed without an answer: only "
				      "root, or who runs it, may ask\n");
		return EXIT_NO;
	}
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
	if (msg_parse(&m, buf, (size_t)n, &e) == -1 || m.type != MSG_ANSWER ||
	    msg_get_u32(&m, &ok) == -1 || msg_get_str(&m, text, sizeof(text)) == -1 ||
	    msg_end(&m, &e) == -1) {
		(void)fprintf(stderr, "sshbridgectl: the answer is not understood: is the daemon "
				      "of another version?\n");
		return EXIT_NO;
	}
	(void)fprintf(ok ? stdout : stderr, "%s%s\n", ok ? "" : "sshbridgectl: ", text);
	return ok ? EXIT_DONE : EXIT_NO;
}

static int
parse_command(int argc, char **argv, struct msg_out *o, uint8_t *buf, size_t size)
{
	if (strcmp(argv[0], "reload") == 0) {
		uint32_t force = argc == 2 && strcmp(argv[1], "--force") == 0;

		if (argc > 2 || (argc == 2 && !force))
			return usage("reload takes only --force");
		msg_start(o, buf, size, MSG_RELOAD, 0);
		msg_put_u32(o, force);
		return EXIT_DONE;
	}
	if (strcmp(argv[0], "drain") == 0) {
		if (argc > 1)
			return usage("drain takes nothing");
		msg_start(o, buf, size, MSG_DRAIN, 0);
		return EXIT_DONE;
	}
	return usage("unknown command");
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
	const char *path = DEFAULT_SOCKET;
	uint8_t buf[256];
	struct msg_out o;
	struct err e = { 0 };
	int c, fd, r;

	/* "+": what stands behind the command is the command's */
	while ((c = getopt_long(argc, argv, "+hV", options, NULL)) != -1) {
		switch (c) {
		case 's':
			path = optarg;
			break;
		case 'V':
			(void)printf("sshbridgectl %s\n", VERSION);
			return EXIT_DONE;
		case 'h':
			(void)fputs(usage_text, stdout);
			return EXIT_DONE;
		default:
			return usage("unknown option");
		}
	}
	if (optind >= argc)
		return usage("no command");
	if ((r = parse_command(argc - optind, argv + optind, &o, buf, sizeof(buf))) != EXIT_DONE)
		return r;
	if ((fd = control_connect(path, &e)) == -1) {
		(void)fprintf(stderr, "sshbridgectl: no daemon: %s\n", e.text);
		return EXIT_NO_DAEMON;
	}
	r = ask(fd, &o);
	close(fd);
	return r;
}
