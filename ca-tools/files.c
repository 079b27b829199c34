/* files.c - reading the administrator's files, and writing by temporary file, fsync and rename */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "files.h"
#include "text.h"

static int
file_judge(int fd, const char *name, size_t max, enum file_care care, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(e, errno, "%s", name);
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_FORMAT, "%s: is a folder, a file is needed", name);
	if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max)
		return err_set(e, ERR_FORMAT, "%s: has %jd bytes, at most %zu are allowed", name,
		    (intmax_t)st.st_size, max);
	if (care == FILE_ANY)
		return 0;
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FORMAT, "%s: is not a regular file", name);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_FORMAT, "%s: belongs to uid %u, not to uid %u who runs this",
		    name, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & (care == FILE_SECRET ? 077U : 022U)) != 0)
		return err_set(e, ERR_FORMAT, "%s: mode %03o lets others %s it; chmod %s", name,
		    (unsigned)st.st_mode & 0777U, care == FILE_SECRET ? "read or write" : "write",
		    care == FILE_SECRET ? "600" : "go-w");
	return 0;
}

/* Pipes have no size to ask for beforehand: read until the end or one byte above the limit. */
static int
file_slurp(int fd, const char *name, size_t max, char **data, size_t *n, struct err *e)
{
	size_t have = 0, size = max < 4096 ? max + 2 : 4096;
	char *buf, *more;
	ssize_t r;

	if ((buf = OPENSSL_malloc(size)) == NULL)
		return err_nomem(e, name);
	for (;;) {
		/* one byte stays free for the NUL */
		if (have == size - 1) {
			if ((more = OPENSSL_clear_realloc(buf, size, size * 2)) == NULL) {
				OPENSSL_clear_free(buf, size);
				return err_nomem(e, name);
			}
			buf = more;
			size *= 2;
		}
		r = read(fd, buf + have, size - 1 - have);
		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0 || have + (size_t)r > max)
			break;
		have += (size_t)r;
	}
	if (r != 0) {
		int saved = errno;

		OPENSSL_clear_free(buf, size);
		if (r < 0)
			return err_sys(e, saved, "%s", name);
		return err_set(e, ERR_FORMAT, "%s: more than %zu bytes", name, max);
	}
	buf[have] = '\0';
	*data = buf;
	*n = have;
	return 0;
}

int
infile_read(int dirfd, const char *name, size_t max, enum file_care care, char **data, size_t *n,
    struct err *e)
{
	int fd, ret;

	fd = openat(dirfd, name,
	    O_RDONLY | O_CLOEXEC | O_NOCTTY | (care == FILE_ANY ? 0 : O_NOFOLLOW | O_NONBLOCK));
	if (fd == -1)
		return err_sys(e, errno, "%s", name);
	ret = file_judge(fd, name, max, care, e);
	if (ret == 0)
		ret = file_slurp(fd, name, max, data, n, e);
	(void)close(fd);
	return ret;
}

int
path_split(const char *path, char dir[FILE_PATH_MAX], char name[256], struct err *e)
{
	const char *slash = strrchr(path, '/'), *last = slash == NULL ? path : slash + 1;
	size_t dirlen = slash == NULL ? 0 : (size_t)(slash - path);

	if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return err_set(e, ERR_FORMAT, "%s: is not the name of a file", path);
	if (strlen(last) > 240 || dirlen >= FILE_PATH_MAX)
		return err_set(e, ERR_FORMAT, "%.80s...: the name is too long", path);
	(void)snprintf(name, 256, "%s", last);
	if (slash == NULL)
		(void)snprintf(dir, FILE_PATH_MAX, ".");
	else
		(void)snprintf(dir, FILE_PATH_MAX, "%.*s", dirlen == 0 ? 1 : (int)dirlen, path);
	return 0;
}

static int
write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, data, n);

		if (w == -1 && errno == EINTR)
			continue;
		if (w == -1)
			return -1;
		data += w;
		n -= (size_t)w;
	}
	return 0;
}

void
outfile_init(struct outfile *o)
{
	o->dirfd = -1;
	o->temp[0] = '\0';
}

static int
outfile_target(struct outfile *o, const char *path, struct err *e)
{
	char dir[FILE_PATH_MAX];
	struct stat st;

	if (strlen(path) >= sizeof(o->path))
		return err_set(e, ERR_FORMAT, "%.80s...: the name is too long", path);
	(void)snprintf(o->path, sizeof(o->path), "%s", path);
	if (path_split(path, dir, o->name, e) == -1)
		return -1;
	if ((o->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return err_sys(e, errno, "%s: the folder %s", path, dir);
	if (fstatat(o->dirfd, o->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, ERR_FORMAT,
		    "%s: is there and is not a regular file; it would be "
		    "replaced",
		    path);
	return 0;
}

int
outfile_prepare(
    struct outfile *o, const char *path, mode_t mode, const void *data, size_t n, struct err *e)
{
	uint8_t rnd[8];
	char hex[2 * sizeof(rnd) + 1];
	int fd = -1, ret = -1;

	outfile_init(o);
	if (outfile_target(o, path, e) == -1)
		goto out;
	if (getrandom(rnd, sizeof(rnd), 0) != (ssize_t)sizeof(rnd)) {
		err_sys(e, errno, "getrandom");
		goto out;
	}
	(void)snprintf(o->temp, sizeof(o->temp), ".%s.%s", o->name,
	    text_hex(hex, sizeof(hex), rnd, sizeof(rnd)));
	fd = openat(o->dirfd, o->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1) {
		err_sys(e, errno, "%s: making a temporary file beside it", path);
		o->temp[0] = '\0';
		goto out;
	}
	if (write_all(fd, data, n) == -1 || fchmod(fd, mode) == -1 || fsync(fd) == -1) {
		err_sys(e, errno, "%s: writing", path);
		goto out;
	}
	ret = 0;
out:
	if (fd != -1)
		(void)close(fd);
	if (ret == -1)
		outfile_discard(o);
	return ret;
}

int
outfile_commit(struct outfile *o, struct err *e)
{
	int ret = 0;

	if (renameat(o->dirfd, o->temp, o->dirfd, o->name) == -1) {
		err_sys(e, errno, "%s: renaming", o->path);
		outfile_discard(o);
		return -1;
	}
	o->temp[0] = '\0';
	if (fsync(o->dirfd) == -1)
		ret = err_sys(e, errno, "%s: syncing its folder", o->path);
	outfile_discard(o);
	return ret;
}

void
outfile_discard(struct outfile *o)
{
	if (o->dirfd != -1 && o->temp[0] != '\0')
		(void)unlinkat(o->dirfd, o->temp, 0);
	if (o->dirfd != -1)
		(void)close(o->dirfd);
	outfile_init(o);
}

int
outfile_write(const char *path, mode_t mode, const void *data, size_t n, struct err *e)
{
	struct outfile o;

	if (outfile_prepare(&o, path, mode, data, n, e) == -1)
		return -1;
	return outfile_commit(&o, e);
}

int
folder_sync(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;

	if (fd == -1)
		return err_sys(e, errno, "%s", path);
	if (fsync(fd) == -1)
		ret = err_sys(e, errno, "%s: fsync", path);
	(void)close(fd);
	return ret;
}

int
folder_open(const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return err_sys(e, errno, "%s", path);
	if (fstat(fd, &st) == -1)
		err_sys(e, errno, "%s", path);
	else if (st.st_uid != geteuid())
		err_set(e, ERR_FORMAT, "%s: belongs to uid %u, not to uid %u who runs this", path,
		    (unsigned)st.st_uid, (unsigned)geteuid());
	else if ((st.st_mode & 022) != 0)
		err_set(e, ERR_FORMAT, "%s: mode %03o lets others write in it; chmod 700", path,
		    (unsigned)st.st_mode & 0777U);
	else
		return fd;
	(void)close(fd);
	return -1;
}
