/* fuzz_answer.c - the daemon's answer: what is a yes names somebody, and shows as printable lines
 */
#include <assert.h>
#include <string.h>

#include "pam_mtls/question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One line that a terminal and an environment can hold, within its room. */
static void
shown_safely(const char *s, size_t size)
{
	assert(strnlen(s, size) < size);
	for (; *s != '\0'; s++)
		assert((unsigned char)*s >= 0x20 && *s != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer a = { .yes = true, .sentence = "untouched" }, again;
	struct err e = { 0 };

	if (answer_get(data, size, &a, &e) == -1) {
		assert(e.kind == ERR_PEER && e.text[0] != '\0');
		assert(a.yes && strcmp(a.sentence, "untouched") == 0);
		return 0;
	}
	shown_safely(a.sentence, sizeof(a.sentence));
	if (a.yes) {
		assert(data[1] == MSG_IS && a.conn != 0 && a.identity[0] != '\0');
		assert(strspn(a.address, "0123456789abcdefABCDEF:.%") == strlen(a.address));
		assert(strlen(a.not_after) == 20 && a.not_after[19] == 'Z');
		shown_safely(a.identity, sizeof(a.identity));
		shown_safely(a.subject, sizeof(a.subject));
		shown_safely(a.issuer, sizeof(a.issuer));
		shown_safely(a.serial, sizeof(a.serial));
		shown_safely(a.fingerprint, sizeof(a.fingerprint));
		shown_safely(a.rule, sizeof(a.rule));
	}
	/* every byte of it counted */
	assert(answer_get(data, size - 1, &again, &e) == -1);
	return 0;
}
