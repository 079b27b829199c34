/* conf_print.c - what is in force, as a configuration that parses to the same (-T) */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "conf_local.h"

static void
print_string(const char *s, FILE *fp)
{
	(void)putc('"', fp);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			(void)putc('\\', fp);
		(void)putc(*s, fp);
	}
	(void)putc('"', fp);
}

/* Element `i` of a list: a comma before all but the first. */
static void
print_element(uint32_t i, const char *s, FILE *fp)
{
	if (i > 0)
		(void)fputs(", ", fp);
	print_string(s, fp);
}

static void
print_number(const struct conf_row *r, const void *at, FILE *fp)
{
	uint32_t v;

	(void)r;
	memcpy(&v, at, sizeof(v));
	(void)fprintf(fp, "%u", v);
}

static void
print_word(const struct conf_row *r, const void *at, FILE *fp)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	for (const struct conf_word *w = r->words; w->word != NULL; w++)
		if (w->value == v)
			print_string(w->word, fp);
}

static void
print_text(const struct conf_row *r, const void *at, FILE *fp)
{
	const char *s;

	(void)r;
	memcpy(&s, at, sizeof(s));
	print_string(s, fp);
}

static void
print_folder(const struct conf_row *r, const void *at, FILE *fp)
{
	char text[CONF_PATH_MAX];
	const char *s;

	(void)r;
	memcpy(&s, at, sizeof(s));
	(void)snprintf(text, sizeof(text), "%s/%%u", s);
	print_string(text, fp);
}

static void
print_service(const struct conf_row *r, const void *at, FILE *fp)
{
	(void)r;
	print_string(at, fp);
}

static void
print_ports(const struct conf_row *r, const void *at, FILE *fp)
{
	const struct settings *s = at;

	(void)r;
	(void)fprintf(fp, "\"%u-%u\"", s->port_first, s->port_last);
}

static void
print_address(const struct conf_row *r, const void *at, FILE *fp)
{
	const struct settings_target *t = at;
	bool v6 = strchr(t->host, ':') != NULL;

	(void)r;
	(void)fprintf(fp, "\"%s%s%s:%u\"", v6 ? "[" : "", t->host, v6 ? "]" : "", t->port);
}

static void
print_list(const struct conf_row *r, const void *at, FILE *fp)
{
	const struct conf_list *l = at;

	(void)r;
	for (uint32_t i = 0; i < l->n; i++)
		print_element(i, l->v[i], fp);
}

static void
print_fields(const struct conf_row *r, const void *at, FILE *fp)
{
	const struct settings_section *s = at;

	(void)r;
	for (uint32_t i = 0; i < s->nfields; i++)
		print_element(i, id_field_name(s->fields[i]), fp);
}

static void
print_cidrs(const struct cidr *nets, uint32_t n, FILE *fp)
{
	char host[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];

	for (uint32_t i = 0; i < n; i++) {
		const struct cidr *c = &nets[i];

		(void)inet_ntop(c->family == 4 ? AF_INET : AF_INET6, c->bytes, host, sizeof(host));
		(void)snprintf(text, sizeof(text), "%s/%u", host, (unsigned)c->prefix);
		print_element(i, text, fp);
	}
}

static void
print_peers(const struct conf_row *r, const void *at, FILE *fp)
{
	const struct settings_listener *l = at;

	(void)r;
	print_cidrs(l->peers, l->npeers, fp);
}

static void
print_networks(const struct conf_row *r, const void *at, FILE *fp)
{
	const struct settings *s = at;

	(void)r;
	print_cidrs(s->jump_networks, s->njump_networks, fp);
}

static void
print_lines(const struct conf_row *r, const void *at, FILE *fp)
{
	const char *line = at, *newline;
	char one[SETTINGS_BANNER_MAX];

	(void)r;
	for (uint32_t i = 0; (newline = strchr(line, '\n')) != NULL; i++, line = newline + 1) {
		memcpy(one, line, (size_t)(newline - line));
		one[newline - line] = '\0';
		print_element(i, one, fp);
	}
}

static void
print_names(const struct conf_row *r, const void *at, FILE *fp)
{
	const struct settings_target *t = at;

	(void)r;
	for (uint32_t i = 0; i < t->nnames; i++)
		print_element(i, t->names[i], fp);
}

static void (*const printers[CONF_NTYPES])(const struct conf_row *, const void *, FILE *) = {
	[CONF_NUMBER] = print_number,
	[CONF_WORD] = print_word,
	[CONF_PATH] = print_text,
	[CONF_SOCKET] = print_text,
	[CONF_LOG] = print_text,
	[CONF_TRAIL] = print_text,
	[CONF_USER] = print_text,
	[CONF_PORTS] = print_ports,
	[CONF_ADDRESS] = print_address,
	[CONF_FOLDER] = print_folder,
	[CONF_SERVICE] = print_service,
	[CONF_PATHS] = print_list,
	[CONF_SERVICES] = print_list,
	[CONF_FIELDS] = print_fields,
	[CONF_PEERS] = print_peers,
	[CONF_NAMES] = print_names,
	[CONF_NETWORKS] = print_networks,
	[CONF_LINES] = print_lines,
};

/* The title of an instance, or NULL. */
static const char *
title_of(const struct conf *c, enum conf_section section, uint32_t instance)
{
	switch (section) {
	case CONF_LISTEN:
		return c->settings.listeners[instance].name;
	case CONF_TRUST:
		return c->settings.sections[instance].name;
	case CONF_TARGET:
		return c->settings.targets[instance].name;
	default:
		return NULL;
	}
}

/* Text that has no default and was not given. */
static bool
is_unset(const struct conf_row *r, const void *at)
{
	const char *text;

	if (r->type == CONF_SERVICE)
		return *(const char *)at == '\0';
	if (r->type != CONF_SOCKET && r->type != CONF_FOLDER)
		return false;
	memcpy(&text, at, sizeof(text));
	return text == NULL;
}

static void
print_rows(const struct conf *c, enum conf_section section, uint32_t instance, FILE *fp)
{
	const char *indent = section == CONF_TOP ? "" : "\t";

	for (int i = 0; i < CONF_NROWS; i++) {
		const struct conf_row *r = &conf_rows[i];
		bool list = CONF_IS_LIST(r->type);

		if (r->section != section || !conf_row_applies(c, r, instance))
			continue;
		if (is_unset(r, conf_at_const(c, r, instance))) {
			(void)fprintf(
			    fp, "%s# %s\n%s#%s = \"\"\n", indent, r->help, indent, r->name);
			continue;
		}
		(void)fprintf(
		    fp, "%s# %s\n%s%s = %s", indent, r->help, indent, r->name, list ? "{" : "");
		printers[r->type](r, conf_at_const(c, r, instance), fp);
		(void)fputs(list ? "}\n" : "\n", fp);
	}
}

void
conf_print(const struct conf *c, FILE *fp)
{
	for (int s = 0; s < CONF_NSECTIONS; s++) {
		enum conf_section section = (enum conf_section)s;

		for (uint32_t i = 0; i < conf_count(c, section); i++) {
			const char *title = title_of(c, section, i);

			if (section != CONF_TOP) {
				(void)fprintf(fp, "%s", conf_sections[s].name);
				if (title != NULL)
					(void)fprintf(fp, " \"%s\"", title);
				(void)fputs(" {\n", fp);
			}
			print_rows(c, section, i, fp);
			(void)fputs(section == CONF_TOP ? "" : "}\n", fp);
		}
	}
}
