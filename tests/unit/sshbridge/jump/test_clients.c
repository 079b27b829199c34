/* test_clients.c - stock ssh at the jump process: what it shows, what it refuses, how it ends */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/help/jumpplay.h"

/* A folder with a key, and the socket that ProxyCommand connects to. */
struct place {
	char dir[64], sock[96], key[96], proxy[512];
	int listener;
};

static const char connector[] =
    "import os,select,socket,sys;s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1])\n"
    "while True:\n"
    " for f in select.select([0,s],[],[])[0]:\n"
    "  d=os.read(0,65536) if f==0 else s.recv(65536)\n"
    "  if not d: sys.exit(0)\n"
    "  s.sendall(d) if f==0 else os.write(1,d)\n";

static void
write_file(const char *path, const char *text, size_t n)
{
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	assert_int_equal(n, fwrite(text, 1, n, fp));
	assert_int_equal(0, fclose(fp));
	assert_int_equal(0, chmod(path, 0600));
}

static void
place_make(struct place *pl)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	char path[96];
	char *text = NULL;

	(void)snprintf(pl->dir, sizeof(pl->dir), "/tmp/jumpplay.XXXXXX");
	assert_non_null(mkdtemp(pl->dir));
	(void)snprintf(pl->key, sizeof(pl->key), "%s/key", pl->dir);
	assert_int_equal(SSH_OK, ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text));
	write_file(pl->key, text, strlen(text));
	ssh_string_free_char(text);
	ssh_key_free(key);
	(void)snprintf(path, sizeof(path), "%s/connect.py", pl->dir);
	write_file(path, connector, strlen(connector));
	(void)snprintf(pl->sock, sizeof(pl->sock), "%s/sock", pl->dir);
	(void)snprintf(pl->proxy, sizeof(pl->proxy), "ProxyCommand=python3 %s %s", path, pl->sock);
	memcpy(un.sun_path, pl->sock, strlen(pl->sock) + 1);
	pl->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(0, bind(pl->listener, (struct sockaddr *)&un, sizeof(un)));
	assert_int_equal(0, listen(pl->listener, 1));
}

static void
place_remove(struct place *pl)
{
	char path[160];
	static const char *const names[] = { "key", "connect.py", "sock" };

	close(pl->listener);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", pl->dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(pl->dir);
}
