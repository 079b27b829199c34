/* notify.c - telling the service manager (sd_notify(3)): a datagram, no library */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "monitor.h"

void
notify(struct monitor *m, const char *state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = m->notify_socket == NULL ? 0 : strlen(m->notify_socket);
	int fd;

	if (n < 2 || n >= sizeof(un.sun_path) ||
	    (m->notify_socket[0] != '/' && m->notify_socket[0] != '@'))
		return;
	memcpy(un.sun_path, m->notify_socket, n);
	if (un.sun_path[0] == '@')
		un.sun_path[0] = '\0'; /* an abstract name */
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return;
	/* a service manager that does not read must not stop us: the word is lost then */
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&un,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

void
notify_reloading(struct monitor *m)
{
	struct timespec ts;
	char text[80];

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	(void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
	notify(m, text);
}
