/* test_hooks.c - what a yes leaves behind, and what the daemon is asked; through the real libpam */
#include "stack.h"

/* The module, one hook, a daemon that answers by l.fake; descriptors are as before. */
static int
run(struct login *l, int hook, struct seen *s)
{
	size_t before = descriptors();

	fake_start(&l->fake, l->sock);
	(void)login_run(l, hook, s);
	fake_stop(&l->fake);
	MUST(unlink(l->sock) == 0);
	assert_int_equal(before, descriptors());
	return s->code;
}

static int
setup(void **state)
{
	struct login *l = malloc(sizeof(*l));

	MUST(l != NULL);
	login_start(l);
	*state = l;
	return 0;
}

static int
teardown(void **state)
{
	login_end(*state);
	free(*state);
	return 0;
}

static void
yes_is_success_in_every_hook_and_leaves_the_facts(void **state)
{
	struct login *l = *state;
	struct seen s;

	for (int hook = AUTH; hook <= SESSION; hook++) {
		assert_int_equal(PAM_SUCCESS, run(l, hook, &s));
		assert_string_equal("198.51.100.7", s.rhost);
		assert_string_equal("root", s.user);
		assert_string_equal("corp/email:alice@corp.example", s.env[0]);
		assert_string_equal("CN=Alice Ng,O=Corp", s.env[1]);
		assert_string_equal("CN=Example CA", s.env[2]);
		assert_string_equal("1f00", s.env[3]);
		assert_string_equal("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", s.env[4]);
		assert_string_equal("2027-01-15T08:00:00Z", s.env[5]);
		assert_string_equal("identity.map:3", s.env[6]);
		assert_string_equal("0123456789abcdef", s.env[7]);
		assert_string_equal("", s.said);
		assert_string_equal("", s.logged);
	}
}

static void
every_option_of_this_version_is_taken(void **state)
{
	struct login *l = *state;
	struct seen s;

	l->args = "bind=session timeout=60000 debug";
	assert_int_equal(PAM_SUCCESS, run(l, ACCOUNT, &s));
	assert_non_null(strstr(s.logged, "account \"root\": yes (connection 0123456789abcdef)"));
	assert_int_equal(1, l->fake.last.bind_session);
	l->args = "bind=any timeout=100";
	assert_int_equal(PAM_SUCCESS, run(l, ACCOUNT, &s));
	assert_int_equal(0, l->fake.last.bind_session);
}

/* The promise is that of the account line: anywhere else it is a mistake, and nobody gets in. */
static void
bind_session_elsewhere_is_an_error_of_the_line(void **state)
{
	static const int hooks[] = { AUTH, SESSION, SETCRED, CLOSE };
	struct login *l = *state;
	struct seen s;

	for (size_t i = 0; i < nitems(hooks); i++) {
		l->args = "bind=session";
		assert_int_equal(PAM_SERVICE_ERR, run(l, hooks[i], &s));
		assert_non_null(strstr(s.logged, "bind=session: must stand on the account line"));
		l->args = "bind=any";
		assert_int_equal(PAM_SUCCESS, run(l, hooks[i], &s));
	}
}

static void
daemon_is_asked_by_hook_account_and_the_socket_itself(void **state)
{
	struct login *l = *state;
	struct fake_question *q = &l->fake.last;
	struct seen s;

	for (int hook = AUTH; hook <= SESSION; hook++) {
		assert_int_equal(PAM_SUCCESS, run(l, hook, &s));
		assert_int_equal(1, l->fake.asked);
		assert_int_equal(hook, q->hook);
		assert_string_equal("svc", q->service);
		assert_string_equal("root", q->account);
		assert_int_equal(1, q->has_uid);
		assert_int_equal(0, q->uid);
		assert_string_equal("", q->auth_info);
		assert_int_equal(1, q->nfds);
		assert_int_equal(socket_cookie(l->conn), q->cookie);
	}
}

static void
unknown_account_has_no_uid(void **state)
{
	struct login *l = *state;
	struct seen s;

	l->user = "no-such-account-here";
	assert_int_equal(PAM_SUCCESS, run(l, ACCOUNT, &s));
	assert_string_equal(l->user, l->fake.last.account);
	assert_int_equal(0, l->fake.last.has_uid);
	l->user = "daemon";
	assert_int_equal(PAM_SUCCESS, run(l, ACCOUNT, &s));
	assert_int_equal(1, l->fake.last.has_uid);
	assert_int_equal(1, l->fake.last.uid);
}

static void
ssh_auth_info_passes_raw_up_to_16_kib(void **state)
{
	struct login *l = *state;
	char info[16400];
	struct seen s;

	l->auth_info = "publickey ssh-ed25519 AAAA\npublickey ssh-rsa BB\x01\xff\n";
	assert_int_equal(PAM_SUCCESS, run(l, SESSION, &s));
	assert_string_equal(l->auth_info, l->fake.last.auth_info);

	memset(info, 'A', sizeof(info));
	info[16383] = '\0';
	l->auth_info = info;
	assert_int_equal(PAM_SUCCESS, run(l, SESSION, &s));
	assert_string_equal(info, l->fake.last.auth_info);
	info[16383] = 'A';
	info[16384] = '\0';
	assert_int_equal(PAM_SESSION_ERR, run(l, SESSION, &s));
	assert_int_equal(PAM_PERM_DENIED, run(l, ACCOUNT, &s));
	assert_int_equal(0, l->fake.asked);
}

static void
account_name_of_255_bytes_is_asked_and_256_refused(void **state)
{
	struct login *l = *state;
	char name[257];
	struct seen s;

	memset(name, 'u', sizeof(name));
	name[255] = '\0';
	l->user = name;
	assert_int_equal(PAM_SUCCESS, run(l, ACCOUNT, &s));
	assert_string_equal(name, l->fake.last.account);
	name[255] = 'u';
	name[256] = '\0';
	assert_int_equal(PAM_PERM_DENIED, run(l, ACCOUNT, &s));
	assert_int_equal(0, l->fake.asked);
}

static void
no_gives_the_user_one_sentence_and_the_connection(void **state)
{
	static const int want[] = { 0, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR };
	struct login *l = *state;
	struct seen s;

	l->fake.reply_len = no_message(l->fake.reply, sizeof(l->fake.reply), 0xabc, 2,
	    "this certificate may not use this account");
	for (int hook = AUTH; hook <= SESSION; hook++) {
		assert_int_equal(want[hook], run(l, hook, &s));
		assert_string_equal("<3>this certificate may not use this account "
				    "(connection 0000000000000abc)",
		    s.said);
		assert_non_null(strstr(s.logged, "<5>"));
		assert_non_null(
		    strstr(s.logged, "account \"root\" refused: this certificate may "
				     "not use this account (connection 0000000000000abc)"));
		assert_string_equal("", s.rhost);
		assert_string_equal("", s.env[0]);
	}
	/* no connection was meant: no id is shown */
	l->fake.reply_len = no_message(l->fake.reply, sizeof(l->fake.reply), 0, 1,
	    "this connection did not come through the bridge");
	assert_int_equal(PAM_PERM_DENIED, run(l, ACCOUNT, &s));
	assert_string_equal("<3>this connection did not come through the bridge", s.said);
}

static void
silent_is_silent_to_the_user_only(void **state)
{
	struct login *l = *state;
	struct seen s;

	l->flags = (int)PAM_SILENT;
	l->fake.reply_len = no_message(l->fake.reply, sizeof(l->fake.reply), 5, 2, "no");
	assert_int_equal(PAM_PERM_DENIED, run(l, ACCOUNT, &s));
	assert_string_equal("", s.said);
	assert_non_null(strstr(s.logged, "refused: no"));
}

static void
what_steers_a_terminal_reaches_neither_user_nor_log(void **state)
{
	struct login *l = *state;
	struct seen s;

	l->user = "al\nice";
	l->fake.reply_len = no_message(l->fake.reply, sizeof(l->fake.reply), 5, 2,
	    "no \033[2J\r\nreally \"J\xc3\xbcrgen\" 100%s");
	assert_int_equal(PAM_PERM_DENIED, run(l, ACCOUNT, &s));
	assert_string_equal("<3>no ?[2J??really \"J\xc3\xbcrgen\" 100%s "
			    "(connection 0000000000000005)",
	    s.said);
	assert_null(strpbrk(s.logged, "\033\r\n"));
	assert_non_null(strstr(s.logged, "\"al\\x0aice\""));

	l->fake.reply_len = is_message(l->fake.reply, sizeof(l->fake.reply), 9,
	    "corp/cn:a\nLD_PRELOAD=b\033", "2001:db8::1%3");
	assert_int_equal(PAM_SUCCESS, run(l, ACCOUNT, &s));
	assert_string_equal("corp/cn:a?LD_PRELOAD=b?", s.env[0]);
	assert_string_equal("2001:db8::1%3", s.rhost);
}

static void
a_conversation_that_fails_changes_no_verdict(void **state)
{
	struct login *l = *state;
	struct seen s;
	struct pam_conv none = { 0 };
	pam_handle_t *h;

	l->fake.reply_len = no_message(l->fake.reply, sizeof(l->fake.reply), 5, 2, "no");
	service_write(l, "required", "", NULL);
	for (int yes = 0; yes < 2; yes++) {
		char args[200];

		(void)snprintf(args, sizeof(args), "socket=%s", l->sock);
		service_write(l, "required", args, NULL);
		fake_start(&l->fake, l->sock);
		h = handle_start(l, &s);
		assert_int_equal(PAM_SUCCESS, pam_set_item(h, PAM_CONV, &none));
		assert_int_equal(yes ? PAM_SUCCESS : PAM_PERM_DENIED, pam_acct_mgmt(h, 0));
		assert_int_equal(PAM_SUCCESS, pam_end(h, 0));
		fake_stop(&l->fake);
		MUST(unlink(l->sock) == 0);
		l->fake.reply_len = is_message(l->fake.reply, sizeof(l->fake.reply), 5, "x", "::1");
	}
}

static void
setcred_and_close_succeed_and_ask_nobody(void **state)
{
	struct login *l = *state;
	struct seen s;

	l->fake.mode = FAKE_SILENT;
	assert_int_equal(PAM_SUCCESS, run(l, SETCRED, &s));
	assert_int_equal(0, l->fake.asked);
	assert_int_equal(PAM_SUCCESS, run(l, CLOSE, &s));
	assert_int_equal(0, l->fake.asked);
	/* nor without a daemon, a connection, a user */
	l->hint[0] = '\0';
	l->user = NULL;
	assert_int_equal(PAM_SUCCESS, login_run(l, SETCRED, &s));
	assert_int_equal(PAM_SUCCESS, login_run(l, CLOSE, &s));
	l->args = "colour=red";
	assert_int_equal(PAM_SERVICE_ERR, login_run(l, SETCRED, &s));
	assert_int_equal(PAM_SERVICE_ERR, login_run(l, CLOSE, &s));
}

static void
password_stack_finds_no_hook(void **state)
{
	struct login *l = *state;
	struct seen s;

	/* even with a daemon that says yes to everything */
	l->fake.mode = FAKE_REFLECT;
	assert_int_equal(PAM_MODULE_UNKNOWN, run(l, CHAUTHTOK, &s));
	assert_int_equal(0, l->fake.asked);
}

static void
two_logins_in_one_process_are_told_apart(void **state)
{
	struct login *l = *state;
	struct seen s, t;
	pam_handle_t *h, *k;
	char args[200];
	size_t before = descriptors();

	(void)snprintf(args, sizeof(args), "socket=%s timeout=60000", l->sock);
	service_write(l, "required", args, NULL);
	l->fake.mode = FAKE_REFLECT;
	fake_start(&l->fake, l->sock);
	h = handle_start(l, &s);
	l->user = "daemon";
	k = handle_start(l, &t);
	for (int round = 0; round < 3; round++)
		for (int hook = ACCOUNT; hook <= SESSION; hook++) {
			assert_int_equal(PAM_SUCCESS, handle_run(l, h, hook, &s));
			assert_int_equal(PAM_SUCCESS, handle_run(l, k, hook, &t));
			assert_string_equal("corp/email:root", s.env[0]);
			assert_string_equal("corp/email:daemon", t.env[0]);
		}
	(void)pam_end(h, 0);
	(void)pam_end(k, 0);
	fake_stop(&l->fake);
	assert_int_equal(before, descriptors());
}

struct worker {
	struct login login;
	pthread_t thread;
	unsigned right;
	char user[16];
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct seen s;
	char want[64];

	(void)snprintf(want, sizeof(want), "corp/email:%s", w->user);
	for (int i = 0; i < 30; i++) {
		(void)login_call(&w->login, AUTH + i % 3, &s);
		if (s.code == PAM_SUCCESS && strcmp(s.env[0], want) == 0 &&
		    strcmp(s.rhost, "192.0.2.9") == 0)
			w->right++;
	}
	return NULL;
}

static void
eight_threads_at_once_each_get_their_own_answer(void **state)
{
	struct login *l = *state;
	struct worker w[8];
	char args[200];
	size_t before;

	(void)snprintf(args, sizeof(args), "socket=%s timeout=60000", l->sock);
	service_write(l, "required", args, NULL);
	l->fake.mode = FAKE_REFLECT;
	for (size_t i = 0; i < nitems(w); i++) {
		w[i] = (struct worker){ .login = *l };
		(void)snprintf(w[i].user, sizeof(w[i].user), "user%zu", i);
		w[i].login.user = w[i].user;
		login_connect4(&w[i].login);
	}
	before = descriptors();
	fake_start(&l->fake, l->sock);
	for (size_t i = 0; i < nitems(w); i++)
		MUST(pthread_create(&w[i].thread, NULL, work, &w[i]) == 0);
	for (size_t i = 0; i < nitems(w); i++)
		MUST(pthread_join(w[i].thread, NULL) == 0);
	fake_stop(&l->fake);
	assert_int_equal(before, descriptors());
	for (size_t i = 0; i < nitems(w); i++) {
		assert_int_equal(30, w[i].right);
		login_disconnect(&w[i].login);
	}
	assert_int_equal(240, l->fake.asked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(yes_is_success_in_every_hook_and_leaves_the_facts),
		T(every_option_of_this_version_is_taken),
		T(bind_session_elsewhere_is_an_error_of_the_line),
		T(daemon_is_asked_by_hook_account_and_the_socket_itself),
		T(unknown_account_has_no_uid),
		T(ssh_auth_info_passes_raw_up_to_16_kib),
		T(account_name_of_255_bytes_is_asked_and_256_refused),
		T(no_gives_the_user_one_sentence_and_the_connection),
		T(silent_is_silent_to_the_user_only),
		T(what_steers_a_terminal_reaches_neither_user_nor_log),
		T(a_conversation_that_fails_changes_no_verdict),
		T(setcred_and_close_succeed_and_ask_nobody),
		T(password_stack_finds_no_hook),
		T(two_logins_in_one_process_are_told_apart),
		T(eight_threads_at_once_each_get_their_own_answer),
	};

	return cmocka_run_group_tests_name("the hooks of pam_mtls", tests, NULL, NULL);
}
