/* preload.c - name service modules, loaded while mapping code is still allowed */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "resolve.h"

enum { MODULE_MAX = 32, NSSWITCH_MAX = 16384 };

static bool
is_module_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The words of one "hosts:" line; "[NOTFOUND=return]" is no word. */
static void
each_word(const char *p, const char *end, void (*module)(const char *name))
{
	char name[MODULE_MAX + 1];

	while (p < end && *p != '#') {
		size_t n = 0;

		if (*p == '[') {
			while (p < end && *p != ']')
				p++;
			continue;
		}
		while (p + n < end && is_module_letter(p[n]))
			n++;
		if (n > 0 && n <= MODULE_MAX) {
			memcpy(name, p, n);
			name[n] = '\0';
			module(name);
		}
		p += n > 0 ? n : 1;
	}
}

void
resolve_modules(const char *text, void (*module)(const char *name))
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		const char *line = text + strspn(text, " \t");

		if (strncmp(line, "hosts:", 6) == 0)
			each_word(line + 6, text + n, module);
		text += n + (text[n] == '\n');
	}
}

/* The handle is kept for good: getaddrinfo() then finds the library by its name. */
static void
load(const char *name)
{
	char file[MODULE_MAX + 32];

	(void)snprintf(file, sizeof(file), "libnss_%s.so.2", name);
	(void)!dlopen(file, RTLD_NOW);
}

void
resolve_preload(void)
{
	char text[NSSWITCH_MAX];
	int fd = open("/etc/nsswitch.conf", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	resolve_modules(text, load);
}
