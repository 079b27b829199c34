/* conninfo.c - one live connection as the operator sees it */
#include <string.h>

#include "conninfo.h"

void
conninfo_put(const struct conninfo *c, struct msg_out *o)
{
	msg_put_u64(o, c->id);
	msg_put_u64(o, (uint64_t)c->since);
	msg_put_str(o, c->identity);
	addr_put(&c->from, o);
	msg_put_str(o, c->target);
	msg_put_str(o, c->account);
	msg_put_str(o, c->serial);
	msg_put_str(o, c->fingerprint);
	msg_put_u64(o, (uint64_t)c->not_after);
	msg_put_u32(o, c->has_bytes);
	msg_put_u64(o, c->from_client);
	msg_put_u64(o, c->to_client);
	msg_put_u32(o, c->is_jump);
	msg_put_u32(o, c->channels);
}

int
conninfo_get(struct msg_in *m, struct conninfo *c)
{
	uint64_t since, not_after;
	uint32_t has_bytes, is_jump;

	memset(c, 0, sizeof(*c));
	if (msg_get_u64(m, &c->id) == -1 || msg_get_u64(m, &since) == -1 ||
	    msg_get_str(m, c->identity, sizeof(c->identity)) == -1 || addr_get(m, &c->from) == -1 ||
	    msg_get_str(m, c->target, sizeof(c->target)) == -1 ||
	    msg_get_str(m, c->account, sizeof(c->account)) == -1 ||
	    msg_get_str(m, c->serial, sizeof(c->serial)) == -1 ||
	    msg_get_str(m, c->fingerprint, sizeof(c->fingerprint)) == -1 ||
	    msg_get_u64(m, &not_after) == -1 || msg_get_u32(m, &has_bytes) == -1 || has_bytes > 1 ||
	    msg_get_u64(m, &c->from_client) == -1 || msg_get_u64(m, &c->to_client) == -1 ||
	    msg_get_u32(m, &is_jump) == -1 || is_jump > 1 || msg_get_u32(m, &c->channels) == -1)
		return -1;
	c->since = (int64_t)since;
	c->not_after = (int64_t)not_after;
	c->has_bytes = has_bytes == 1;
	c->is_jump = is_jump == 1;
	return 0;
}
