/* main.c - mtls-ca: which command, in which folder, at what time */
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "verify.h"

#define DEFAULT_DIR "/var/lib/mtls-ca"

static const struct command *const commands[] = { &command_init, &command_issue, &command_revoke,
	&command_crl, &command_list, &command_show, &command_export };
#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
help(FILE *out)
{
	fprintf(out, "usage: mtls-ca [--dir DIR] COMMAND [WORD ...] [OPTION ...]\n\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		fprintf(out, "  %-9s %-15s %s\n", commands[i]->name, commands[i]->operands,
		    commands[i]->summary);
	fprintf(out, "  %-9s %-15s %s\n", "verify", "LEAF.pem",
	    "Check a certificate against files, as the bridge does.");
	fprintf(out, "\n  --dir DIR    where the CA lives (" DEFAULT_DIR ")\n"
		     "  --version    print the version\n"
		     "  --help       this text; 'mtls-ca COMMAND --help' tells of one command\n");
}

static int
usage(const char *why, const char *word)
{
	fprintf(stderr, "mtls-ca: %s%.60s\nTry 'mtls-ca --help'.\n", why, word);
	return CMD_USAGE;
}

/*
 * No core with a key in it, files for this user alone, and 0, 1, 2 open: else the first file
 * opened would get what is meant for the terminal.
 */
static int
harden(void)
{
	const struct rlimit none = { 0, 0 };
	int fd;

	(void)umask(077);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	do {
		if ((fd = open("/dev/null", O_RDWR)) == -1)
			return -1;
	} while (fd <= STDERR_FILENO);
	(void)close(fd);
	return 0;
}

static int
dispatch(struct env *env, int argc, char **argv)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (strcmp(argv[0], commands[i]->name) == 0)
			return command_run(commands[i], env, argc, argv);
	if (strcmp(argv[0], "verify") == 0)
		return cmd_verify(argc, argv);
	return usage("there is no such command: ", argv[0]);
}

int
main(int argc, char **argv)
{
	struct env env = { .dir = DEFAULT_DIR, .now = time(NULL), .out = stdout, .err = stderr };
	int i = 1, ret;

	if (harden() == -1)
		return CMD_FAILED;
	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			help(stdout);
			return fflush(stdout) == 0 ? CMD_OK : CMD_FAILED;
		}
		if (strcmp(argv[i], "--version") == 0) {
			printf("mtls-ca %s\n", VERSION);
			return fflush(stdout) == 0 ? CMD_OK : CMD_FAILED;
		}
		if (strncmp(argv[i], "--dir=", 6) == 0)
			env.dir = argv[i] + 6;
		else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
			env.dir = argv[++i];
		else
			return usage(strcmp(argv[i], "--dir") == 0
					 ? "it needs a folder: "
					 : "no such option before the command: ",
			    argv[i]);
	}
	if (i >= argc)
		return usage("a command is needed", "");
	if (env.dir[0] == '\0')
		return usage("--dir is empty", "");
	ret = dispatch(&env, argc - i, argv + i);
	if ((fflush(stdout) != 0 || ferror(stdout)) && ret == CMD_OK) {
		fprintf(stderr, "mtls-ca: standard output could not be written\n");
		ret = CMD_FAILED;
	}
	return ret;
}
