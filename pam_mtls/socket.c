/* socket.c - SSH_CONNECTION is a hint; the kernel says which socket has these two ends */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket.h"

#define HINT_MAX 255 /* sshd writes at most 2 × 50 bytes and two ports */

/* Decimal digits only, no sign, no leading zero. */
static int
parse_number(const char *s, uint32_t max, uint32_t *v)
{
	uint64_t x = 0;

	if (s[0] == '\0' || (s[0] == '0' && s[1] != '\0'))
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		x = x * 10 + (uint64_t)(*s - '0');
		if (x > max)
			return -1;
	}
	*v = (uint32_t)x;
	return 0;
}

static void
end_set(struct socket_end *end, const void *addr, bool six, uint32_t scope, uint16_t port)
{
	struct in6_addr in6;

	*end = (struct socket_end){ .family = 4, .port = port };
	if (!six) {
		memcpy(end->addr, addr, 4);
		return;
	}
	memcpy(&in6, addr, sizeof(in6));
	if (IN6_IS_ADDR_V4MAPPED(&in6)) {
		memcpy(end->addr, in6.s6_addr + 12, 4);
		return;
	}
	end->family = 6;
	end->scope = scope;
	memcpy(end->addr, &in6, sizeof(in6));
}

/* An address (its "%scope" is cut off in place) and a port, both as text. */
static int
end_parse(char *addr, const char *port_text, struct socket_end *end)
{
	struct in_addr in;
	struct in6_addr in6;
	uint32_t port, scope = 0;
	char *percent = strchr(addr, '%');

	if (parse_number(port_text, UINT16_MAX, &port) == -1 || port == 0)
		return -1;
	if (percent != NULL)
		*percent++ = '\0';
	if (percent == NULL && inet_pton(AF_INET, addr, &in) == 1) {
		end_set(end, &in, false, 0, (uint16_t)port);
		return 0;
	}
	if (inet_pton(AF_INET6, addr, &in6) != 1)
		return -1;
	if (percent != NULL && parse_number(percent, UINT32_MAX, &scope) == -1)
		scope = if_nametoindex(percent);
	if (percent != NULL && scope == 0)
		return -1;
	end_set(end, &in6, true, scope, (uint16_t)port);
	return 0;
}

int
socket_hint(const char *text, struct socket_ends *ends, struct err *e)
{
	char buf[HINT_MAX + 1], *word[4] = { buf };
	struct socket_ends r;
	size_t n = strlen(text), words = 1;

	if (n > HINT_MAX)
		return err_set(e, ERR_PEER, "SSH_CONNECTION is too long");
	memcpy(buf, text, n + 1);
	for (char *p = buf; *p != '\0'; p++) {
		if (*p != ' ')
			continue;
		if (words == 4)
			return err_set(e, ERR_PEER, "SSH_CONNECTION has more than four words");
		*p = '\0';
		word[words++] = p + 1;
	}
	if (words != 4 || end_parse(word[0], word[1], &r.remote) == -1 ||
	    end_parse(word[2], word[3], &r.local) == -1)
		return err_set(
		    e, ERR_PEER, "SSH_CONNECTION does not name two ends of a connection");
	*ends = r;
	return 0;
}

static int
end_of(const struct sockaddr_storage *ss, struct socket_end *end)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (ss->ss_family == AF_INET) {
		memcpy(&in, ss, sizeof(in));
		end_set(end, &in.sin_addr, false, 0, ntohs(in.sin_port));
		return 0;
	}
	if (ss->ss_family == AF_INET6) {
		memcpy(&in6, ss, sizeof(in6));
		end_set(end, &in6.sin6_addr, true, in6.sin6_scope_id, ntohs(in6.sin6_port));
		return 0;
	}
	return -1;
}

/* Whether `fd` is a connected TCP socket with these ends; no descriptor can make this fail. */
static bool
has_ends(int fd, const struct socket_ends *want)
{
	struct sockaddr_storage local, remote;
	struct socket_ends have;
	socklen_t n = sizeof(local), m = sizeof(remote), k = sizeof(int);
	int type = 0, protocol = 0;

	memset(&local, 0, sizeof(local));
	memset(&remote, 0, sizeof(remote));
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &k) == -1 || type != SOCK_STREAM)
		return false;
	k = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &k) == -1 || protocol != IPPROTO_TCP)
		return false;
	if (getsockname(fd, (struct sockaddr *)&local, &n) == -1 ||
	    getpeername(fd, (struct sockaddr *)&remote, &m) == -1)
		return false;
	if (end_of(&local, &have.local) == -1 || end_of(&remote, &have.remote) == -1)
		return false;
	return memcmp(&have, want, sizeof(have)) == 0;
}

/*
 * A duplicate of `fd` if it is the one; -1 with errno 0 if not. It is asked twice: another thread
 * may close `fd` and open something else under its number, but not under the duplicate's.
 */
static int
take_if_match(int fd, const struct socket_ends *want)
{
	int copy;

	errno = 0;
	if (!has_ends(fd, want)) {
		errno = 0;
		return -1;
	}
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy != -1 && !has_ends(copy, want)) {
		close(copy);
		errno = 0;
		return -1;
	}
	return copy;
}

static int
search(DIR *dir, const struct socket_ends *want, struct deadline d, struct err *e)
{
	struct dirent *entry;
	uint32_t fd;
	int copy;

	/* readdir(3) on a stream of one's own is safe among threads in glibc */
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		if (parse_number(entry->d_name, INT32_MAX, &fd) == -1)
			continue;
		if (deadline_left(d) == 0)
			return err_sys(e, ETIMEDOUT, "looking through the own descriptors");
		if ((copy = take_if_match((int)fd, want)) != -1)
			return copy;
		if (errno != 0)
			return err_sys(e, errno, "duplicate the connection");
	}
	if (errno != 0)
		return err_sys(e, errno, "/proc/thread-self/fd");
	return err_set(e, ERR_PEER,
	    "no descriptor of this process is the connection that "
	    "SSH_CONNECTION names");
}

int
socket_find(const struct socket_ends *ends, struct deadline d, struct err *e)
{
	/* thread-self: /proc/self is empty once the first thread of a program has ended */
	DIR *dir = opendir("/proc/thread-self/fd");
	int fd;

	if (dir == NULL)
		return err_sys(e, errno, "/proc/thread-self/fd");
	fd = search(dir, ends, d, e);
	closedir(dir);
	return fd;
}
