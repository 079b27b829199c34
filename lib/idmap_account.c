/* idmap_account.c - the accounts field: names, {name} from a capture, or deny */
#include <string.h>
#include <strings.h>

#include "idmap_local.h"

/* POSIX 3.437: letters, digits, dot, underscore, hyphen. */
static bool
is_portable(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

int
idmap_accounts_deny(const char *text, struct err *e)
{
	if (strcmp(text, "deny") == 0)
		return 1;
	/* DENY, or alice,deny: surely meant to deny, and must not end up as a name. */
	for (const char *p = text; *p != '\0';) {
		size_t n = strcspn(p, ",");

		if (n == 4 && strncasecmp(p, "deny", 4) == 0)
			return err_set(e, ERR_FORMAT,
			    "accounts: \"%.4s\", allowed is deny alone, "
			    "in lower case",
			    p);
		p += n + (p[n] == ',');
	}
	return 0;
}

/* The capture that a template's {name} means: its number, or -1 and *e. */
static int
find_capture(const struct idmap_rule *r, struct idmap_names *names, const char *name, size_t n,
    struct err *e)
{
	int at = idmap_name_find(names, name, n), group;

	if (at != -1)
		return at;
	if (r->kind != KIND_REGEX)
		return err_set(
		    e, ERR_FORMAT, "accounts: {%.*s} is not captured by the pattern", (int)n, name);
	if (names->n == CAPTURES_MAX)
		return err_set(e, ERR_FORMAT, "accounts: more than %d captures", CAPTURES_MAX);
	memcpy(names->name[names->n], name, n);
	names->name[names->n][n] = '\0';
	group = pcre2_substring_number_from_name(r->regex->code, (PCRE2_SPTR)names->name[names->n]);
	if (group <= 0)
		return err_set(e, ERR_FORMAT,
		    "accounts: {%.*s} needs exactly one group "
		    "(?<%.*s>...) in the expression",
		    (int)n, name, (int)n, name);
	r->regex->group[names->n] = (uint32_t)group;
	return (int)names->n++;
}

/* One account or template, without its comma; behind it in `out` stands a NUL. */
static int
parse_account(
    const struct idmap_rule *r, struct idmap_names *names, const char *p, char **out, struct err *e)
{
	char *start = *out, shown[SHOW_SIZE];
	int at;

	if (*p == '\0')
		return err_set(e, ERR_FORMAT,
		    "accounts: an empty name, allowed are names with one "
		    "comma between them, or deny");
	for (const char *item = p; *p != '\0';) {
		if (*p == '{') {
			size_t n = idmap_name_read("accounts", p, e);

			if (n == 0 || (at = find_capture(r, names, p + 1, n, e)) == -1)
				return -1;
			*(*out)++ = (char)(MARK_CAPTURE + at);
			p += n + 2;
			continue;
		}
		if (!is_portable(*p) || (p == item && *p == '-'))
			return err_set(e, ERR_FORMAT,
			    "accounts: \"%s\", allowed in a name are "
			    "letters, digits, dot, _ and -, no - first",
			    idmap_show(shown, item));
		*(*out)++ = *p++;
	}
	if (*out - start > IDMAP_ACCOUNT_MAX)
		return err_set(e, ERR_FORMAT,
		    "accounts: a name of %td bytes, at most %d are "
		    "allowed",
		    *out - start, IDMAP_ACCOUNT_MAX);
	*(*out)++ = '\0';
	return 0;
}

int
idmap_accounts_parse(struct idmap *m, struct idmap_rule *r, const char *text,
    struct idmap_names *names, struct err *e)
{
	char work[IDMAP_LINE_MAX + 1], *rest = work, *item, *out, *start;

	if (r->deny)
		return 0;
	if (text[0] == '\0')
		return err_set(e, ERR_FORMAT,
		    "accounts: empty, allowed are names, {name} from "
		    "the pattern, or deny");
	/* A template is never longer than its text; each comma makes room for a NUL. */
	if ((start = idmap_arena_alloc(&m->arena, strlen(text) + 1)) == NULL)
		return err_nomem(e, "identity map");
	memcpy(work, text, strlen(text) + 1);
	out = start;
	while ((item = idmap_line_item(&rest)) != NULL) {
		if (parse_account(r, names, item, &out, e) == -1)
			return -1;
		r->accounts.n++;
	}
	r->accounts.first = start;
	return 0;
}

const char *
idmap_list_next(const char *item)
{
	return item + strlen(item) + 1;
}

bool
idmap_account_is_literal(const char *account)
{
	for (; *account != '\0'; account++)
		if ((unsigned char)*account < MARK_END)
			return false;
	return true;
}

bool
idmap_account_expand(
    const char *account, const struct idmap_captures *c, char dst[IDMAP_ACCOUNT_MAX + 1])
{
	size_t len = 0;

	for (; *account != '\0'; account++) {
		const void *p = account;
		size_t n = 1;

		if ((unsigned char)*account < MARK_END) {
			p = c->p[(unsigned char)*account - MARK_CAPTURE];
			n = c->n[(unsigned char)*account - MARK_CAPTURE];
		}
		if (p == NULL || n == 0 || n > IDMAP_ACCOUNT_MAX - len)
			return false;
		memcpy(dst + len, p, n);
		len += n;
	}
	dst[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!is_portable(dst[i]))
			return false;
	return len > 0 && dst[0] != '-';
}
