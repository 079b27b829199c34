/* service.c - `reload` and `drain` */
#include "ctl.h"

int
ctl_reload(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	uint32_t force = 0;
	uint8_t buf[64];
	struct msg_out o;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return ctl_usage("reload takes only --force");
		force = 1;
	}
	if (optind < argc)
		return ctl_usage("reload takes only --force");
	msg_start(&o, buf, sizeof(buf), MSG_RELOAD, 0);
	msg_put_u32(&o, force);
	return line_ask(ctl, &o);
}

int
ctl_drain(const struct ctl *ctl, int argc, char **argv)
{
	uint8_t buf[64];
	struct msg_out o;

	(void)argv;
	if (argc > 1)
		return ctl_usage("drain takes nothing");
	msg_start(&o, buf, sizeof(buf), MSG_DRAIN, 0);
	return line_ask(ctl, &o);
}
