/*
 * gssapi.c - there is no GSSAPI mechanism here
 *
 * libssh takes a request of method gssapi-with-mic to the system's library by itself, before
 * anything of it reaches the queue, and a library that reads its configuration in a sandbox is the
 * end of the process. It asks first which mechanisms there are; this program answers for the
 * library (ELF interposition), and libssh refuses the request.
 */
#include <stdint.h>
#include <stdlib.h>

/* As in gssapi.h (RFC 2744 appendix A), whose package nothing else needs. */
struct oid_set {
	size_t count;
	void *elements;
};
uint32_t gss_indicate_mechs(uint32_t *minor, struct oid_set **mechs);

enum { COMPLETE = 0, FAILURE = 13 << 16 };

uint32_t
gss_indicate_mechs(uint32_t *minor, struct oid_set **mechs)
{
	*minor = 0;
	/* the library frees it */
	*mechs = calloc(1, sizeof(**mechs));
	return *mechs == NULL ? FAILURE : COMPLETE;
}
