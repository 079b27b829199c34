/* pathinfo.c - facts of a path on the wire */
#include <string.h>

#include "pathinfo.h"

void
pathcert_put(const struct pathcert *pc, struct msg_out *o)
{
	msg_put_bytes(o, pc->sha256, sizeof(pc->sha256));
	msg_put_bytes(o, pc->issuer, sizeof(pc->issuer));
	msg_put_bytes(o, pc->serial, pc->serial_len);
	msg_put_u64(o, (uint64_t)pc->not_before);
	msg_put_u64(o, (uint64_t)pc->not_after);
	msg_put_str(o, pc->section);
}

/* Bytes of one length only. */
static int
get_exact(struct msg_in *m, uint8_t *dst, size_t size)
{
	const uint8_t *p;
	size_t n;

	if (msg_get_bytes(m, &p, &n, size) == -1)
		return -1;
	if (n != size) {
		m->bad = true;
		return -1;
	}
	memcpy(dst, p, n);
	return 0;
}

int
pathcert_get(struct msg_in *m, struct pathcert *pc)
{
	const uint8_t *p;
	size_t n;
	uint64_t from, until;

	memset(pc, 0, sizeof(*pc));
	if (get_exact(m, pc->sha256, sizeof(pc->sha256)) == -1 ||
	    get_exact(m, pc->issuer, sizeof(pc->issuer)) == -1)
		return -1;
	if (msg_get_bytes(m, &p, &n, sizeof(pc->serial)) == -1)
		return -1;
	memcpy(pc->serial, p, n);
	pc->serial_len = n;
	if (msg_get_u64(m, &from) == -1 || msg_get_u64(m, &until) == -1 ||
	    msg_get_str(m, pc->section, sizeof(pc->section)) == -1)
		return -1;
	pc->not_before = (int64_t)from;
	pc->not_after = (int64_t)until;
	return 0;
}
