/* test_auth.c - who logs in: keys shown and keys proven, names, tries, other methods */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/help/jumpplay.h"

static void
a_key_that_ident_grants_logs_in(void **state)
{
	static struct jumpplay p;
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	ssh_session s;

	(void)state;
	jumpplay_start(&p);
	jumpplay_ready(&p);
	s = jumpplay_client(&p, jumpplay_connect(&p), "alice");
	assert_int_equal(SSH_AUTH_SUCCESS, jumpplay_publickey(&p, s, NULL, key));
	assert_string_equal("alice", p.account);
	assert_true(p.last_proven);
	jumpplay_log(&p, "ssh-login", "account=alice");
	ssh_disconnect(s);
	ssh_free(s);
	jumpplay_log(&p, "ssh-ended", "account=alice");
	assert_int_equal(0, jumpplay_status(&p));
	jumpplay_end(&p);
	ssh_key_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_ident_grants_logs_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
