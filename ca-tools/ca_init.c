/* ca_init.c - a new CA, built in a folder beside its place and then moved there in one step */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca.h"
#include "hold.h"
#include "keyfile.h"
#include "when.h"

#define ROOT_DAYS	  7305 /* 20 years */
#define INTERMEDIATE_DAYS 1826 /* 5 years */
#define ROOT_CRL_DAYS	  365

static const char *const parts[] = { "root.pem", "root.key", "intermediate.pem", "intermediate.key",
	"ca.db", "ca.db-journal" };

struct work {
	char dir[FILE_PATH_MAX];       /* where the CA shall be, no slash at the end */
	char temp[FILE_PATH_MAX + 16]; /* where it is built; "" when there is nothing to remove */
	char parent[FILE_PATH_MAX];
	EVP_PKEY *root_key, *key;
	X509 *root, *intermediate;
};

static void
work_done(struct work *w)
{
	char file[FILE_PATH_MAX + 64];

	for (size_t i = 0; w->temp[0] != '\0' && i < sizeof(parts) / sizeof(parts[0]); i++) {
		(void)snprintf(file, sizeof(file), "%s/%s", w->temp, parts[i]);
		(void)unlink(file);
	}
	if (w->temp[0] != '\0')
		(void)rmdir(w->temp);
	X509_free(w->root);
	X509_free(w->intermediate);
	EVP_PKEY_free(w->root_key);
	EVP_PKEY_free(w->key);
}

/* The place must be free: nothing there, or a folder with nothing in it. */
static int
place_is_free(const char *dir, struct err *e)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	int ret = 0;

	if (d == NULL && errno == ENOENT)
		return 0;
	if (d == NULL)
		return err_sys(e, errno, "%s", dir);
	if (faccessat(dirfd(d), "ca.db", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		ret = err_set(e, ERR_FORMAT, "%s: there is a CA already; nothing was changed", dir);
	while (ret == 0 && (entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			ret = err_set(e, ERR_FORMAT, "%s: is not empty; nothing was changed", dir);
	(void)closedir(d);
	return ret;
}

static int
work_begin(struct work *w, const char *dir, struct err *e)
{
	char name[256];
	size_t n = strlen(dir);

	memset(w, 0, sizeof(*w));
	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (n > FILE_PATH_MAX - 64)
		return err_set(e, ERR_FORMAT, "%.80s...: the name is too long", dir);
	(void)snprintf(w->dir, sizeof(w->dir), "%.*s", (int)n, dir);
	if (path_split(w->dir, w->parent, name, e) == -1 || place_is_free(w->dir, e) == -1)
		return -1;
	(void)snprintf(w->temp, sizeof(w->temp), "%s.new-XXXXXX", w->dir);
	if (mkdtemp(w->temp) == NULL) {
		w->temp[0] = '\0';
		return err_sys(e, errno, "%s: making a folder beside it", w->dir);
	}
	return 0;
}

static int
work_certify(struct work *w, const struct ca_plan *plan, struct err *e)
{
	char cn[STORE_NAME_SIZE + 16];
	struct cert_request r = { .profile = PROFILE_ROOT,
		.cn = plan->name,
		.not_before = plan->now - BACKDATE,
		.not_after = plan->now + (int64_t)ROOT_DAYS * WHEN_DAY };

	if ((w->root_key = key_generate(e)) == NULL || (w->key = key_generate(e)) == NULL)
		return -1;
	r.key = w->root_key;
	if ((w->root = profile_sign(&r, NULL, w->root_key, e)) == NULL)
		return -1;
	(void)snprintf(cn, sizeof(cn), "%s intermediate", plan->name);
	r.profile = PROFILE_INTERMEDIATE;
	r.cn = cn;
	r.key = w->key;
	r.permit = plan->permit;
	r.not_after = plan->now + (int64_t)INTERMEDIATE_DAYS * WHEN_DAY;
	if ((w->intermediate = profile_sign(&r, w->root, w->root_key, e)) == NULL)
		return -1;
	return profile_check(w->intermediate, PROFILE_INTERMEDIATE, w->intermediate, w->root, e);
}

static int
work_write_pair(struct work *w, enum profile which, const struct ca_plan *plan, struct err *e)
{
	X509 *cert = which == PROFILE_ROOT ? w->root : w->intermediate;
	EVP_PKEY *key = which == PROFILE_ROOT ? w->root_key : w->key;
	char file[FILE_PATH_MAX + 64], *pem = NULL;
	size_t n = 0;
	int ret;

	if (key_to_pem(key, plan->passphrase, &pem, &n, e) == -1)
		return -1;
	(void)snprintf(file, sizeof(file), "%s/%s.key", w->temp, profile_word(which));
	ret = outfile_write(file, 0600, pem, n, e);
	OPENSSL_clear_free(pem, n);
	if (ret == -1 || certs_to_pem(cert, NULL, &pem, &n, e) == -1)
		return -1;
	(void)snprintf(file, sizeof(file), "%s/%s.pem", w->temp, profile_word(which));
	ret = outfile_write(file, 0600, pem, n, e);
	OPENSSL_free(pem);
	return ret;
}

static int
store_add_ca(
    struct store *st, X509 *cert, enum profile which, const char *name, int64_t now, struct err *e)
{
	struct store_cert c;
	int ret = -1;

	if (ca_row(cert, which, name, now, &c, e) == 0 && store_add_cert(st, &c, e) == 0)
		ret = store_add_event(st, now, "init", c.serial, profile_word(which), e);
	store_cert_done(&c);
	return ret;
}

/*
 * The store, with both certificates and the root's first CRL, so that the root's key can leave
 * at once.
 */
static int
work_store(struct work *w, const struct ca_plan *plan, struct err *e)
{
	char file[FILE_PATH_MAX + 64], cn[STORE_NAME_SIZE + 16];
	struct store *st;
	int ret = -1;

	(void)snprintf(file, sizeof(file), "%s/ca.db", w->temp);
	(void)snprintf(cn, sizeof(cn), "%s intermediate", plan->name);
	if ((st = store_create(file, e)) == NULL)
		return -1;
	if (store_begin(st, e) == 0 &&
	    store_add_ca(st, w->root, PROFILE_ROOT, plan->name, plan->now, e) == 0 &&
	    store_add_ca(st, w->intermediate, PROFILE_INTERMEDIATE, cn, plan->now, e) == 0 &&
	    ca_crl_make(st, PROFILE_ROOT, w->root, w->root_key, plan->now,
		plan->now + (int64_t)ROOT_CRL_DAYS * WHEN_DAY, e) == 0)
		ret = store_commit(st, e);
	store_close(st);
	return ret;
}

/* rename() onto an empty folder replaces it, onto one that is not empty fails: no race. */
static int
work_move(struct work *w, struct err *e)
{
	if (folder_sync(w->temp, e) == -1)
		return -1;
	if (hold_pending())
		return err_set(e, ERR_SYS, "interrupted; nothing was made");
	if (rename(w->temp, w->dir) == -1) {
		if (errno == ENOTEMPTY || errno == EEXIST)
			return err_set(e, ERR_FORMAT,
			    "%s: somebody else made something there "
			    "meanwhile; nothing was changed",
			    w->dir);
		if (errno == EBUSY || errno == EXDEV)
			return err_set(e, ERR_FORMAT,
			    "%s: is a mount point, which cannot be "
			    "replaced in one step; name a folder below it",
			    w->dir);
		return err_sys(e, errno, "%s", w->dir);
	}
	w->temp[0] = '\0';
	return folder_sync(w->parent, e);
}

int
ca_create(const struct ca_plan *plan, struct err *e)
{
	struct work w;
	sigset_t old;
	int ret = -1;

	hold_begin(&old);
	if (work_begin(&w, plan->dir, e) == 0 && work_certify(&w, plan, e) == 0 &&
	    work_write_pair(&w, PROFILE_ROOT, plan, e) == 0 &&
	    work_write_pair(&w, PROFILE_INTERMEDIATE, plan, e) == 0 && work_store(&w, plan, e) == 0)
		ret = work_move(&w, e);
	work_done(&w);
	hold_end(&old);
	return ret;
}
