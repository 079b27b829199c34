/* test_kept.c - what a client can have its process keep: memory, secrets, addresses of what is gone
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "raw_help.h"

#ifndef SANITIZED /* its shadow is as large as all addresses */
/* How often `word` is in the memory that the process can write. */
static unsigned
copies(const char *word)
{
	static char line[256], block[1 << 20];
	char path[64];
	unsigned long from, to;
	unsigned n = 0;
	FILE *maps;
	int mem;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)p.stage.pid);
	assert_non_null(maps = fopen(path, "r"));
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)p.stage.pid);
	assert_int_not_equal(-1, mem = open(path, O_RDONLY | O_CLOEXEC));
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx", &from, &to) != 2 || strstr(line, " rw") == NULL)
			continue;
		for (; from < to; from += sizeof(block)) {
			size_t size = to - from < sizeof(block) ? to - from : sizeof(block);
			ssize_t r = pread(mem, block, size, (off_t)from);
			const char *at = block;

			while (r > 0 && (at = memmem(at, (size_t)(block + r - at), word,
					     strlen(word))) != NULL) {
				n++;
				print_message("# at %lx in %s", from + (size_t)(at - block), line);
				at++;
			}
		}
	}
	fclose(maps);
	close(mem);
	return n;
}

static void
answers_to_pam_are_not_kept(void **state)
{
	const uint8_t *got;

	(void)state;
	start();
	p.proven = JUMPPLAY_PAM;
	p.pam_asks = true;
	p.want = "correct horse battery staple";
	ask_service();
	sshraw_userauth(raw, "alice");
	assert_int_equal(FAILURE, next(&got));
	sshraw_sendf(raw, "bsssss", 50, "alice", "ssh-connection", "keyboard-interactive", "", "");
	assert_int_equal(INFO_REQUEST, next(&got));
	sshraw_sendf(raw, "bus", INFO_RESPONSE, 1U, p.want);
	assert_int_equal(SUCCESS, next(&got));
	sshraw_sendf(raw, "bsbs", GLOBAL_REQUEST, "are you there", 1,
	    "what stays of a packet until the next one");
	assert_int_equal(REQUEST_FAILURE, next(&got));
	/* whole, that is: freed memory of libssh's has its end until it is used again */
	assert_int_equal(0, copies(p.want));
	leave();
}
#endif

/* ---- a session channel that the server has closed, and the client has not ---------------------
 */

/* Open one, ask, read up to the server's CLOSE; its number there. */
static uint32_t
answered(void)
{
	const uint8_t *got;
	uint32_t theirs;

	sshraw_sendf(raw, "bsuuu", CHANNEL_OPEN, "session", 7U, 1U << 20, 32768U);
	assert_int_equal(OPEN_CONFIRMATION, next(&got));
	assert_int_equal(7, sshraw_u32(got + 1));
	theirs = sshraw_u32(got + 5);
	sshraw_sendf(raw, "busbs", CHANNEL_REQUEST, theirs, "exec", 0, "list --json");
	while (next(&got) != CHANNEL_CLOSE)
		assert_int_not_equal(0, got[0]);
	return theirs;
}

/* libssh queues the request with the address of its channel, and the CLOSE behind frees that. */
static void
a_request_whose_channel_is_gone_is_not_answered(void **state)
{
	struct sshraw_payload request, bye;
	const uint8_t *got;

	(void)state;
	start();
	log_in();
	for (int i = 0; i < 8; i++) {
		uint32_t theirs = answered();

		sshraw_pack(&request, "busb", CHANNEL_REQUEST, theirs, "no-such-request", 1);
		sshraw_pack(&bye, "bu", CHANNEL_CLOSE, theirs);
		/* in one read of the server's */
		sshraw_send(raw, request.buf, request.n);
		sshraw_send(raw, bye.buf, bye.n);
		/* queued behind it, as libssh's own answers are not */
		sshraw_sendf(raw, "bsbsu", GLOBAL_REQUEST, "tcpip-forward", 1, "localhost", 0U);
		assert_int_equal(REQUEST_FAILURE, next(&got));
	}
	leave();
}

static size_t
memory_kb(void)
{
	char path[64], line[256];
	size_t kb = 0;
	FILE *fp;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)p.stage.pid);
	assert_non_null(fp = fopen(path, "r"));
	while (fgets(line, sizeof(line), fp) != NULL)
		(void)sscanf(line, "VmHWM: %zu kB", &kb);
	fclose(fp);
	return kb;
}

static void
data_after_the_answer_is_not_kept(void **state)
{
	static const uint8_t zeros[32768];
	const uint8_t *got;
	uint32_t theirs;
	size_t before;

	(void)state;
	start();
	log_in();
	theirs = answered();
	before = memory_kb();
	for (int i = 0; i < 64; i++) {
		for (int k = 0; k < 32; k++)
			sshraw_sendf(raw, "bun", CHANNEL_DATA, theirs, zeros, sizeof(zeros));
		sshraw_sendf(raw, "bsb", GLOBAL_REQUEST, "are you there", 1);
		/* between them, windows */
		while (next(&got) != REQUEST_FAILURE)
			assert_int_equal(WINDOW_ADJUST, got[0]);
	}
	print_message("# note: 64 MB: %zu kB more\n", memory_kb() - before);
#ifndef SANITIZED
	assert_true(memory_kb() - before < 8192);
#endif
	leave();
}

/* Such channels count as open: there are four. */
static void
a_client_that_closes_nothing_uses_up_its_channels(void **state)
{
	const uint8_t *got;
	uint32_t theirs = 0;

	(void)state;
	start();
	log_in();
	for (int i = 0; i < 4; i++)
		theirs = answered();
	sshraw_sendf(raw, "bsuuu", CHANNEL_OPEN, "session", 8U, 1U << 20, 32768U);
	assert_int_equal(OPEN_FAILURE, next(&got));
	/* one is closed and the next is opened in one read of the server's */
	sshraw_sendf(raw, "bu", CHANNEL_CLOSE, theirs);
	(void)answered();
	assert_int_equal(5, p.abouts);
	leave();
}

static void
send_all(void)
{
	while (sshraw_unsent(raw)) {
		struct pollfd pf = { .fd = sshraw_fd(raw), .events = POLLOUT };

		(void)poll(&pf, 1, 10);
		(void)sshraw_flush(raw); /* its end is seen by reading */
	}
}

static void
a_client_that_needs_no_answers_may_go_on(void **state)
{
	const uint8_t *got;

	(void)state;
	start();
	log_in();
	for (int i = 0; i < 200; i++) {
		for (int k = 0; k < 1000; k++)
			sshraw_sendf(raw, "bs", IGNORE, "x");
		send_all();
	}
	sshraw_sendf(raw, "bsb", GLOBAL_REQUEST, "are you there", 1);
	assert_int_equal(REQUEST_FAILURE, next(&got));
	leave();
}

/* All that is answered while the server waits for a key exchange is kept by libssh. */
static void
a_key_exchange_that_is_not_gone_on_with_ends_it(void **state)
{
	static const uint8_t zeros[32768];
	const uint8_t *got;
	size_t before, most, n;
	bool end = false;

	(void)state;
	start();
	log_in();
	sshraw_no_rekey(raw);
	/* it begins one after 1 GB */
	do {
		for (int k = 0; k < 32; k++)
			sshraw_sendf(raw, "bn", IGNORE, zeros, sizeof(zeros));
		send_all();
		got = sshraw_next(raw, &n, &end);
	} while (got == NULL && !end);
	assert_true(got != NULL && got[0] == KEXINIT);
	before = most = memory_kb();
	for (int i = 0; i < 300; i++) {
		for (int k = 0; k < 1000; k++)
			sshraw_sendf(raw, "bsb", GLOBAL_REQUEST, "x", 1);
		send_all();
		n = memory_kb(); /* 0: it has ended */
		most = n > most ? n : most;
	}
	print_message("# note: %zu kB more\n", most - before);
#ifndef SANITIZED
	assert_true(most - before < 16384);
#endif
	jumpplay_log(&p, "ssh-ended", "key exchange");
	is_ended();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#ifndef SANITIZED
		cmocka_unit_test(answers_to_pam_are_not_kept),
#endif
		cmocka_unit_test(a_request_whose_channel_is_gone_is_not_answered),
		cmocka_unit_test(data_after_the_answer_is_not_kept),
		cmocka_unit_test(a_client_that_closes_nothing_uses_up_its_channels),
		cmocka_unit_test(a_client_that_needs_no_answers_may_go_on),
		cmocka_unit_test(a_key_exchange_that_is_not_gone_on_with_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
