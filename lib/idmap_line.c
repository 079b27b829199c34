/* idmap_line.c - fields of a line of the identity map */
#include <string.h>

#include "idmap_local.h"
#include "text.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

char *
idmap_show(char dst[SHOW_SIZE], const char *word)
{
	return text_escape(dst, SHOW_SIZE, word, strlen(word));
}

/* Where *p is at the opening quote: copy up to the closing one. */
static int
read_quoted(const char **p, const char *end, char **dst, struct err *e)
{
	const char *s = *p + 1;

	for (; s < end && *s != '"'; s++) {
		/* Other backslashes stay: they belong to the pattern. */
		if (*s == '\\' && s + 1 < end && (s[1] == '"' || s[1] == '\\'))
			s++;
		*(*dst)++ = *s;
	}
	if (s == end)
		return err_set(e, ERR_FORMAT,
		    "line: a quote is not closed, allowed is \"...\" "
		    "with \\\" and \\\\ in it");
	if (s + 1 < end && !is_blank(s[1]))
		return err_set(e, ERR_FORMAT,
		    "line: text right behind a closing quote, allowed "
		    "is a blank or the end of the line");
	*p = s + 1;
	return 0;
}

int
idmap_line_field(const char **p, const char *end, char *dst, struct err *e)
{
	const char *start;

	while (*p < end && is_blank(**p))
		(*p)++;
	if (*p == end || **p == '#')
		return 0;
	start = *p;
	while (*p < end && !is_blank(**p)) {
		if (**p == '"') {
			/* at the start of a field, or of an option's value */
			if (*p != start && (*p)[-1] != '=')
				return err_set(e, ERR_FORMAT,
				    "line: a quote within a field, "
				    "allowed is one around the whole of it");
			if (read_quoted(p, end, &dst, e) == -1)
				return -1;
			break;
		}
		if (**p == '\\' && *p + 1 < end && !is_blank((*p)[1]))
			*dst++ = *(*p)++;
		*dst++ = *(*p)++;
	}
	*dst = '\0';
	return 1;
}

char *
idmap_line_item(char **rest)
{
	char *item = *rest, *comma;

	if (item == NULL)
		return NULL;
	if ((comma = strchr(item, ',')) != NULL) {
		*comma = '\0';
		*rest = comma + 1;
	} else {
		*rest = NULL;
	}
	return item;
}
