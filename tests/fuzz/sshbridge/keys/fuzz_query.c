/*
 * fuzz_query.c - what sshd hands to mtls-keys: connection, type and key, with NULs between. What is
 * taken is one line of sshd's, and a question that can be asked.
 */
#include <assert.h>
#include <string.h>

#include "sshbridge/keys/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t buf[MSG_MAX];
	struct query q = { .service = "sshd", .account = "alice" };
	char text[16384];
	const char *word[3];
	struct msg_out o;
	struct err e;

	if (n > sizeof(text) - 3)
		return 0;
	memcpy(text, data, n);
	memset(text + n, 0, 3);
	word[0] = text;
	for (int i = 1; i < 3; i++)
		word[i] = word[i - 1] + strlen(word[i - 1]) + (word[i - 1] < text + n);
	if (query_connection(&q, word[0], &e) == -1 || query_key(&q, word[1], word[2], &e) == -1)
		return 0;
	assert(addr_port(&q.client) != 0 && addr_port(&q.server) != 0);
	assert(strcmp(q.type, q.key.type) == 0 && strpbrk(q.base64, " \t\r\n,\"") == NULL);
	assert(query_put(&q, &o, buf, sizeof(buf), &e) == 0);
	return 0;
}
