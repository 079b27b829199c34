/* ca.c - one CA: its folder, its two certificates, its store, its keys */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "ca.h"
#include "keyfile.h"

static X509 *
pem_first(const char *text, size_t n, const char *name, struct err *e)
{
	BIO *bio = BIO_new_mem_buf(text, (int)n);
	X509 *cert = NULL;

	if (bio == NULL)
		err_nomem(e, name);
	else if ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) == NULL)
		err_set(e, ERR_FORMAT, "%s: there is no PEM certificate in it", name);
	ERR_clear_error();
	BIO_free(bio);
	return cert;
}

static X509 *
cert_read(int dirfd, const char *name, enum file_care care, struct err *e)
{
	X509 *cert;
	char *text = NULL;
	size_t n = 0;

	if (infile_read(dirfd, name, CERT_FILE_MAX, care, &text, &n, e) == -1)
		return NULL;
	cert = pem_first(text, n, name, e);
	OPENSSL_clear_free(text, n);
	return cert;
}

/* Whether the store has this very certificate: 0 and *c, or -1. */
static int
cert_lookup(struct store *st, X509 *cert, const char *name, struct store_cert *c, struct err *e)
{
	char serial[SERIAL_TEXT];
	uint8_t *der = NULL, sha256[32];
	size_t n = 0;
	int found;

	if (serial_text(X509_get0_serialNumber(cert), serial, e) == -1 ||
	    cert_der(cert, &der, &n, sha256, e) == -1)
		return err_prefix(e, "%s", name);
	free(der);
	if ((found = store_find_cert(st, serial, c, e)) == -1)
		return -1;
	if (found == 1 && memcmp(c->sha256, sha256, sizeof(sha256)) == 0)
		return 0;
	if (found == 1)
		store_cert_done(c);
	return err_set(e, ERR_FORMAT, "%s: %s (serial %s)", name,
	    found == 1 ? "another certificate than the one that this CA issued with its serial"
		       : "not a certificate that this CA issued",
	    serial);
}

static int
ca_load_cert(struct ca *ca, enum profile which, X509 **cert, struct err *e)
{
	struct store_cert c;
	char name[32];

	(void)snprintf(name, sizeof(name), "%s.pem", profile_word(which));
	if ((*cert = cert_read(ca->dirfd, name, FILE_OWN, e)) == NULL)
		return err_prefix(e, "%s", ca->path);
	if (cert_lookup(ca->store, *cert, name, &c, e) == -1)
		return err_prefix(e, "%s", ca->path);
	store_cert_done(&c);
	if (strcmp(c.profile, profile_word(which)) != 0)
		return err_set(
		    e, ERR_FORMAT, "%s/%s: is the certificate of a %s", ca->path, name, c.profile);
	return 0;
}

static int
ca_open_store(struct ca *ca, struct err *e)
{
	char file[FILE_PATH_MAX + 16];
	struct stat st;

	(void)snprintf(file, sizeof(file), "%s/ca.db", ca->path);
	if (fstatat(ca->dirfd, "ca.db", &st, AT_SYMLINK_NOFOLLOW) == -1) {
		if (errno != ENOENT)
			return err_sys(e, errno, "%s", file);
		return err_set(e, ERR_FORMAT,
		    "%s: there is no CA (no ca.db); "
		    "'mtls-ca --dir %s init' makes one",
		    ca->path, ca->path);
	}
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return err_set(e, ERR_FORMAT,
		    "%s: must be a regular file of uid %u that others "
		    "may not write",
		    file, (unsigned)geteuid());
	return (ca->store = store_open(file, e)) == NULL ? -1 : 0;
}

int
ca_open(struct ca *ca, const char *dir, struct err *e)
{
	memset(ca, 0, sizeof(*ca));
	ca->dirfd = -1;
	if (realpath(dir, ca->path) == NULL) {
		if (errno != ENOENT)
			return err_sys(e, errno, "%s", dir);
		return err_set(e, ERR_FORMAT,
		    "%s: there is no CA; 'mtls-ca --dir %s init' makes "
		    "one",
		    dir, dir);
	}
	if ((ca->dirfd = folder_open(ca->path, e)) == -1 || ca_open_store(ca, e) == -1 ||
	    ca_load_cert(ca, PROFILE_ROOT, &ca->root, e) == -1 ||
	    ca_load_cert(ca, PROFILE_INTERMEDIATE, &ca->intermediate, e) == -1) {
		ca_close(ca);
		return -1;
	}
	return 0;
}

void
ca_close(struct ca *ca)
{
	store_close(ca->store);
	X509_free(ca->root);
	X509_free(ca->intermediate);
	if (ca->dirfd != -1)
		(void)close(ca->dirfd);
	ca->dirfd = -1;
	ca->store = NULL;
	ca->root = ca->intermediate = NULL;
}

EVP_PKEY *
ca_key(struct ca *ca, enum profile which, struct passphrase *p, struct env *env, struct err *e)
{
	X509 *cert = which == PROFILE_ROOT ? ca->root : ca->intermediate;
	char name[32];
	EVP_PKEY *key;
	int fits;

	(void)snprintf(name, sizeof(name), "%s.key", profile_word(which));
	if ((key = key_read(ca->dirfd, name, p, env->err, e)) == NULL) {
		err_prefix(e, "%s", ca->path);
		return NULL;
	}
	fits = X509_check_private_key(cert, key) == 1;
	ERR_clear_error();
	if (fits)
		return key;
	EVP_PKEY_free(key);
	err_set(
	    e, ERR_FORMAT, "%s/%s: is not the key of %s.pem", ca->path, name, profile_word(which));
	return NULL;
}

int
ca_row(
    X509 *cert, enum profile p, const char *name, int64_t now, struct store_cert *c, struct err *e)
{
	memset(c, 0, sizeof(*c));
	if (serial_text(X509_get0_serialNumber(cert), c->serial, e) == -1 ||
	    cert_times(cert, &c->not_before, &c->not_after, e) == -1)
		return -1;
	if (strlen(name) >= sizeof(c->name))
		return err_set(e, ERR_FORMAT, "the name is too long");
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	(void)snprintf(c->profile, sizeof(c->profile), "%s", profile_word(p));
	(void)snprintf(c->issuer, sizeof(c->issuer), "%s",
	    p == PROFILE_ROOT || p == PROFILE_INTERMEDIATE ? profile_word(PROFILE_ROOT)
							   : profile_word(PROFILE_INTERMEDIATE));
	c->issued = now;
	return cert_der(cert, &c->der, &c->der_len, c->sha256, e);
}

int
ca_find(struct ca *ca, const char *word, struct store_cert *c, struct err *e)
{
	char serial[SERIAL_TEXT];
	X509 *cert;
	int ret;

	if (serial_parse(word, serial) == 0) {
		if ((ret = store_find_cert(ca->store, serial, c, e)) == 1)
			return 0;
		return ret == -1 ? -1
				 : err_set(e, ERR_FORMAT,
				       "serial %s: this CA issued no such "
				       "certificate (a file of that name is ./%s)",
				       serial, word);
	}
	if ((cert = cert_read(AT_FDCWD, word, FILE_ANY, e)) == NULL)
		return -1;
	ret = cert_lookup(ca->store, cert, word, c, e);
	X509_free(cert);
	return ret;
}

int
ca_may_write(const struct ca *ca, const char *path, struct err *e)
{
	static const char *const own[] = { "root.pem", "root.key", "intermediate.pem",
		"intermediate.key", "ca.db", "ca.db-journal" };
	char dir[FILE_PATH_MAX], name[256];
	struct stat there, here;

	if (path_split(path, dir, name, e) == -1)
		return -1;
	if (stat(dir, &there) == -1)
		return err_sys(e, errno, "%s: the folder %s", path, dir);
	if (fstat(ca->dirfd, &here) == -1)
		return err_sys(e, errno, "%s", ca->path);
	if (there.st_dev != here.st_dev || there.st_ino != here.st_ino)
		return 0;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(name, own[i]) == 0)
			return err_set(e, ERR_FORMAT, "%s: is a file of the CA itself", path);
	return 0;
}

int
certs_to_pem(X509 *first, X509 *second, char **pem, size_t *n, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	long len = 0;

	if (bio != NULL && PEM_write_bio_X509(bio, first) == 1 &&
	    (second == NULL || PEM_write_bio_X509(bio, second) == 1))
		len = BIO_get_mem_data(bio, &p);
	if (len > 0 && (*pem = OPENSSL_memdup(p, (size_t)len)) != NULL)
		*n = (size_t)len;
	else
		len = 0;
	ERR_clear_error();
	BIO_free(bio);
	return len > 0 ? 0 : err_nomem(e, "certificate");
}
