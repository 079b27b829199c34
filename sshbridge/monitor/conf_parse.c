/* conf_parse.c - the table as libconfuse's options, and its values into struct conf */
#include <confuse.h>
#include <stdlib.h>
#include <string.h>

#include "conf_local.h"
#include "text.h"

/* Only of the top level: in a file that was cut off inside a section it is unknown. */
#define END_OPTION "end-of-file"
#define END_LINE   END_OPTION " = yes\n"
#define FORMS	   "OPTION = VALUE, OPTION = { VALUE, VALUE } or SECTION { }"

struct parse {
	const char *file;
	char dir[CONF_PATH_MAX]; /* its folder, "" for / */
	struct conf *c;
	struct err *e;
	bool failed; /* *e is set */
	cfg_t *top;
	cfg_t *open; /* the section that `instance` belongs to */
	uint32_t instance;
	uint64_t given[CONF_NSECTIONS][SETTINGS_TARGETS_MAX]; /* bits of rows, by instance */
	bool seen[CONF_NSECTIONS];
};
_Static_assert(
    SETTINGS_TARGETS_MAX >= SECTIONS_MAX && SETTINGS_TARGETS_MAX >= SETTINGS_LISTENERS_MAX,
    "struct parse has room for all instances");

/* libconfuse hands no argument to its callbacks; its lexer is global as well. */
static struct parse *now;

static enum conf_section
section_of(const struct parse *p, const cfg_t *cfg)
{
	return cfg == p->top ? CONF_TOP : conf_section_find(cfg->name, strlen(cfg->name));
}

/* Put "FILE:LINE: SECTION "TITLE": OPTION" before the text of *e; cfg NULL: the end of the file. */
static int
fail_at(struct parse *p, const cfg_t *cfg, const char *option)
{
	char title[80] = "";
	const char *name = "";
	/* The lexer stands behind the newline of the last line, and behind that of END_LINE. */
	int line = cfg == NULL ? p->top->line - 2 : cfg->line;

	if (cfg != NULL && cfg != p->top) {
		name = cfg->name;
		if (cfg->title != NULL)
			(void)text_escape(title, sizeof(title), cfg->title, strlen(cfg->title));
	}
	p->failed = true;
	return err_prefix(p->e, "%.160s:%d%s%s%s%s%s%s%s", p->file, line, *name == '\0' ? "" : ": ",
	    name, *title == '\0' ? "" : " \"", title, *title == '\0' ? "" : "\"",
	    *option == '\0' ? "" : ": ", option);
}

static void __attribute__((format(printf, 2, 0))) on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[160];

	if (now->failed)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	err_set(now->e, ERR_FORMAT, "%s, allowed: " FORMS, text);
	(void)fail_at(now, cfg, "");
}

/* The first word from a section makes an instance of it. */
static int
section_begin(struct parse *p, cfg_t *cfg)
{
	enum conf_section section = section_of(p, cfg);

	p->seen[section] = true;
	if (cfg == p->top || cfg == p->open)
		return 0;
	p->open = cfg;
	p->instance = 0;
	if (cfg->title != NULL &&
	    conf_title_add(p->c, section, cfg->title, &p->instance, p->e) == -1) {
		/* Until the section is complete the line of its parent is that of its `{`. */
		cfg->line = p->top->line;
		return fail_at(p, cfg, "");
	}
	return 0;
}

static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct parse *p = now;
	enum conf_section section = section_of(p, cfg);
	int i = conf_row_find(section, opt->name, strlen(opt->name));
	uint32_t instance;

	if (section_begin(p, cfg) == -1)
		return -1;
	instance = cfg == p->top ? 0 : p->instance;
	if (conf_value_set(
		&conf_rows[i], conf_at(p->c, &conf_rows[i], instance), p->dir, value, p->e) == -1)
		return fail_at(p, cfg, opt->name);
	p->given[section][instance] |= UINT64_C(1) << i;
	memcpy(result, &value, sizeof(value));
	return 0;
}

/* Each word of a default, as the file would give it. */
static int
set_default(struct parse *p, const struct conf_row *r, uint32_t instance)
{
	const char *def = r->def;
	char word[128];

	if (*def == '\0')
		return conf_value_set(r, conf_at(p->c, r, instance), p->dir, "", p->e);
	while (*def != '\0') {
		size_t n = CONF_IS_LIST(r->type) ? strcspn(def, " ") : strlen(def);

		(void)snprintf(word, sizeof(word), "%.*s", (int)n, def);
		if (conf_value_set(r, conf_at(p->c, r, instance), p->dir, word, p->e) == -1)
			return -1;
		def += n + (def[n] == ' ');
	}
	return 0;
}

/* An option of a target of another mode. */
static int
wrong_mode(struct parse *p, const struct conf_row *r, uint32_t instance, const cfg_t *cfg)
{
	bool jump = p->c->settings.targets[instance].mode == TARGET_JUMP;

	err_set(p->e, ERR_FORMAT, "not with mode = \"%s\", allowed: with \"%s\"",
	    jump ? "jump" : "forward", jump ? "forward" : "jump");
	return fail_at(p, cfg, r->name);
}

/* Fill what is not given; `cfg` is the section, NULL when the file has none. */
static int
section_complete(struct parse *p, enum conf_section section, uint32_t instance, const cfg_t *cfg)
{
	for (int i = 0; i < CONF_NROWS; i++) {
		const struct conf_row *r = &conf_rows[i];
		bool given = (p->given[section][instance] & UINT64_C(1) << i) != 0;
		char name[64];

		if (r->section != section || given == conf_row_applies(p->c, r, instance))
			continue;
		(void)snprintf(name, sizeof(name), "%s%s%s",
		    cfg == NULL ? conf_sections[section].name : "",
		    cfg == NULL && section != CONF_TOP ? ": " : "", r->name);
		if (given)
			return wrong_mode(p, r, instance, cfg);
		if (r->required) {
			err_set(p->e, ERR_FORMAT, "missing, must be given: %s", r->help);
			return fail_at(p, cfg, name);
		}
		if (r->def != NULL && set_default(p, r, instance) == -1)
			return fail_at(p, cfg, name);
	}
	if (conf_check_section(p->c, section, instance, p->e) == -1)
		return fail_at(p, cfg, "");
	return 0;
}

/* Called at the `}` of a section. */
static int
on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);

	(void)cfg;
	if (section_begin(now, section) == -1)
		return -1;
	return section_complete(now, section_of(now, section), now->instance, section);
}

/* What only the whole file can tell. */
static int
parse_finish(struct parse *p)
{
	static const enum conf_section single[] = { CONF_TLS, CONF_LIMITS, CONF_AUDIT, CONF_TOP };
	static const enum conf_section needed[] = { CONF_LISTEN, CONF_TRUST, CONF_TARGET };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (conf_count(p->c, needed[i]) == 0) {
			err_set(p->e, ERR_FORMAT, "missing, at least one must be given");
			return fail_at(p, NULL, conf_sections[needed[i]].name);
		}
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		if ((single[i] == CONF_TOP || !p->seen[single[i]]) &&
		    section_complete(p, single[i], 0, NULL) == -1)
			return -1;
	if (conf_check_all(p->c, p->e) == -1)
		return fail_at(p, NULL, "");
	return 0;
}

/* The rows of `section` as libconfuse's options at `o`; returns how many. */
static size_t
options_of(enum conf_section section, cfg_opt_t *o)
{
	size_t n = 0;

	for (int i = 0; i < CONF_NROWS; i++) {
		if (conf_rows[i].section != section)
			continue;
		o[n] = (cfg_opt_t)CFG_STR_CB(conf_rows[i].name, NULL, CFGF_NODEFAULT, on_value);
		if (CONF_IS_LIST(conf_rows[i].type))
			o[n].flags |= CFGF_LIST;
		n++;
	}
	return n;
}

/* libconfuse copies the options: they need not outlive the call. */
static cfg_t *
options_init(void)
{
	cfg_opt_t sections[CONF_NSECTIONS][CONF_NROWS + 1] = { 0 };
	cfg_opt_t top[CONF_NROWS + CONF_NSECTIONS + 2] = { 0 };
	size_t n = options_of(CONF_TOP, top);
	cfg_flag_t flags;

	for (int i = CONF_TOP + 1; i < CONF_NSECTIONS; i++) {
		(void)options_of((enum conf_section)i, sections[i]);
		flags = conf_sections[i].title == NULL
			    ? CFGF_NODEFAULT
			    : CFGF_NODEFAULT | CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
		top[n] = (cfg_opt_t)CFG_SEC(conf_sections[i].name, sections[i], flags);
		top[n++].validcb = on_section;
	}
	top[n] = (cfg_opt_t)CFG_BOOL(END_OPTION, cfg_false, CFGF_NODEFAULT);
	return cfg_init(top, CFGF_NONE);
}

static int
parse_clean(struct parse *p, const char *clean)
{
	int rc = -1;

	if ((p->top = options_init()) == NULL)
		return err_nomem(p->e, p->file);
	(void)cfg_set_error_function(p->top, on_error);
	now = p;
	if (cfg_parse_buf(p->top, clean) != CFG_SUCCESS) {
		/* An empty name, and memory that ran out, it reports by its result alone. */
		if (!p->failed) {
			err_set(p->e, ERR_FORMAT,
			    "cannot be understood (or memory ran out), allowed: " FORMS);
			(void)fail_at(p, p->top, "");
		}
		goto out;
	}
	if (cfg_size(p->top, END_OPTION) != 1) {
		err_set(p->e, ERR_FORMAT, "the file is cut off");
		(void)fail_at(p, NULL, "");
		goto out;
	}
	rc = parse_finish(p);
out:
	now = NULL;
	(void)cfg_free(p->top);
	return rc;
}

/* The folder of p->file. What -T could not write back (a $, a control byte) is refused. */
static int
parse_dir(struct parse *p)
{
	const char *slash = strrchr(p->file, '/');
	size_t n;

	if (p->file[0] != '/' || slash[1] == '\0' ||
	    (n = (size_t)(slash - p->file)) >= sizeof(p->dir))
		return err_set(p->e, ERR_FORMAT,
		    "%.160s: must be the absolute path of a file, at most "
		    "%d bytes",
		    p->file, CONF_PATH_MAX - 1);
	memcpy(p->dir, p->file, n);
	p->dir[n] = '\0';
	for (const char *s = p->dir; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == '$')
			return err_set(p->e, ERR_FORMAT,
			    "%.160s: the folder's name has a $ or a "
			    "control character, none is allowed",
			    p->file);
	return 0;
}

struct conf *
conf_parse(const char *file, const uint8_t *text, size_t n, struct err *e)
{
	struct parse p = { .file = file, .e = e };
	struct conf *ret = NULL;
	char *clean = NULL;

	if (parse_dir(&p) == -1)
		return NULL;
	if ((clean = conf_scan(file, text, n, sizeof(END_LINE), e)) == NULL)
		return NULL;
	memcpy(clean + n, END_LINE, sizeof(END_LINE));
	if ((p.c = calloc(1, sizeof(*p.c))) == NULL) {
		(void)err_nomem(e, file);
		goto out;
	}
	if (parse_clean(&p, clean) == -1)
		goto out;
	ret = p.c;
	p.c = NULL;
out:
	conf_free(p.c);
	free(clean);
	return ret;
}
