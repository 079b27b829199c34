/* explain.c - `explain`: what a certificate may do, by what is in force */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "ctl.h"

struct question {
	const char *file, *account, *service;
	struct sockaddr_storage from;
};

/* Lines until the verdict. */
static int
print_answer(struct line *l)
{
	char text[3200];
	struct err e;
	uint32_t level;
	int r;

	for (;;) {
		if ((r = line_recv(l)) != 0)
			return r;
		if (l->m.type != MSG_TEXT)
			return line_answer(l);
		if (msg_get_u32(&l->m, &level) == -1 ||
		    msg_get_str(&l->m, text, sizeof(text)) == -1 || msg_end(&l->m, &e) == -1)
			return line_misunderstood();
		text_clean(text);
		if (level >= CHILD_NOTICE)
			(void)printf("%s\n", text);
		else
			(void)ctl_say(0, "%s", text);
	}
}

static int
ask(struct line *l, const struct question *q, int fd)
{
	const struct passwd *pw = q->account[0] == '\0' ? NULL : getpwnam(q->account);
	uint8_t buf[4096];
	char name[512];
	struct msg_out o;
	int r;

	(void)snprintf(name, sizeof(name), "%s", q->file);
	msg_start(&o, buf, sizeof(buf), MSG_EXPLAIN, 0);
	msg_put_str(&o, q->account);
	msg_put_u32(&o, pw != NULL);
	msg_put_u32(&o, pw == NULL ? 0 : pw->pw_uid);
	msg_put_str(&o, q->service);
	addr_put(&q->from, &o);
	msg_put_str(&o, name);
	if ((r = line_send(l, &o, &fd)) != 0)
		return r;
	return print_answer(l);
}

static int
parse(int argc, char **argv, struct question *q)
{
	static const struct option options[] = {
		{ "account", required_argument, NULL, 'a' },
		{ "service", required_argument, NULL, 's' },
		{ "from", required_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	const char *from = "127.0.0.1";
	struct err e;
	int c;

	*q = (struct question){ .account = "", .service = "sshd" };
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		const char **to = c == 'a' ? &q->account : c == 's' ? &q->service : &from;

		if (c == '?')
			return ctl_usage("explain takes CERT, --account, --service and --from");
		*to = optarg;
	}
	if (argc - optind != 1)
		return ctl_usage("explain takes one file");
	q->file = argv[optind];
	/* as long as the daemon reads them */
	if (strlen(q->account) > 63 || strlen(q->service) > 63)
		return ctl_usage("--account and --service have at most 63 bytes");
	if (addr_parse(from, &q->from, &e) == -1)
		return ctl_say(EXIT_USAGE, "--from: %s", e.text);
	return 0;
}

int
ctl_explain(const struct ctl *ctl, int argc, char **argv)
{
	static struct line l;
	struct question q;
	int r, fd;

	if ((r = parse(argc, argv, &q)) != 0)
		return r;
	if ((fd = open(q.file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) == -1)
		return ctl_say(EXIT_USAGE, "%s: %s", q.file, strerror(errno));
	if ((r = line_open(&l, ctl)) == 0)
		r = ask(&l, &q, fd);
	close(fd);
	line_close(&l);
	return r;
}
