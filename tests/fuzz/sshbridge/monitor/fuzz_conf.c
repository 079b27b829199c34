/* fuzz_conf.c - any text: refused with file and reason, or printed and taken again as the same */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sshbridge/monitor/conf.h"

#define FILE_NAME "/etc/sshbridge/sshbridge.conf"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char *
print_of(const struct conf *c, size_t *n)
{
	char *text = NULL;
	FILE *fp = open_memstream(&text, n);

	if (fp == NULL)
		abort();
	conf_print(c, fp);
	if (fclose(fp) != 0)
		abort();
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = { 0 };
	struct conf *c = conf_parse(FILE_NAME, data, n, &e), *again;
	char *first, *second;
	size_t n1, n2;

	if (c == NULL) {
		if (e.kind != ERR_FORMAT || strncmp(e.text, FILE_NAME ":", sizeof(FILE_NAME)) != 0)
			abort();
		return 0;
	}
	first = print_of(c, &n1);
	if ((again = conf_parse(FILE_NAME, (const uint8_t *)first, n1, &e)) == NULL)
		abort();
	second = print_of(again, &n2);
	if (n1 != n2 || memcmp(first, second, n1) != 0)
		abort();
	free(first);
	free(second);
	conf_free(c);
	conf_free(again);
	return 0;
}
