/* fuzz_hint.c - SSH_CONNECTION: four words or nothing, and every address in one form */
#include <assert.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "pam_mtls/socket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
end_print(const struct socket_end *end, char dst[100])
{
	char addr[64];

	assert(end->zero == 0 && end->port != 0 && (end->family == 4 || end->family == 6));
	assert(inet_ntop(end->family == 4 ? AF_INET : AF_INET6, end->addr, addr, sizeof(addr)));
	if (end->scope != 0) {
		assert(end->family == 6);
		(void)snprintf(dst, 100, "%s%%%u %u", addr, end->scope, end->port);
	} else {
		(void)snprintf(dst, 100, "%s %u", addr, end->port);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[1024], remote[100], local[100], printed[220];
	struct socket_ends ends, again;
	struct err e = { 0 };

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (socket_hint(text, &ends, &e) == -1) {
		assert(e.kind == ERR_PEER);
		return 0;
	}
	/* what was read says the same again */
	end_print(&ends.remote, remote);
	end_print(&ends.local, local);
	(void)snprintf(printed, sizeof(printed), "%s %s", remote, local);
	assert(socket_hint(printed, &again, &e) == 0);
	assert(memcmp(&ends, &again, sizeof(ends)) == 0);
	return 0;
}
