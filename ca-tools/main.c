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
	fprintf(out,
	    "\n  --dir DIR    where the CA lives (" DEFAULT_DIR ")\n"
	    "  --version    print the version (also -V)\n"
	    "  --help       this text (also -h); 'mtls-ca COMMAND --help' tells of one command\n");
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

static int
told(void)
{
	return fflush(stdout) == 0 ? CMD_OK : CMD_FAILED;
}

/*
 * What stands before the command. Sets *i to the command's place; -1, or the exit code where the
 * run ends here.
 */
static int
options(struct env *env, int argc, char **argv, int *i)
{
	for (*i = 1; *i < argc && argv[*i][0] == '-'; (*i)++) {
		const char *word = argv[*i];

		if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			help(stdout);
			return told();
		}
		if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
			printf("mtls-ca %s\n", VERSION);
			return told();
		}
		if (strncmp(word, "--dir=", 6) == 0)
			env->dir = word + 6;
		else if (strcmp(word, "--dir") != 0)
			return usage("no such option before the command: ", word);
		else if (++*i == argc)
			return usage("--dir needs a folder", "");
		else
			env->dir = argv[*i];
	}
	if (*i >= argc)
		return usage("a command is needed", "");
	return env->dir[0] != '\0' ? -1 : usage("--dir is empty", "");
}

int
main(int argc, char **argv)
{
	struct env env = { .dir = DEFAULT_DIR, .now = time(NULL), .out = stdout, .err = stderr };
	int i, ret;

	if (harden() == -1)
		return CMD_FAILED;
	if ((ret = options(&env, argc, argv, &i)) != -1)
		return ret;
	ret = dispatch(&env, argc - i, argv + i);
	if ((fflush(stdout) != 0 || ferror(stdout)) && ret == CMD_OK) {
		fprintf(stderr, "mtls-ca: standard output could not be written\n");
		ret = CMD_FAILED;
	}
	return ret;
}
