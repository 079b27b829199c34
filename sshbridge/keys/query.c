/* query.c - what sshd says of the key that a client offers, as WHO; and the answer */
#include <stdio.h>
#include <string.h>

#include "query.h"

enum { HOOK_KEYS = 4, NAME_MAX_BYTES = 255, CONNECTION_MAX = 255 };

/* Decimal, 1 to 65535, no sign, no leading zero. */
static int
parse_port(const char *s, struct sockaddr_storage *ss)
{
	size_t n = strspn(s, "0123456789");
	unsigned v = 0;

	if (n == 0 || n > 5 || s[n] != '\0' || s[0] == '0')
		return -1;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned)(s[i] - '0');
	if (v > 65535)
		return -1;
	addr_set_port(ss, (uint16_t)v);
	return 0;
}

int
query_connection(struct query *q, const char *text, struct err *e)
{
	char buf[CONNECTION_MAX + 1], *word[4] = { buf };
	size_t n = strlen(text), words = 1;
	struct err why;

	if (n >= sizeof(buf))
		return err_set(e, ERR_FORMAT, "the connection is too long");
	memcpy(buf, text, n + 1);
	for (char *p = buf; *p != '\0' && words <= 4; p++) {
		if (*p != ' ')
			continue;
		*p = '\0';
		if (words < 4)
			word[words] = p + 1;
		words++;
	}
	if (words != 4 || addr_parse(word[0], &q->client, &why) == -1 ||
	    parse_port(word[1], &q->client) == -1 || addr_parse(word[2], &q->server, &why) == -1 ||
	    parse_port(word[3], &q->server) == -1)
		return err_set(e, ERR_FORMAT,
		    "the connection is not \"ADDRESS PORT ADDRESS PORT\", as sshd's %%C has it");
	return 0;
}

int
query_key(struct query *q, const char *type, const char *base64, struct err *e)
{
	char line[SSHKEY_TEXT_MAX + 1];
	int n = snprintf(line, sizeof(line), "%s %s", type, base64);

	if (n < 0 || (size_t)n >= sizeof(line))
		return err_set(e, ERR_FORMAT, "the key is too long");
	/* no blank within: each of the two is one word */
	if (strpbrk(type, " \t\n") != NULL || strpbrk(base64, " \t\n") != NULL)
		return err_set(e, ERR_FORMAT, "the key is not TYPE and BASE64");
	if (sshkey_parse_text(line, (size_t)n, &q->key, e) == -1)
		return -1;
	q->type = type;
	q->base64 = base64;
	return 0;
}

int
query_put(const struct query *q, struct msg_out *o, void *buf, size_t size, struct err *e)
{
	char info[SSHKEY_TEXT_MAX + 16];

	if (strlen(q->service) > NAME_MAX_BYTES || strlen(q->account) > NAME_MAX_BYTES)
		return err_set(e, ERR_FORMAT, "a name of more than %d bytes", NAME_MAX_BYTES);
	(void)snprintf(info, sizeof(info), "publickey %s %s\n", q->type, q->base64);
	msg_start(o, buf, size, MSG_WHO, 0);
	msg_put_u32(o, HOOK_KEYS);
	msg_put_str(o, q->service);
	msg_put_str(o, q->account);
	msg_put_u32(o, q->has_uid ? 1 : 0);
	msg_put_u32(o, q->has_uid ? q->uid : 0);
	msg_put_str(o, info);
	msg_put_u32(o, 0);
	addr_put(&q->client, o);
	addr_put(&q->server, o);
	return msg_finish(o, e);
}

int
query_answer(const void *buf, size_t n, struct err *e)
{
	struct msg_in m;

	if (msg_parse(&m, buf, n, e) == -1)
		return err_prefix(e, "the daemon's answer");
	if (m.type == MSG_IS)
		return 1;
	if (m.type == MSG_NO)
		return 0;
	return err_set(e, ERR_PEER, "the daemon answered by %s", msg_name(m.type));
}
