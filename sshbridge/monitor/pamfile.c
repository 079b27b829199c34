/* pamfile.c - the lines of a service file of PAM, as libpam reads them */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pamfile.h"

struct walk {
	struct pamfile *f;
	pamfile_source *source;
	void *arg;
};

/* One file while it is read. */
struct reader {
	struct walk *w;
	const char *file;
	const char *p, *end;
	unsigned next; /* number of the line at p */
	unsigned line; /* and of the one in words */
	unsigned level, depth;
	int only; /* enum pamtype, or -1 for all */
	char words[PAMFILE_WORDS];
};

static int read_file(
    struct walk *w, const char *name, unsigned level, unsigned depth, int only, struct err *e);

static void __attribute__((format(printf, 2, 3))) fault(struct reader *r, const char *fmt, ...)
{
	struct pamfile *f = r->w->f;
	struct pamfault *x;
	va_list ap;

	if (f->nfaults == sizeof(f->faults) / sizeof(f->faults[0]))
		return;
	x = &f->faults[f->nfaults++];
	x->file = r->file;
	x->line = r->line;
	va_start(ap, fmt);
	(void)vsnprintf(x->text, sizeof(x->text), fmt, ap);
	va_end(ap);
}

/* ---- lines and words ------------------------------------------------------------------------ */
/*
 * Add what one line of text holds to r->words. True: the next line goes on. A `#` begins a comment
 * wherever it stands, and ends the line for good, a backslash before it or not.
 */
static bool
take_text(struct reader *r, const char *p, size_t n, size_t *used)
{
	const char *hash = memchr(p, '#', n);
	bool more;

	if (hash != NULL)
		n = (size_t)(hash - p);
	while (n > 0 && strchr(" \t\r", p[n - 1]) != NULL)
		n--;
	more = hash == NULL && n > 0 && p[n - 1] == '\\';
	n -= more;
	if (n > sizeof(r->words) - 2 - *used) {
		fault(r, "a line of more than %d bytes", PAMFILE_WORDS - 2);
		n = 0;
	}
	memcpy(r->words + *used, p, n);
	*used += n;
	r->words[(*used)++] = ' ';
	r->words[*used] = '\0';
	return more;
}

static bool
is_blank(const char *p, size_t n)
{
	while (n > 0 && strchr(" \t\r", *p) != NULL)
		p++, n--;
	return n == 0 || *p == '#';
}

/* The next line that says something, with those that it goes on in. False at the end. */
static bool
next_line(struct reader *r)
{
	size_t used = 0;
	bool more = true;

	r->words[0] = '\0';
	while (more && r->p < r->end) {
		const char *nl = memchr(r->p, '\n', (size_t)(r->end - r->p));
		const char *p = r->p;
		size_t n = (size_t)((nl == NULL ? r->end : nl) - p);

		r->p = nl == NULL ? r->end : nl + 1;
		r->next++;
		/* an empty line, or one of comment, does not end one that goes on */
		if (is_blank(p, n))
			continue;
		if (used == 0)
			r->line = r->next - 1;
		/* the words with their blanks may fill the line: then it was told above */
		more = take_text(r, p, n, &used) && used < sizeof(r->words) - 2;
	}
	return used > 0;
}

/*
 * The next word, with a NUL behind it, or NULL: up to a blank, or in brackets, where `\]` is a
 * bracket. With `keep` the first bracket stays, to tell the word by.
 */
static char *
next_word(char **rest, bool keep)
{
	char *p = *rest + strspn(*rest, " \t"), *start, *to;

	if (*p == '\0')
		return NULL;
	if (*p != '[') {
		start = p;
		p += strcspn(p, " \t");
		*rest = p + (*p != '\0');
		*p = '\0';
		return start;
	}
	start = keep ? p : p + 1;
	to = p + 1;
	for (p++; *p != '\0' && *p != ']'; p++) {
		if (p[0] == '\\' && p[1] == ']')
			p++;
		*to++ = *p;
	}
	*rest = p + (*p != '\0');
	*to = '\0';
	return start;
}

/* The words that are left, with one blank between two; the caller frees. */
static char *
join_words(char *rest)
{
	char *out = malloc(PAMFILE_WORDS), *word;
	size_t n = 0;

	if (out == NULL)
		return NULL;
	out[0] = '\0';
	while ((word = next_word(&rest, false)) != NULL) {
		int k = snprintf(out + n, PAMFILE_WORDS - n, "%s%s", n == 0 ? "" : " ", word);

		if (k < 0 || (size_t)k >= PAMFILE_WORDS - n)
			break;
		n += (size_t)k;
	}
	return out;
}

/* ---- one line ------------------------------------------------------------------------------- */
static int
type_find(const char *word)
{
	static const char *const names[] = { "auth", "account", "session", "password" };

	for (int i = 0; i < 4; i++)
		if (strcasecmp(word, names[i]) == 0)
			return i;
	return -1;
}

static bool
control_known(const char *word)
{
	static const char *const names[] = { "required", "requisite", "sufficient", "optional" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(word, names[i]) == 0)
			return true;
	return word[0] == '[';
}

/* A file that cannot be read within another is a fault of the line that names it. */
static int
include(struct reader *r, const char *name, unsigned level, int only, struct err *e)
{
	struct err why = { .kind = ERR_NONE };

	if (name == NULL)
		fault(r, "names no file to include");
	else if (r->depth == PAMFILE_DEPTH)
		fault(r, "includes \"%.60s\", which is the %dth file within another", name,
		    PAMFILE_DEPTH);
	else if (read_file(r->w, name, level, r->depth + 1, only, &why) == -1) {
		if (why.kind == ERR_NOMEM) {
			*e = why;
			return -1;
		}
		fault(r, "includes \"%.60s\", which cannot be read", name);
	}
	return 0;
}

static int
add_line(struct reader *r, int type, bool dash, const char *control, const char *module, char *rest,
    struct err *e)
{
	struct pamfile *f = r->w->f;
	struct pamline *l;
	char shown[PAMFILE_WORDS + 2];

	if (f->nlines == PAMFILE_LINES) {
		fault(r, "more than %d lines", PAMFILE_LINES);
		return 0;
	}
	(void)snprintf(shown, sizeof(shown), "%s%s", control, control[0] == '[' ? "]" : "");
	l = &f->lines[f->nlines++];
	*l = (struct pamline){ .type = (enum pamtype)type,
		.file = r->file,
		.line = r->line,
		.level = r->level,
		.dash = dash,
		.control = strdup(shown),
		.module = strdup(module),
		.args = join_words(rest) };
	if (l->control == NULL || l->module == NULL || l->args == NULL)
		return err_nomem(e, "pam-services");
	return 0;
}

static int
read_line(struct reader *r, struct err *e)
{
	char *rest = r->words, *word = next_word(&rest, true), *control, *module;
	bool dash = word != NULL && word[0] == '-';
	int type;

	if (word == NULL)
		return 0;
	if (strcasecmp(word, "@include") == 0)
		return include(r, next_word(&rest, false), r->level, r->only, e);
	if ((type = type_find(word + dash)) == -1) {
		fault(r, "\"%.40s\" is none of auth, account, session, password", word);
		return 0;
	}
	if (r->only != -1 && type != r->only)
		return 0;
	control = next_word(&rest, true);
	module = control == NULL ? NULL : next_word(&rest, false);
	if (module == NULL) {
		fault(r, "lacks a control or a module");
		return 0;
	}
	if (strcasecmp(control, "include") == 0)
		return include(r, module, r->level, type, e);
	if (strcasecmp(control, "substack") == 0)
		return include(r, module, r->level + 1, type, e);
	if (!control_known(control)) {
		fault(r, "control \"%.40s\" is unknown", control);
		return 0;
	}
	return add_line(r, type, dash, control, module, rest, e);
}

static int
read_file(struct walk *w, const char *name, unsigned level, unsigned depth, int only, struct err *e)
{
	struct reader *r = NULL;
	char path[PAMFILE_PATH], *text = NULL;
	size_t n = 0;
	int ret = -1;

	if (w->f->nfiles == PAMFILE_FILES)
		return err_set(e, ERR_FORMAT, "more than %d files", PAMFILE_FILES);
	if ((text = w->source(w->arg, name, path, &n, e)) == NULL)
		return -1;
	if ((r = calloc(1, sizeof(*r))) == NULL ||
	    (w->f->files[w->f->nfiles] = strdup(path)) == NULL) {
		err_nomem(e, "pam-services");
		goto out;
	}
	*r = (struct reader){ .w = w,
		.file = w->f->files[w->f->nfiles++],
		.p = text,
		.end = text + n,
		.next = 1,
		.line = 1,
		.level = level,
		.depth = depth,
		.only = only };
	while (next_line(r))
		if (read_line(r, e) == -1)
			goto out;
	ret = 0;
out:
	free(r);
	free(text);
	return ret;
}

struct pamfile *
pamfile_read(const char *service, pamfile_source *source, void *arg, struct err *e)
{
	struct walk w = { .f = calloc(1, sizeof(*w.f)), .source = source, .arg = arg };

	if (w.f == NULL) {
		err_nomem(e, "pam-services");
		return NULL;
	}
	if (read_file(&w, service, 0, 0, -1, e) == -1) {
		pamfile_free(w.f);
		return NULL;
	}
	return w.f;
}

void
pamfile_free(struct pamfile *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->nlines; i++) {
		free(f->lines[i].control);
		free(f->lines[i].module);
		free(f->lines[i].args);
	}
	for (size_t i = 0; i < f->nfiles; i++)
		free(f->files[i]);
	free(f);
}
