/* raw_help.h - one jump process and a client that sends it whatever a test wants */
#ifndef RAW_HELP_H
#define RAW_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/help/jumpplay.h"
#include "tests/unit/help/sshraw.h"

enum { DISCONNECT = 1, FAILURE = 51, SUCCESS = 52, BANNER = 53, SERVICE_ACCEPT = 6 };
enum { INFO_REQUEST = 60, INFO_RESPONSE };
enum { IGNORE = 2, KEXINIT = 20 };
enum { GLOBAL_REQUEST = 80, REQUEST_FAILURE = 82 };
enum { CHANNEL_OPEN = 90, OPEN_CONFIRMATION, OPEN_FAILURE, WINDOW_ADJUST, CHANNEL_DATA };
enum { CHANNEL_CLOSE = 97, CHANNEL_REQUEST };

static struct jumpplay p;
static struct sshraw *raw;

/* The next packet of the server's; 0: it has ended. Its payload in *payload. */
static int
next(const uint8_t **payload)
{
	size_t n;
	bool end = false;

	for (int i = 0; i < 6000; i++) {
		struct pollfd pf = { .fd = sshraw_fd(raw), .events = POLLIN };
		const uint8_t *got;

		if (sshraw_flush(raw) == -1)
			return 0;
		if ((got = sshraw_next(raw, &n, &end)) != NULL) {
			*payload = got;
			return got[0];
		}
		if (end)
			return 0;
		(void)poll(&pf, 1, 10);
		(void)jumpplay_answer(&p, 0);
	}
	fail_msg("nothing came");
	return 0;
}

static void
start(void)
{
	const uint8_t *got;
	size_t n;
	bool end = false;

	jumpplay_start(&p);
	jumpplay_ready(&p);
	raw = sshraw_new(jumpplay_connect(&p));
	assert_non_null(raw);
	for (int i = 0; i < 6000 && !sshraw_ready(raw); i++) {
		struct pollfd pf = { .fd = sshraw_fd(raw), .events = POLLIN };

		assert_int_equal(0, sshraw_flush(raw));
		(void)poll(&pf, 1, 10);
		got = sshraw_next(raw, &n, &end);
		assert_null(got);
		assert_false(end);
	}
}

static void
ask_service(void)
{
	const uint8_t *got;

	sshraw_sendf(raw, "bs", 5, "ssh-userauth");
	assert_int_equal(SERVICE_ACCEPT, next(&got));
}

static void
log_in(void)
{
	const uint8_t *got;

	ask_service();
	sshraw_userauth(raw, "alice");
	assert_int_equal(SUCCESS, next(&got));
}

/* Nothing but a farewell comes, and the process ends by itself. */
static void
is_ended(void)
{
	const uint8_t *got;
	int type;

	while ((type = next(&got)) != 0)
		if (type == SUCCESS)
			fail_msg("authenticated");
	sshraw_free(raw);
	assert_int_equal(0, jumpplay_status(&p));
	jumpplay_end(&p);
}

static void
leave(void)
{
	sshraw_free(raw);
	assert_int_equal(0, jumpplay_status(&p));
	jumpplay_end(&p);
}

#endif
