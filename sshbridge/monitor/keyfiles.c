/* keyfiles.c - the folders of authorized keys */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "authkeys.h"
#include "file.h"
#include "folder.h"
#include "keyfiles.h"

struct collect {
	struct records_writer w;
	void (*skip)(void *arg, const char *why);
	void *arg;
};

/* All but what editors and file systems leave behind them. */
static bool
is_visible(const char *name)
{
	return name[0] != '.';
}

/* Errors that say nothing of the file. */
static bool
is_ours(const struct err *e)
{
	return e->kind == ERR_NOMEM ||
	       (e->kind == ERR_SYS &&
		   (e->detail == EMFILE || e->detail == ENFILE || e->detail == ENOMEM));
}

static int
add_text(struct collect *c, uint32_t target, const char *path, const uint8_t *text, size_t n,
    struct err *e)
{
	size_t head = strlen(path) + 1;
	uint8_t *p = malloc(head + n);
	int r;

	if (p == NULL)
		return err_nomem(e, "authorized-keys");
	memcpy(p, path, head);
	memcpy(p + head, text, n);
	r = records_add(&c->w,
	    &(struct record){ .kind = RECORD_AUTHFILE, .section = target, .p = p, .n = head + n },
	    e);
	free(p);
	return r;
}

/* One file; what is wrong with it is no error. */
static int
add_file(struct collect *c, uint32_t target, const char *path, struct err *e)
{
	static const struct file_rules rules = { .max = AUTHKEYS_FILE_MAX };
	struct err why = { 0 };
	uint8_t *text = NULL;
	size_t n = 0;
	int fd = file_open(path, &rules, &why), r = -1;

	if (fd != -1) {
		r = file_read(fd, path, AUTHKEYS_FILE_MAX, &text, &n, &why);
		close(fd);
	}
	if (r == 0) {
		r = add_text(c, target, path, text, n, e);
		free(text);
		return r;
	}
	if (is_ours(&why)) {
		*e = why;
		return -1;
	}
	/* removed since the folder was read */
	if (why.kind != ERR_SYS || why.detail != ENOENT)
		c->skip(c->arg, why.text);
	return 0;
}

static int
add_folder(struct collect *c, uint32_t target, const char *path, struct err *e)
{
	char file[CONF_PATH_MAX + 256], why[CONF_PATH_MAX + 512];
	struct folder f;
	int r = folder_read(path, "authorized-keys", is_visible, AUTHKEYS_FILES_MAX, &f, e);

	for (size_t i = 0; r == 0 && i < f.n; i++) {
		(void)snprintf(file, sizeof(file), "%s/%s", path, f.names[i]);
		if (authkeys_account(f.names[i])) {
			r = add_file(c, target, file, e);
			continue;
		}
		(void)snprintf(why, sizeof(why),
		    "%s: no account can be called so, the file is not read", file);
		c->skip(c->arg, why);
	}
	folder_done(&f);
	return r;
}

int
keyfiles_seal(
    const struct conf *c, void (*skip)(void *arg, const char *why), void *arg, struct err *e)
{
	struct collect to = { .w = { .max = AUTHKEYS_TEXT_MAX }, .skip = skip, .arg = arg };
	int fd = -1, r = 0;

	for (uint32_t i = 0; r == 0 && i < c->settings.ntargets; i++)
		if (c->target[i].authorized_keys != NULL &&
		    (c->settings.targets[i].ssh_keys & SSH_KEYS_LISTED) != 0)
			r = add_folder(&to, i, c->target[i].authorized_keys, e);
	if (r == 0)
		fd = sealed_new("authorized keys", to.w.buf, to.w.len, e);
	records_done(&to.w);
	return fd;
}
