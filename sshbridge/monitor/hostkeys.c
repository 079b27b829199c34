/* hostkeys.c - SSH host keys of jump targets: read, and kept as the TLS key is */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "hostkeys.h"

/* Memory that no core file, no swap and no child that is started gets. */
static uint8_t *
secret_new(void)
{
	uint8_t *p =
	    mmap(NULL, KEY_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, KEY_MAX, MADV_DONTDUMP);
	return p;
}

static void
secret_keep(uint8_t *p, bool over_fork)
{
	(void)madvise(p, KEY_MAX, over_fork ? MADV_KEEPONFORK : MADV_WIPEONFORK);
	if (!over_fork)
		(void)mlock(p, KEY_MAX);
}

static int
read_one(struct host_key *k, const char *path, struct err *e)
{
	static const struct file_rules rules = { .private = true, .max = KEY_MAX };
	uint8_t *p = NULL;
	size_t n = 0;
	int fd, r;

	if ((k->data = secret_new()) == NULL)
		return err_nomem(e, "host key");
	secret_keep(k->data, false);
	if ((fd = file_open(path, &rules, e)) == -1)
		return -1;
	r = file_read(fd, path, KEY_MAX, &p, &n, e);
	close(fd);
	if (r == -1)
		return -1;
	memcpy(k->data, p, n);
	k->len = n;
	explicit_bzero(p, n);
	free(p);
	return 0;
}

int
hostkeys_read(struct generation *g, struct err *e)
{
	const struct conf *c = g->conf;
	size_t total = 0;

	for (uint32_t i = 0; i < c->settings.ntargets; i++)
		total += c->target[i].host_keys.n;
	if (total == 0)
		return 0;
	if ((g->host_keys = calloc(total, sizeof(*g->host_keys))) == NULL)
		return err_nomem(e, "host keys");
	for (uint32_t i = 0; i < c->settings.ntargets; i++)
		for (uint32_t k = 0; k < c->target[i].host_keys.n; k++) {
			struct host_key *key = &g->host_keys[g->nhost_keys++];

			key->target = i;
			key->path = c->target[i].host_keys.v[k];
			if (read_one(key, key->path, e) == -1)
				return err_prefix(
				    e, "target \"%s\": host-keys", c->settings.targets[i].name);
		}
	return 0;
}

void
hostkeys_free(struct generation *g)
{
	for (size_t i = 0; i < g->nhost_keys; i++)
		if (g->host_keys[i].data != NULL) {
			explicit_bzero(g->host_keys[i].data, KEY_MAX);
			(void)munmap(g->host_keys[i].data, KEY_MAX);
		}
	free(g->host_keys);
	g->host_keys = NULL;
	g->nhost_keys = 0;
}

void
hostkeys_keep(struct generation *g, bool over_fork)
{
	for (size_t i = 0; i < g->nhost_keys; i++)
		secret_keep(g->host_keys[i].data, over_fork);
}
