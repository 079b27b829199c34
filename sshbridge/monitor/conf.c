/* conf.c - a configuration from its file, and its end */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "file.h"

/* `path` from the root, allocated, so that the paths in it do not depend on where we stand. */
static char *
path_from_root(const char *path, struct err *e)
{
	char *cwd = NULL, *full = NULL;

	if (path[0] == '/') {
		if ((full = strdup(path)) == NULL)
			(void)err_nomem(e, path);
		return full;
	}
	if ((cwd = getcwd(NULL, 0)) == NULL) {
		err_sys(e, errno, "current folder");
		return NULL;
	}
	if (asprintf(&full, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, path) == -1) {
		full = NULL;
		(void)err_nomem(e, path);
	}
	free(cwd);
	return full;
}

struct conf *
conf_load(const char *path, struct err *e)
{
	static const struct file_rules rules = { .max = CONF_TEXT_MAX };
	struct conf *c = NULL;
	char *full = NULL;
	uint8_t *text = NULL;
	size_t n;
	int fd = -1;

	if ((full = path_from_root(path, e)) == NULL || (fd = file_open(full, &rules, e)) == -1 ||
	    file_read(fd, full, rules.max, &text, &n, e) == -1)
		goto out;
	c = conf_parse(full, text, n, e);
out:
	free(text);
	if (fd != -1)
		(void)close(fd);
	free(full);
	return c;
}

static void
list_done(struct conf_list *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

void
conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < SECTIONS_MAX; i++) {
		list_done(&c->trust[i].anchors);
		list_done(&c->trust[i].intermediates);
		list_done(&c->trust[i].crls);
	}
	for (uint32_t i = 0; i < SETTINGS_TARGETS_MAX; i++) {
		list_done(&c->target[i].host_keys);
		free(c->target[i].authorized_keys);
	}
	list_done(&c->pam_services);
	free(c->certificate);
	free(c->key);
	free(c->identity_map);
	free(c->user);
	free(c->ident_user);
	free(c->ident_socket);
	free(c->control_socket);
	free(c->keys_socket);
	free(c->locks);
	free(c->log);
	free(c->audit_to);
	free(c);
}
