/*
 * fuzz_authkeys.c - authorized keys
 *
 * First byte 0: sealed memory, as ident reads it. 1: the text of an account's file; what it gives
 * goes through sealed memory and is asked about: nothing may be lost or changed on the way.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>

#include "addr.h"
#include "authkeys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
refused(void *arg, unsigned line, const char *why)
{
	unsigned *last = arg;

	assert(line > *last && why[0] != '\0');
	*last = line;
}

/* Whatever it holds, a question gets an answer. */
static void
ask(const struct authkeys *k, const uint8_t sha256[32])
{
	static const char *const addresses[] = { "10.1.2.3", "2001:db8::1" };
	const struct authkey *found;
	struct sockaddr_storage from;
	struct err e;

	for (size_t i = 0; i < 2; i++) {
		struct authkeys_query q = { .target = 1,
			.account = "alice",
			.sha256 = sha256,
			.from = (struct sockaddr *)&from,
			.now = 1767225600 };

		assert(addr_parse(addresses[i], &from, &e) == 0);
		if (authkeys_find(k, &q, &found) != AUTHKEYS_YES)
			continue;
		assert(found->expires >= q.now && found->line > 0);
		assert(strcmp(found->account, "alice") == 0 && found->target == 1);
		/* whatever is permitted, a host in no strict form is not where there is a list */
		assert(*found->permitopen == '\0' || !authkey_opens(found, "127.1", 22));
		if (!found->opens)
			assert(!authkey_opens(found, "db.example", 22));
	}
}

static void
check_text(const uint8_t *text, size_t n)
{
	struct authkeys_line *l = malloc(sizeof(*l));
	struct authkeys *k, *again;
	struct sealed s;
	unsigned last = 0;
	struct err e;
	int fd;

	assert(l != NULL && (k = authkeys_new(&e)) != NULL);
	if (authkeys_add(k, 1, "alice", text, n, refused, &last, &e) == 0) {
		assert((fd = authkeys_seal(k, &e)) != -1);
		assert(sealed_map(fd, AUTHKEYS_BYTES_MAX, &s, &e) == 0);
		assert((again = authkeys_open(&s, &e)) != NULL);
		assert(authkeys_count(again) == authkeys_count(k));
		if (authkeys_parse_line((const char *)text,
			memchr(text, '\n', n) == NULL
			    ? n
			    : (size_t)((const uint8_t *)memchr(text, '\n', n) - text),
			l, &e) == 0)
			ask(again, l->sha256);
		authkeys_free(again);
		sealed_unmap(&s);
		close(fd);
	}
	authkeys_free(k);
	free(l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t none[32];
	const struct sealed s = { .p = data + 1, .n = n - 1 };
	struct authkeys *k;
	struct err e;

	if (n == 0)
		return 0;
	if (data[0] == 1) {
		check_text(data + 1, n - 1);
		return 0;
	}
	if ((k = authkeys_open(&s, &e)) != NULL) {
		ask(k, none);
		authkeys_free(k);
	} else {
		assert(e.kind == ERR_PEER || e.kind == ERR_FORMAT);
	}
	return 0;
}
