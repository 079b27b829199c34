/* conf_value.c - one value of each type, checked and stored */
#include <stdlib.h>
#include <string.h>

#include "conf_local.h"
#include "text.h"
#include "utf8.h"

typedef int set_fn(
    const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e);

/* `value` for an error message: escaped and cut. */
struct shown {
	char text[100];
};
static struct shown
show(const char *value)
{
	struct shown s;

	(void)text_escape(s.text, sizeof(s.text), value, strlen(value));
	return s;
}

static int
set_number(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	(void)dir;
	if (!conf_number_parse(value, r->min, r->max, dst))
		return err_set(e, ERR_FORMAT,
		    "\"%s\" is out of range or no number, allowed: %lld to "
		    "%lld, digits only and no leading zero",
		    show(value).text, (long long)r->min, (long long)r->max);
	return 0;
}

/* Whether `word` is one of those in `words`, which have blanks between them. */
static bool
words_have(const char *words, const char *word)
{
	size_t n = strlen(word);

	while (*words != '\0') {
		size_t k = strcspn(words, " ");

		if (k == n && memcmp(words, word, n) == 0)
			return true;
		words += k + (words[k] == ' ');
	}
	return false;
}

static int
set_word(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	const struct conf_word *w = r->words;
	char allowed[120] = "";

	(void)dir;
	for (; w->word != NULL; w++) {
		size_t n = strlen(allowed);

		if (strcmp(w->word, value) == 0) {
			memcpy(dst, &w->value, sizeof(w->value));
			return 0;
		}
		(void)snprintf(
		    allowed + n, sizeof(allowed) - n, "%s\"%s\"", n == 0 ? "" : ", ", w->word);
	}
	if (r->later != NULL && words_have(r->later, value))
		return err_set(e, ERR_FORMAT, "\"%s\" is not in this version, allowed: %s",
		    show(value).text, allowed);
	return err_set(e, ERR_FORMAT, "\"%s\" is unknown, allowed: %s", show(value).text, allowed);
}

/* An absolute path of at most `max` bytes, allocated; NULL and *e. */
static char *
path_absolute(const char *dir, const char *value, size_t max, struct err *e)
{
	size_t n = strlen(value);
	char *path;
	int len;

	if (n == 0 || value[n - 1] == '/') {
		err_set(e, ERR_FORMAT,
		    "\"%s\" names no file, allowed: a path, absolute or relative "
		    "to the configuration file",
		    show(value).text);
		return NULL;
	}
	len = asprintf(
	    &path, "%s%s%s", value[0] == '/' ? "" : dir, value[0] == '/' ? "" : "/", value);
	if (len == -1) {
		(void)err_nomem(e, "path");
		return NULL;
	}
	if ((size_t)len > max) {
		err_set(
		    e, ERR_FORMAT, "%d bytes as an absolute path, allowed: at most %zu", len, max);
		free(path);
		return NULL;
	}
	return path;
}

static int
store(void *dst, char *text)
{
	if (text == NULL)
		return -1;
	memcpy(dst, &text, sizeof(text));
	return 0;
}

static int
set_path(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	size_t max = r->type == CONF_SOCKET ? CONF_SOCKET_MAX : CONF_PATH_MAX - 1;

	return store(dst, path_absolute(dir, value, max, e));
}

static int
store_word(void *dst, const char *word, struct err *e)
{
	char *copy = strdup(word);

	return copy == NULL ? err_nomem(e, "value") : store(dst, copy);
}

/* "stderr", "syslog" or a path; `empty` is "" or how to say that "" is allowed too. */
static int
set_destination(const struct conf_row *r, void *dst, const char *dir, const char *value,
    const char *empty, struct err *e)
{
	if (strcmp(value, "stderr") == 0 || strcmp(value, "syslog") == 0)
		return store_word(dst, value, e);
	/* A word alone is more likely misspelt than a file beside the configuration. */
	if (strchr(value, '/') == NULL)
		return err_set(e, ERR_FORMAT,
		    "\"%s\" is unknown, allowed: %s\"stderr\", \"syslog\" or "
		    "a path with a /",
		    show(value).text, empty);
	return set_path(r, dst, dir, value, e);
}

static int
set_log(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	return set_destination(r, dst, dir, value, "", e);
}

static int
set_trail(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	if (*value == '\0')
		return store_word(dst, "", e);
	return set_destination(r, dst, dir, value, "\"\" (none), ", e);
}

/* A name that goes into logs, messages and paths: 1 to `max` bytes of A-Z a-z 0-9 . _ - */
static bool
name_valid(const char *name, size_t max)
{
	size_t n = strlen(name);

	return n > 0 && n <= max && name[0] != '-' && name[0] != '.' &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		   n;
}

static int
set_user(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	char *name;

	(void)dir;
	if (!name_valid(value, 32) || strcmp(value, "root") == 0)
		return err_set(e, ERR_FORMAT,
		    "\"%s\" is no account for this, allowed: the name of an "
		    "account other than root, at most 32 of A-Z a-z 0-9 . _ -",
		    show(value).text);
	if ((name = strdup(value)) == NULL)
		return err_nomem(e, r->name);
	return store(dst, name);
}

static int
set_ports(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	struct settings *s = dst;
	uint32_t first, last;
	char left[8];
	size_t n = strcspn(value, "-");

	(void)dir;
	if (value[n] == '-' && n < sizeof(left)) {
		memcpy(left, value, n);
		left[n] = '\0';
		if (conf_number_parse(left, r->min, r->max, &first) &&
		    conf_number_parse(value + n + 1, r->min, r->max, &last) && last >= first &&
		    last - first + 1 >= 1000) {
			s->port_first = first;
			s->port_last = last;
			return 0;
		}
	}
	return err_set(e, ERR_FORMAT,
	    "\"%s\" is no range of ports, allowed: FIRST-LAST within %lld "
	    "to %lld, at least 1000 ports",
	    show(value).text, (long long)r->min, (long long)r->max);
}

static int
set_address(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	(void)r, (void)dir;
	return conf_address_parse(value, dst, e);
}

/* FOLDER/%u, and no other % in it. */
static int
set_folder(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	static const char each[] = "/%u";
	size_t n = strlen(value), tail = sizeof(each) - 1;
	char folder[CONF_PATH_MAX];

	(void)r;
	if (n <= tail || n - tail >= sizeof(folder) || strcmp(value + n - tail, each) != 0 ||
	    memchr(value, '%', n - tail + 1) != NULL)
		return err_set(e, ERR_FORMAT,
		    "\"%s\" is no folder with a file for each account, allowed: FOLDER/%%u, where "
		    "%%u is the account and stands nowhere else",
		    show(value).text);
	memcpy(folder, value, n - tail);
	folder[n - tail] = '\0';
	return store(dst, path_absolute(dir, folder, CONF_PATH_MAX - 64, e));
}

static int
service_bad(const char *value, struct err *e)
{
	return err_set(e, ERR_FORMAT,
	    "\"%s\" is no PAM service, allowed: at most 63 of A-Z a-z 0-9 . _ -", show(value).text);
}

static int
set_service(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	(void)r, (void)dir;
	if (!name_valid(value, SETTINGS_NAME_MAX - 1))
		return service_bad(value, e);
	memcpy(dst, value, strlen(value) + 1);
	return 0;
}

static int
list_full(const struct conf_row *r, struct err *e)
{
	return err_set(e, ERR_FORMAT, "too many values, allowed: %lld to %lld", (long long)r->min,
	    (long long)r->max);
}

/* Append `text`, which the list takes over; freed when it fails. */
static int
list_add(struct conf_list *l, char *text, struct err *e)
{
	char **v = reallocarray(l->v, (size_t)l->n + 1, sizeof(*v));

	if (v == NULL) {
		free(text);
		return err_nomem(e, "list");
	}
	l->v = v;
	l->v[l->n++] = text;
	return 0;
}

static int
add_path(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	struct conf_list *l = dst;
	char *path;

	if (l->n >= r->max)
		return list_full(r, e);
	if ((path = path_absolute(dir, value, CONF_PATH_MAX - 1, e)) == NULL)
		return -1;
	return list_add(l, path, e);
}

static int
add_service(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	struct conf_list *l = dst;
	char *name;

	(void)dir;
	if (l->n >= r->max)
		return list_full(r, e);
	/* It becomes the name of a file in /etc/pam.d. */
	if (!name_valid(value, 63))
		return service_bad(value, e);
	if ((name = strdup(value)) == NULL)
		return err_nomem(e, r->name);
	return list_add(l, name, e);
}

static int
add_field(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	struct settings_section *s = dst;
	enum id_field f;

	(void)dir;
	if (id_field_parse(value, &f) == -1)
		return err_set(e, ERR_FORMAT,
		    "\"%s\" is no field of a certificate, allowed: subject, "
		    "issuer, cn, ou, o, email, upn, uri, dns, serial, fingerprint, spki, policy",
		    show(value).text);
	for (uint32_t i = 0; i < s->nfields; i++)
		if (s->fields[i] == f)
			return err_set(
			    e, ERR_FORMAT, "\"%s\" is there twice, allowed: once", value);
	if (s->nfields >= r->max)
		return list_full(r, e);
	s->fields[s->nfields++] = f;
	return 0;
}

static int
add_peer(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	struct settings_listener *l = dst;
	struct cidr c;

	(void)dir;
	if (l->npeers >= r->max)
		return list_full(r, e);
	/* A PROXY header that everybody may send would let everybody choose his address. */
	if (cidr_parse(value, &c, e) == -1 || c.prefix == 0)
		return err_set(e, ERR_FORMAT,
		    "\"%s\" names no load balancer, allowed: ADDRESS or "
		    "ADDRESS/BITS, numeric, no bit set beyond BITS, BITS not 0",
		    show(value).text);
	l->peers[l->npeers++] = c;
	return 0;
}

static int
add_name(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	struct settings_target *t = dst;

	(void)dir;
	if (t->nnames >= r->max)
		return list_full(r, e);
	if (conf_hostname_parse(value, t->names[t->nnames], e) == -1)
		return -1;
	t->nnames++;
	return 0;
}

static int
add_network(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	struct settings *s = dst;

	(void)dir;
	if (s->njump_networks >= r->max)
		return list_full(r, e);
	if (cidr_parse(value, &s->jump_networks[s->njump_networks], e) == -1)
		return err_set(e, ERR_FORMAT,
		    "\"%s\" is no network, allowed: ADDRESS or ADDRESS/BITS, numeric, no bit set "
		    "beyond BITS",
		    show(value).text);
	s->njump_networks++;
	return 0;
}

/* Each line with its newline, one behind the other. */
static int
add_line(const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	char *text = dst;
	size_t used = strlen(text), n = strlen(value), lines = 0;

	(void)dir;
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	if ((int64_t)lines >= r->max)
		return list_full(r, e);
	if (!utf8_is_clean(value, n))
		return err_set(
		    e, ERR_FORMAT, "\"%s\" is no clean text, allowed: UTF-8", show(value).text);
	if (used + n + 1 > CONF_BANNER_MAX)
		return err_set(
		    e, ERR_FORMAT, "longer than allowed: at most %d bytes in all", CONF_BANNER_MAX);
	memcpy(text + used, value, n);
	memcpy(text + used + n, "\n", 2);
	return 0;
}

static set_fn *const setters[CONF_NTYPES] = {
	[CONF_NUMBER] = set_number,
	[CONF_WORD] = set_word,
	[CONF_PATH] = set_path,
	[CONF_SOCKET] = set_path,
	[CONF_LOG] = set_log,
	[CONF_TRAIL] = set_trail,
	[CONF_USER] = set_user,
	[CONF_PORTS] = set_ports,
	[CONF_ADDRESS] = set_address,
	[CONF_FOLDER] = set_folder,
	[CONF_SERVICE] = set_service,
	[CONF_PATHS] = add_path,
	[CONF_SERVICES] = add_service,
	[CONF_FIELDS] = add_field,
	[CONF_PEERS] = add_peer,
	[CONF_NAMES] = add_name,
	[CONF_NETWORKS] = add_network,
	[CONF_LINES] = add_line,
};

int
conf_value_set(
    const struct conf_row *r, void *dst, const char *dir, const char *value, struct err *e)
{
	return setters[r->type](r, dst, dir, value, e);
}

static int
title_name(const char *title, char *dst, size_t size, struct err *e)
{
	if (!name_valid(title, size - 1))
		return err_set(e, ERR_FORMAT,
		    "\"%s\" is no name, allowed: 1 to %zu of A-Z a-z 0-9 . _ "
		    "-, the first not . or -",
		    show(title).text, size - 1);
	memcpy(dst, title, strlen(title) + 1);
	return 0;
}

static int
title_listen(struct conf *c, const char *title, struct err *e)
{
	struct settings_listener *l = &c->settings.listeners[c->settings.nlisteners];

	if (conf_listen_parse(title, &c->listen[c->settings.nlisteners], e) == -1)
		return -1;
	memcpy(l->name, title, strlen(title) + 1);
	return 0;
}

int
conf_title_add(
    struct conf *c, enum conf_section section, const char *title, uint32_t *instance, struct err *e)
{
	struct settings *s = &c->settings;
	uint32_t *n = section == CONF_LISTEN  ? &s->nlisteners
		      : section == CONF_TRUST ? &s->nsections
					      : &s->ntargets;
	int rc;

	if (*n >= conf_sections[section].max)
		return err_set(
		    e, ERR_FORMAT, "one too many, allowed: at most %u", conf_sections[section].max);
	if (section == CONF_LISTEN)
		rc = title_listen(c, title, e);
	else if (section == CONF_TRUST)
		rc = title_name(title, s->sections[*n].name, sizeof(s->sections[*n].name), e);
	else
		rc = title_name(title, s->targets[*n].name, sizeof(s->targets[*n].name), e);
	if (rc == -1)
		return -1;
	if (section == CONF_TRUST)
		s->sections[*n].revocation = CONF_REVOCATION_UNSET;
	*instance = (*n)++;
	return 0;
}
