/* test_commands.c - the commands as main() runs them, with the clock in our hands */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "ca-tools/cmd.h"
#include "scratch.h"
#include "tests/unit/help/pki.h"

#define NOW INT64_C(1800000000) /* 2027-01-15T08:00:00Z */
#define DAY 86400

static struct scratch s;
static char ca[100], *out, *err;

static const struct command *const commands[] = { &command_init, &command_issue, &command_revoke,
	&command_crl, &command_list, &command_show, &command_export };

/* Run "issue user alice ..." at `now`; words are split at blanks. Exit code; out and err are set.
 */
static int
run(int64_t now, const char *line)
{
	struct env env = { .dir = ca, .now = now };
	char words[1024], *argv[32], *save = NULL;
	size_t n1, n2;
	int argc = 0, ret = -1;

	(void)snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	free(out);
	free(err);
	env.out = open_memstream(&out, &n1);
	env.err = open_memstream(&err, &n2);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i]->name, argv[0]) == 0)
			ret = command_run(commands[i], &env, argc, argv);
	assert_int_equal(0, fclose(env.out));
	assert_int_equal(0, fclose(env.err));
	return ret;
}

static void
expect(int code, const char *says, int64_t now, const char *line)
{
	int got = run(now, line);

	if (got != code)
		fail_msg("%s: exit %d: %s%s", line, got, out, err);
	if (strstr(out, says) == NULL && strstr(err, says) == NULL)
		fail_msg("%s: does not say \"%s\": %s%s", line, says, out, err);
}

static int
setup(void **state)
{
	(void)state;
	(void)umask(077);
	if (scratch_make(&s) == -1 || chdir(s.dir) == -1)
		return -1;
	(void)snprintf(ca, sizeof(ca), "%s/ca", s.dir);
	return run(NOW, "init");
}

static int
teardown(void **state)
{
	(void)state;
	free(out);
	free(err);
	out = err = NULL;
	assert_int_equal(0, chdir("/"));
	scratch_gone(&s);
	return 0;
}

static X509 *
cert(const char *file)
{
	FILE *fp = fopen(scratch_path(&s, file), "r");
	X509 *c;

	assert_non_null(fp);
	assert_non_null(c = PEM_read_X509(fp, NULL, NULL, NULL));
	(void)fclose(fp);
	return c;
}

static int64_t
seconds(const ASN1_TIME *t)
{
	struct tm tm;

	assert_int_equal(1, ASN1_TIME_to_tm(t, &tm));
	return timegm(&tm);
}

static void
lives(const char *file, int64_t from, int64_t until)
{
	X509 *c = cert(file);

	assert_int_equal(from, seconds(X509_get0_notBefore(c)));
	assert_int_equal(until, seconds(X509_get0_notAfter(c)));
	X509_free(c);
}

static X509_CRL *
crl(const char *file, int which)
{
	FILE *fp = fopen(scratch_path(&s, file), "r");
	X509_CRL *c = NULL;

	assert_non_null(fp);
	for (int i = 0; i <= which; i++) {
		X509_CRL_free(c);
		assert_non_null(c = PEM_read_X509_CRL(fp, NULL, NULL, NULL));
	}
	(void)fclose(fp);
	return c;
}

static int64_t
crl_number(const X509_CRL *c)
{
	ASN1_INTEGER *n = X509_CRL_get_ext_d2i(c, NID_crl_number, NULL, NULL);
	int64_t v = -1;

	assert_int_equal(1, ASN1_INTEGER_get_int64(&v, n));
	ASN1_INTEGER_free(n);
	return v;
}

static int
crl_has(X509_CRL *c, const char *file)
{
	X509 *x = cert(file);
	X509_REVOKED *rev = NULL;
	int r = X509_CRL_get0_by_cert(c, &rev, x);

	X509_free(x);
	return r;
}

static void
a_certificate_begins_5_minutes_back_and_lives_30_days(void **state)
{
	(void)state;
	expect(0, "issued user alice", NOW, "issue user alice");
	lives("alice.pem", NOW - 300, NOW + 30 * DAY);
	expect(0, "", NOW, "issue user alice --hours 16");
	lives("alice.pem", NOW - 300, NOW + 16 * 3600);
	expect(0, "", NOW, "issue user alice --days 2");
	lives("alice.pem", NOW - 300, NOW + 2 * DAY);
	expect(0, "", NOW, "issue user alice --from 2027-02-01T00:00:00Z --days 1");
	lives("alice.pem", NOW + 1440000, NOW + 1440000 + DAY);
	expect(0, "", NOW,
	    "issue user alice --from 2027-02-01T00:00:00Z --until 2027-02-01T00:00:01Z");
	lives("alice.pem", NOW + 1440000, NOW + 1440001);
	expect(0, "has ended already", NOW,
	    "issue user old --from 2020-01-01T00:00:00Z --until 2020-02-01T00:00:00Z");
}

static void
both_ends_of_the_life_count_as_valid(void **state)
{
	(void)state;
	expect(0, "", NOW, "issue user a --hours 1");
	expect(0, "\"status\": \"future\"", NOW - 301, "show --json a.pem");
	expect(0, "\"status\": \"valid\"", NOW - 300, "show --json a.pem");
	expect(0, "\"status\": \"valid\"", NOW + 3600, "show --json a.pem");
	expect(0, "\"status\": \"expired\"", NOW + 3601, "show --json a.pem");
	expect(0, " user expired 2027-01-15T09:00:00Z a\n", NOW + 3601, "list");
}

static void
words_that_contradict_each_other_are_a_usage_error(void **state)
{
	static const char *const bad[] = { "issue user", "issue user a b", "issue admin a",
		"issue root a", "issue user a --days 0", "issue user a --days 3651",
		"issue user a --hours 0", "issue user a --days 1 --hours 1",
		"issue user a --days 1 --until 2028-01-01T00:00:00Z",
		"issue user a --until 2027-01-15T07:55:00Z", "issue user a --until tomorrow",
		"issue user a --ip 10.0.0.1", "issue host a --email a@b", "issue host a --upn a@b",
		"issue host a --uri x:y", "issue host a --ssh-key k",
		"issue user a --csr x --ssh-key y",
		"issue user a --email=", "issue user a --email b",
		"issue user a --out=", "issue user a/b", "issue user .a", "issue host a_b",
		"issue user a --nonsense", "issue user a --san x", "revoke", "revoke 1 2",
		"revoke 1 --reason removeFromCRL", "revoke 1 --reason key", "crl --days 0",
		"crl --days 366", "crl x", "export", "export all", "list x", "list --yaml", "show",
		"init x", "init --name=", "init --permit-dns=*.x" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(2, "--help'", NOW, bad[i]);
	assert_int_equal(0, run(NOW, "list --json"));
	assert_string_equal("[]\n", out);
}

static void
an_empty_name_is_refused(void **state)
{
	char issue[] = "issue", user[] = "user", empty[] = "", blank[] = " ", name[] = "a";
	char *argv[] = { issue, user, empty, NULL };
	struct env env = { .dir = ca, .now = NOW, .out = stdout, .err = fopen("/dev/null", "w") };

	(void)state;
	assert_int_equal(2, command_run(&command_issue, &env, 3, argv));
	argv[2] = blank;
	assert_int_equal(2, command_run(&command_issue, &env, 3, argv));
	argv[2] = name;
	env.out = env.err;
	assert_int_equal(0, command_run(&command_issue, &env, 3, argv));
	(void)fclose(env.err);
}

static void
nothing_outlives_the_intermediate(void **state)
{
	(void)state;
	/* the intermediate ends 1826 days after NOW, to the second */
	expect(0, "issued", NOW, "issue user a --days 1826");
	expect(1, "intermediate that signs it only until 2032-01-15T08:00:00Z", NOW + 1,
	    "issue user a --days 1826");
	expect(1, "ask for less", NOW + 1800 * (int64_t)DAY, "issue user a");
	expect(0, "issued", NOW + 1800 * (int64_t)DAY, "issue user a --days 26");
	expect(0, "", NOW + 1826 * (int64_t)DAY, "crl");
	expect(1, "the intermediate ended at", NOW + 1826 * (int64_t)DAY + 1, "crl");
}

static void
hosts_get_their_name_as_dns_or_address(void **state)
{
	(void)state;
	expect(0, "", NOW, "issue host bastion.example --dns b2.example --ip ::1");
	expect(0, "", NOW, "show --json bastion.example.pem");
	assert_non_null(strstr(out, "\"bastion.example\",\n      \"b2.example\""));
	assert_non_null(strstr(out, "\"::1\""));
	expect(0, "", NOW, "issue host 10.0.0.1");
	expect(0, "\"ip\": [\n      \"10.0.0.1\"", NOW, "show --json 10.0.0.1.pem");
	assert_null(strstr(out, "\"dns\""));
	expect(2, "no host name or address", NOW, "issue host my_server");
	expect(0, "", NOW, "issue host my_server --dns s.example");
}

static void
one_prefix_can_be_used_again_but_a_strange_key_is_not_replaced(void **state)
{
	FILE *fp;

	(void)state;
	expect(0, "", NOW, "issue user a");
	expect(0, "", NOW, "issue user a");
	assert_non_null(fp = fopen(scratch_path(&s, "b.key"), "w"));
	assert_true(fputs("my own\n", fp) >= 0);
	assert_int_equal(0, fclose(fp));
	expect(1, "somebody's own key", NOW, "issue user b");
	assert_int_equal(0, unlink(scratch_path(&s, "b.key")));
	expect(0, "", NOW, "issue user b");
}

static void
the_cas_own_files_are_no_place_to_write_to(void **state)
{
	(void)state;
	expect(1, "file of the CA itself", NOW, "issue user a --out ca/root");
	expect(1, "file of the CA itself", NOW, "issue user a --out ca/../ca/intermediate");
	expect(1, "file of the CA itself", NOW, "crl --out ca/ca.db");
	expect(1, "file of the CA itself", NOW, "export trust --out ca/intermediate.key");
	expect(0, "", NOW, "crl --out ca/crl.pem");
	expect(0, "", NOW, "issue user a");
	assert_int_equal(0, run(NOW, "list --json"));
	assert_non_null(strstr(out, "\"name\":\"a\""));
}

static void
what_cannot_be_written_is_not_recorded(void **state)
{
	(void)state;
	expect(1, "none/x", NOW, "issue user a --out none/x");
	assert_int_equal(0, mkdir("b.key", 0700));
	expect(1, "b.key", NOW, "issue user b");
	assert_int_equal(0, mkdir("c.pem", 0700));
	expect(1, "is not a regular file", NOW, "issue user c");
	assert_int_equal(0, run(NOW, "list --json"));
	assert_string_equal("[]\n", out);
}

/* Issue a host with `n` names of 195 bytes each. */
static int
issue_with_names(int n)
{
	static char names[100][240];
	char issue[] = "issue", host[] = "host", h[] = "h", l[64], *argv[104] = { issue, host, h };
	FILE *null = fopen("/dev/null", "w");
	struct env env = { .dir = ca, .now = NOW, .out = null, .err = null };
	int ret;

	memset(l, 'a', sizeof(l) - 1);
	l[63] = '\0';
	for (int i = 0; i < n; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "--dns=%s.%s.%s.x%d", l, l, l, i);
		argv[3 + i] = names[i];
	}
	ret = command_run(&command_issue, &env, 3 + n, argv);
	(void)fclose(null);
	return ret;
}

static void
a_certificate_larger_than_a_verifier_takes_is_refused(void **state)
{
	(void)state;
	assert_int_equal(0, issue_with_names(75));
	assert_int_equal(1, issue_with_names(90));
}

static void
revoked_is_on_the_next_crl_with_its_reason(void **state)
{
	X509_CRL *c;

	(void)state;
	expect(0, "", NOW, "issue user a");
	expect(0, "", NOW, "issue user b");
	expect(0, "", NOW, "crl --out crl.pem");
	c = crl("crl.pem", 0);
	assert_int_equal(1, crl_number(c));
	assert_int_equal(0, crl_has(c, "a.pem"));
	assert_int_equal(NOW + 7 * DAY, seconds(X509_CRL_get0_nextUpdate(c)));
	assert_int_equal(NOW - 300, seconds(X509_CRL_get0_lastUpdate(c)));
	X509_CRL_free(c);
	expect(0, "revoked", NOW + 5, "revoke a.pem --reason keyCompromise");
	expect(0, "already", NOW + 6, "revoke a.pem --reason superseded");
	expect(0, "", NOW + 7, "crl --days 1 --out crl.pem");
	c = crl("crl.pem", 0);
	assert_int_equal(2, crl_number(c));
	assert_int_equal(1, crl_has(c, "a.pem"));
	assert_int_equal(0, crl_has(c, "b.pem"));
	assert_int_equal(NOW + 7 + DAY, seconds(X509_CRL_get0_nextUpdate(c)));
	X509_CRL_free(c);
	expect(0, "\"reason\": \"keyCompromise\"", NOW, "show --json a.pem");
	expect(0, "\"status\": \"revoked\"", NOW, "show --json a.pem");
}

static void
an_entry_leaves_the_crl_only_after_one_past_its_end(void **state)
{
	X509_CRL *c;
	const int64_t end = NOW + DAY;

	(void)state;
	expect(0, "", NOW, "issue user a --days 1");
	expect(0, "", NOW, "issue user late --days 1");
	expect(0, "", NOW, "revoke a.pem");
	expect(0, "", end + 3600, "crl --out 1.pem"); /* the first after the end still tells */
	c = crl("1.pem", 0);
	assert_int_equal(1, crl_has(c, "a.pem"));
	X509_CRL_free(c);
	expect(0, "", end + 7000, "revoke late.pem"); /* revoked when it had ended already */
	expect(0, "", end + 7200, "crl --out 2.pem");
	c = crl("2.pem", 0);
	assert_int_equal(0, crl_has(c, "a.pem"));
	assert_int_equal(1, crl_has(c, "late.pem"));
	X509_CRL_free(c);
	expect(0, "", NOW, "crl --out 3.pem"); /* a clock that went back drops nothing new */
	c = crl("3.pem", 0);
	assert_int_equal(1, crl_has(c, "a.pem"));
	X509_CRL_free(c);
}

static void
the_roots_key_may_be_away_until_its_crl_nears_the_end(void **state)
{
	X509_CRL *c;

	(void)state;
	assert_int_equal(0, rename("ca/root.key", "root.key"));
	expect(0, "", NOW, "issue user a");
	expect(0, "", NOW + 335 * (int64_t)DAY, "crl --out crl.pem");
	c = crl("crl.pem", 1);
	assert_int_equal(1, crl_number(c));
	assert_int_equal(NOW + 365 * (int64_t)DAY, seconds(X509_CRL_get0_nextUpdate(c)));
	X509_CRL_free(c);
	expect(1, "root's CRL ends at 2028-01-15T08:00:00Z", NOW + 335 * (int64_t)DAY + 1,
	    "crl --out crl.pem");
	expect(1, "root's CRL ended at", NOW + 366 * (int64_t)DAY, "crl --out crl.pem");
	expect(1, "cannot be signed", NOW, "crl --root-days 400");
	assert_int_equal(0, rename("root.key", "ca/root.key"));
	expect(0, "", NOW + 366 * (int64_t)DAY, "crl --root-days 40 --out crl.pem");
	c = crl("crl.pem", 1);
	assert_int_equal(2, crl_number(c));
	assert_int_equal(NOW + 406 * (int64_t)DAY, seconds(X509_CRL_get0_nextUpdate(c)));
	X509_CRL_free(c);
}

static void
a_revoked_intermediate_signs_no_more_and_needs_the_roots_key(void **state)
{
	X509_CRL *c;

	(void)state;
	expect(1, "is the root", NOW, "revoke ca/root.pem");
	expect(0, "revoked", NOW, "revoke ca/intermediate.pem --reason cACompromise");
	expect(1, "intermediate is revoked", NOW, "issue user a");
	assert_int_equal(0, rename("ca/root.key", "root.key"));
	expect(1, "does not tell of it", NOW, "crl --out crl.pem");
	assert_int_equal(0, rename("root.key", "ca/root.key"));
	expect(0, "", NOW, "crl --out crl.pem");
	c = crl("crl.pem", 1);
	assert_int_equal(1, crl_has(c, "ca/intermediate.pem"));
	X509_CRL_free(c);
}

static void
a_hold_can_become_final(void **state)
{
	(void)state;
	expect(0, "", NOW, "issue user a");
	expect(0, "certificateHold", NOW, "revoke a.pem --reason certificateHold");
	expect(0, "already", NOW, "revoke a.pem --reason certificateHold");
	expect(0, "revoked", NOW + 9, "revoke a.pem --reason keyCompromise");
	expect(0, "already", NOW, "revoke a.pem --reason certificateHold");
	expect(0, "\"revoked_at\": \"2027-01-15T08:00:00Z\"", NOW, "show --json a.pem");
}

static void
only_what_this_ca_issued_is_found(void **state)
{
	(void)state;
	expect(0, "", NOW, "issue user a");
	assert_int_equal(0, rename("ca", "ca1"));
	expect(0, "", NOW, "init");
	expect(1, "not a certificate that this CA issued", NOW, "revoke a.pem");
	expect(1, "not a certificate that this CA issued", NOW, "show a.pem");
	expect(1, "issued no such certificate", NOW, "revoke abcdef");
	expect(1, "No such file", NOW, "revoke nothing.pem");
	expect(1, "no PEM certificate", NOW, "revoke ca/ca.db");
	/* a key or a certificate of the other CA in this one's place is seen */
	assert_int_equal(0, rename("ca1/intermediate.key", "ca/intermediate.key"));
	expect(1, "is not the key of intermediate.pem", NOW, "issue user n");
	assert_int_equal(0, rename("ca1/intermediate.pem", "ca/intermediate.pem"));
	expect(1, "not a certificate that this CA issued", NOW, "issue user n");
}

static void
a_forgery_with_a_serial_of_ours_is_not_ours(void **state)
{
	struct pki_cert *forged;
	ASN1_INTEGER *serial;
	BIGNUM *bn;
	X509 *mine;
	char *hex;

	(void)state;
	expect(0, "", NOW, "issue user a");
	mine = cert("a.pem");
	serial = X509_get_serialNumber(mine);
	assert_non_null(bn = ASN1_INTEGER_to_BN(serial, NULL));
	assert_non_null(hex = BN_bn2hex(bn));
	forged = pki_make(&(struct pki_spec){ .subject = "CN=a", .serial = hex }, NULL);
	pki_write_cert(scratch_path(&s, "forged.pem"), forged->cert, 0);
	expect(1, "another certificate than the one", NOW, "revoke forged.pem");
	expect(1, "another certificate than the one", NOW, "show forged.pem");
	expect(0, "\"status\": \"valid\"", NOW, "show --json a.pem");
	OPENSSL_free(hex);
	BN_free(bn);
	X509_free(mine);
	pki_free(forged);
}

static void
names_outside_of_the_constraints_are_refused(void **state)
{
	(void)state;
	assert_int_equal(0, rename("ca", "ca1"));
	expect(0, "", NOW,
	    "init --permit-email corp.example --permit-dns corp.example --permit-uri "
	    ".corp.example");
	expect(0, "", NOW, "issue user a --email a@corp.example --dns x.corp.example");
	expect(0, "", NOW, "issue user a --uri spiffe://x.corp.example/a --upn a@other.example");
	expect(1, "email a@x.corp.example: outside", NOW, "issue user a --email a@x.corp.example");
	expect(1, "dns corp.example.evil: outside", NOW, "issue user a --dns corp.example.evil");
	expect(1, "uri spiffe://corp.example/a: outside", NOW,
	    "issue user a --uri spiffe://corp.example/a");
	expect(1, "uri urn:x: outside", NOW, "issue user a --uri urn:x");
	/* OpenSSL takes what is behind the @, others what is before the ?: the bridge takes neither
	 */
	expect(0, "", NOW, "issue user a --uri https://x.corp.example/y");
	expect(1, "outside", NOW, "issue user a --uri https://u@x.corp.example/y");
	expect(1, "outside", NOW, "issue user a --uri https://x.corp.example?y");
	/* read as a host name where there is no dns name: a verifier refuses it, and so do we */
	expect(1, "the name \"a.evil\": outside", NOW, "issue user a.evil");
	expect(0, "", NOW, "issue host h.corp.example --ip 10.0.0.1");
	expect(1, "dns h.evil: outside", NOW, "issue host h.evil");
}

static void
every_change_leaves_an_event(void **state)
{
	(void)state;
	expect(0, "", NOW, "issue user a");
	expect(0, "", NOW, "revoke a.pem --reason superseded");
	expect(0, "", NOW, "revoke a.pem");
	expect(0, "", NOW, "crl");
	assert_int_equal(0, run(NOW, "list --events --json"));
	assert_non_null(strstr(out, "\"what\":\"issue\""));
	assert_non_null(strstr(out, "\"detail\":\"superseded\""));
	assert_non_null(strstr(out, "of the intermediate, number 1, 1 revoked"));
	assert_non_null(strstr(out, "of the root, number 2, 0 revoked"));
	assert_null(strstr(out, "unspecified")); /* the second revocation changed nothing */
	assert_int_equal(0, run(NOW, "list --events"));
	assert_non_null(strstr(out, "2027-01-15T08:00:00Z uid="));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_certificate_begins_5_minutes_back_and_lives_30_days),
		T(both_ends_of_the_life_count_as_valid),
		T(words_that_contradict_each_other_are_a_usage_error),
		T(an_empty_name_is_refused),
		T(nothing_outlives_the_intermediate),
		T(hosts_get_their_name_as_dns_or_address),
		T(one_prefix_can_be_used_again_but_a_strange_key_is_not_replaced),
		T(the_cas_own_files_are_no_place_to_write_to),
		T(what_cannot_be_written_is_not_recorded),
		T(a_certificate_larger_than_a_verifier_takes_is_refused),
		T(revoked_is_on_the_next_crl_with_its_reason),
		T(an_entry_leaves_the_crl_only_after_one_past_its_end),
		T(the_roots_key_may_be_away_until_its_crl_nears_the_end),
		T(a_revoked_intermediate_signs_no_more_and_needs_the_roots_key),
		T(a_hold_can_become_final),
		T(only_what_this_ca_issued_is_found),
		T(a_forgery_with_a_serial_of_ours_is_not_ours),
		T(names_outside_of_the_constraints_are_refused),
		T(every_change_leaves_an_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
