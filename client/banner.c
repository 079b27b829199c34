/* banner.c - what a server says before its SSH version line */
#include <string.h>

#include "banner.h"

void
banner_init(struct banner *b, void (*show)(void *, const uint8_t *, size_t), void *arg)
{
	memset(b, 0, sizeof(*b));
	b->show = show;
	b->arg = arg;
}

static bool
starts(const struct banner *b, const char *word)
{
	size_t n = strlen(word);

	return b->len >= n && memcmp(b->line, word, n) == 0;
}

static void
line_done(struct banner *b)
{
	if (b->len > 0 && b->line[b->len - 1] == '\r')
		b->len--;
	b->refused = b->refused || starts(b, "refused: ");
	b->http = b->http || (b->lines == 0 && starts(b, "HTTP/"));
	b->lines++;
	b->show(b->arg, b->line, b->len);
	b->len = 0;
}

int
banner_feed(struct banner *b, const uint8_t *p, size_t n, size_t *used, struct err *e)
{
	size_t i;

	for (i = 0; i < n && !b->ssh; i++) {
		if (p[i] == '\n') {
			if (b->lines == BANNER_LINES_MAX)
				return err_set(e, ERR_PEER,
				    "the server sent more than %d lines and "
				    "no SSH version: it is not an SSH server",
				    BANNER_LINES_MAX);
			line_done(b);
			continue;
		}
		if (b->len == sizeof(b->line) || (b->len == BANNER_LINE_MAX && p[i] != '\r'))
			return err_set(e, ERR_PEER,
			    "the server sent a line of more than %d bytes "
			    "before its SSH version: it is not an SSH server",
			    BANNER_LINE_MAX);
		b->line[b->len++] = p[i];
		b->ssh = b->len == 4 && memcmp(b->line, "SSH-", 4) == 0;
	}
	*used = i;
	return 0;
}

void
banner_end(struct banner *b)
{
	if (!b->ssh && b->len > 0)
		line_done(b);
}
