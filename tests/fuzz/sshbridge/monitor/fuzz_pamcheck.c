/*
 * fuzz_pamcheck.c - any text as service files of PAM: "sshd", and behind a NUL one that every name
 * within it leads to. Whatever they hold, the check ends, and what it says is one line each.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sshbridge/monitor/pamcheck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct input {
	const uint8_t *first, *other;
	size_t nfirst, nother;
	unsigned asked;
};

static char *
source(void *arg, const char *name, char path[PAMFILE_PATH], size_t *n, struct err *e)
{
	struct input *in = arg;
	const uint8_t *p = in->asked == 0 ? in->first : in->other;
	char *text;

	(void)name;
	*n = in->asked++ == 0 ? in->nfirst : in->nother;
	assert(in->asked <= PAMFILE_FILES);
	if (p == NULL || (text = malloc(*n + 1)) == NULL) {
		err_set(e, ERR_SYS, "not there");
		return NULL;
	}
	memcpy(text, p, *n);
	text[*n] = '\0';
	memcpy(path, "/etc/pam.d/x", 13);
	return text;
}

static void
tell(void *arg, const char *text)
{
	unsigned *told = arg;

	++*told;
	for (const char *p = text; *p != '\0'; p++)
		assert((unsigned char)*p >= 0x20 && *p != 0x7f);
	assert(strstr(text, ": ") != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct input in = { .first = data, .nfirst = n };
	const uint8_t *nul = n == 0 ? NULL : memchr(data, '\0', n);
	unsigned told = 0;

	if (nul != NULL) {
		in.nfirst = (size_t)(nul - data);
		in.other = nul + 1;
		in.nother = n - in.nfirst - 1;
	}
	assert(pamcheck_service("sshd", source, &in, tell, &told) == told);
	return 0;
}
