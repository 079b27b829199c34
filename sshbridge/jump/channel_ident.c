/* channel_ident.c - what is asked of ident and told to it about channels (docs/PROTOCOL.md) */
#include <libssh/server.h>
#include <string.h>

#include "channel.h"

/* As long as a host name may be, and as an address with its zone. */
enum { HOST_MAX = 255, ORIGINATOR_MAX = 64 };

/* Of the client's making, for records only: what is no address by its length is left out. */
static const char *
originator(ssh_message msg)
{
	const char *s = ssh_message_channel_request_open_originator(msg);

	return s == NULL || strlen(s) > ORIGINATOR_MAX ? "" : s;
}

/* libssh cuts ports to 16 bits; the one that is told is the one that is dialled. */
static uint32_t
port(int n)
{
	return (uint32_t)n & 0xffff;
}

int
channel_dial(struct channel *c)
{
	struct jump *j = c->set->j;
	const char *host = ssh_message_channel_request_open_destination(c->open);
	struct msg_out o;

	if (host == NULL || strlen(host) > HOST_MAX) {
		report_refused(j, "channel to a host of more than 255 bytes");
		return -1;
	}
	msg_start(&o, j->out, sizeof(j->out), MSG_DIAL, j->conn);
	msg_put_u32(&o, c->number);
	msg_put_str(&o, host);
	msg_put_u32(&o, port(ssh_message_channel_request_open_destination_port(c->open)));
	msg_put_str(&o, originator(c->open));
	msg_put_u32(&o, port(ssh_message_channel_request_open_originator_port(c->open)));
	jump_tell(j, &o);
	return 0;
}

void
channel_tell_closed(struct channel *c, const char *why)
{
	struct jump *j = c->set->j;
	struct msg_out o;

	msg_start(&o, j->out, sizeof(j->out), MSG_CLOSED, j->conn);
	msg_put_u32(&o, c->number);
	msg_put_u64(&o, c->from_client);
	msg_put_u64(&o, c->to_client);
	msg_put_str(&o, why);
	jump_tell(j, &o);
}
