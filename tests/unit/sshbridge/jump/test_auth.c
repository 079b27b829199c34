/* test_auth.c - who logs in: keys shown and keys proven, names, tries, other methods */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/help/jumpplay.h"

static struct jumpplay p;

static ssh_session
start(const char *user)
{
	jumpplay_start(&p);
	jumpplay_ready(&p);
	return jumpplay_client(&p, jumpplay_connect(&p), user);
}

/* The client leaves, or was left; the process ends by itself. */
static void
end(ssh_session s)
{
	if (ssh_is_connected(s))
		ssh_disconnect(s);
	ssh_free(s);
	assert_int_equal(0, jumpplay_status(&p));
	jumpplay_end(&p);
}

static void
a_key_that_ident_grants_logs_in(void **state)
{
	static const struct {
		enum ssh_keytypes_e type;
		int parameter;
		const char *name;
	} keys[] = {
		{ SSH_KEYTYPE_ED25519, 0, "ssh-ed25519" },
		{ SSH_KEYTYPE_ECDSA, 256, "ecdsa-sha2-nistp256" },
		{ SSH_KEYTYPE_ECDSA, 521, "ecdsa-sha2-nistp521" },
		{ SSH_KEYTYPE_RSA, 2048, "ssh-rsa" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		ssh_key key = jumpplay_key(keys[i].type, keys[i].parameter);
		ssh_session s = start("alice");

		/* a round trip: server-sig-algs has come by then, without which RSA means SHA-1 */
		assert_int_equal(SSH_AUTH_DENIED, jumpplay_none(&p, s));
		assert_int_equal(SSH_AUTH_SUCCESS, jumpplay_publickey(&p, s, NULL, key));
		assert_string_equal("alice", p.account);
		assert_true(p.last_proven);
		assert_memory_equal(keys[i].name, p.blob + 4, strlen(keys[i].name));
		jumpplay_log(&p, "ssh-login", "account=alice");
		end(s);
		ssh_key_free(key);
	}
}

static void
a_key_that_is_shown_proves_nothing(void **state)
{
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	ssh_session s = start("alice");

	(void)state;
	assert_int_equal(SSH_AUTH_SUCCESS, jumpplay_offer(&p, s, NULL, key)); /* "go on and sign" */
	assert_int_equal(1, p.logins);
	assert_false(p.last_proven);
	end(s);
	ssh_key_free(key);
}

static void
a_key_offered_is_not_the_key_that_signed(void **state)
{
	ssh_key a = jumpplay_key(SSH_KEYTYPE_ED25519, 0), b = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	ssh_session s = start("alice");
	uint8_t first[4096];

	(void)state;
	assert_int_equal(SSH_AUTH_SUCCESS, jumpplay_offer(&p, s, NULL, a));
	memcpy(first, p.blob, p.blob_len);
	p.proven = JUMPPLAY_NO; /* B is nobody's */
	assert_int_equal(SSH_AUTH_DENIED, jumpplay_publickey(&p, s, NULL, b));
	assert_true(p.last_proven);
	assert_memory_not_equal(first, p.blob, p.blob_len);
	end(s);
	ssh_key_free(a);
	ssh_key_free(b);
}

static void
idents_no_is_no(void **state)
{
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	ssh_session s = start("alice");

	(void)state;
	p.proven = JUMPPLAY_NO;
	assert_int_equal(SSH_AUTH_DENIED, jumpplay_publickey(&p, s, NULL, key));
	jumpplay_log(&p, "ssh-refused", "key-state=proven");
	assert_int_equal(SSH_AUTH_METHOD_PUBLICKEY, ssh_userauth_list(s, NULL));
	end(s);
	ssh_key_free(key);
}

static void
only_publickey_is_offered(void **state)
{
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	ssh_session s = start("alice");

	(void)state;
	assert_int_equal(SSH_AUTH_DENIED, jumpplay_none(&p, s));
	assert_int_equal(SSH_AUTH_METHOD_PUBLICKEY, ssh_userauth_list(s, NULL));
	assert_int_equal(SSH_AUTH_DENIED, jumpplay_password(&p, s));
	jumpplay_log(&p, "ssh-refused", "a method that is not offered");
	assert_int_equal(SSH_AUTH_DENIED, jumpplay_none(&p, s));
	jumpplay_log(&p, "ssh-refused", "a method that is not offered");
	assert_int_equal(0, p.logins);
	/* and the right one still goes */
	assert_int_equal(SSH_AUTH_SUCCESS, jumpplay_publickey(&p, s, NULL, key));
	end(s);
	ssh_key_free(key);
}

static void
another_name_half_way_ends_it(void **state)
{
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	ssh_session s = start("alice");

	(void)state;
	assert_int_equal(SSH_AUTH_SUCCESS, jumpplay_offer(&p, s, "alice", key));
	assert_int_not_equal(SSH_AUTH_SUCCESS, jumpplay_publickey(&p, s, "root", key));
	assert_non_null(strstr(jumpplay_farewell(&p, s), "the user name must not change"));
	assert_int_equal(1, p.logins);
	jumpplay_log(&p, "ssh-ended", "another user name half-way");
	end(s);
	ssh_key_free(key);
}

static void
a_name_too_long_ends_it(void **state)
{
	char name[300];
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	ssh_session s;

	(void)state;
	memset(name, 'a', sizeof(name));
	name[255] = '\0';
	s = start(name);
	assert_int_equal(SSH_AUTH_SUCCESS, jumpplay_offer(&p, s, NULL, key));
	assert_int_equal(255, strlen(p.account));
	end(s);
	name[255] = 'a';
	name[256] = '\0';
	s = start(name);
	assert_int_not_equal(SSH_AUTH_SUCCESS, jumpplay_offer(&p, s, NULL, key));
	assert_int_equal(0, p.logins);
	end(s);
	ssh_key_free(key);
}

static void
the_tenth_refusal_ends_it(void **state)
{
	ssh_session s = start("alice");
	int r = SSH_AUTH_DENIED, n = 0;

	(void)state;
	p.probe = JUMPPLAY_NO;
	while (r == SSH_AUTH_DENIED && n < 10) {
		ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);

		r = jumpplay_offer(&p, s, NULL, key);
		n++;
		ssh_key_free(key);
	}
	/* the tenth is answered, and the end follows */
	assert_int_equal(10, n);
	assert_int_equal(10, p.logins);
	assert_non_null(strstr(jumpplay_farewell(&p, s), "too many authentication failures"));
	jumpplay_log(&p, "ssh-ended", "too many tries");
	end(s);
}

static void
a_login_that_takes_too_long_is_ended(void **state)
{
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	ssh_session s;

	(void)state;
	jumpplay_start(&p);
	p.set.login_timeout = 1;
	p.silent = true;
	jumpplay_ready(&p);
	s = jumpplay_client(&p, jumpplay_connect(&p), "alice");
	assert_int_not_equal(SSH_AUTH_SUCCESS, jumpplay_offer(&p, s, NULL, key));
	assert_non_null(strstr(jumpplay_farewell(&p, s), "no login within 1 s"));
	jumpplay_log(&p, "ssh-ended", "no login within 1 s");
	end(s);
	ssh_key_free(key);
}

static void
a_client_that_leaves_while_ident_is_asked_is_gone(void **state)
{
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	ssh_session s;
	int fd;

	(void)state;
	jumpplay_start(&p);
	p.silent = true;
	jumpplay_ready(&p);
	fd = jumpplay_connect(&p);
	s = jumpplay_client(&p, fd, "alice");
	while (p.logins == 0) {
		(void)ssh_userauth_try_publickey(s, NULL, key);
		(void)jumpplay_answer(&p, 10);
	}
	close(fd);
	jumpplay_log(&p, "ssh-ended", "the client left");
	assert_int_equal(0, jumpplay_status(&p));
	ssh_free(s);
	jumpplay_end(&p);
	ssh_key_free(key);
}

static void
a_cut_says_why(void **state)
{
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	ssh_session s;

	(void)state;
	for (int authenticated = 0; authenticated < 2; authenticated++) {
		s = start("alice");
		if (authenticated)
			assert_int_equal(SSH_AUTH_SUCCESS, jumpplay_publickey(&p, s, NULL, key));
		jumpplay_cut(&p, "your certificate has been revoked");
		assert_non_null(
		    strstr(jumpplay_farewell(&p, s), "your certificate has been revoked"));
		jumpplay_log(&p, "ssh-ended", "why=cut");
		end(s);
	}
	ssh_key_free(key);
}

static void
the_end_of_ident_ends_it(void **state)
{
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	ssh_session s = start("alice");

	(void)state;
	assert_int_equal(SSH_AUTH_SUCCESS, jumpplay_publickey(&p, s, NULL, key));
	close(p.ident);
	p.ident = -1;
	assert_non_null(strstr(jumpplay_farewell(&p, s), "the bridge has ended this connection"));
	end(s);
	ssh_key_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_ident_grants_logs_in),
		cmocka_unit_test(a_key_that_is_shown_proves_nothing),
		cmocka_unit_test(a_key_offered_is_not_the_key_that_signed),
		cmocka_unit_test(idents_no_is_no),
		cmocka_unit_test(only_publickey_is_offered),
		cmocka_unit_test(another_name_half_way_ends_it),
		cmocka_unit_test(a_name_too_long_ends_it),
		cmocka_unit_test(the_tenth_refusal_ends_it),
		cmocka_unit_test(a_login_that_takes_too_long_is_ended),
		cmocka_unit_test(a_client_that_leaves_while_ident_is_asked_is_gone),
		cmocka_unit_test(a_cut_says_why),
		cmocka_unit_test(the_end_of_ident_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
