/* test_conf.c - what the configuration means, and what is refused with which words */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/unit/sshbridge/monitor/conf_help.h"

/* As docs show it. */
static const char example[] =
    "listen \"[::]:8443\" {}                       # may repeat\n"
    "tls      { certificate = \"server.pem\"  key = \"server.key\" }\n"
    "trust \"corp\" { anchors = \"client-ca.pem\"  intermediates = \"intermediate.pem\"  "
    "crl = {\"crl.pem\"}  revocation = \"require\" }\n"
    "identity-map = \"identity.map\"\n"
    "user = \"_sshbridge\"   ident-user = \"_sshbridge-ident\"   workers = 0           # cores\n"
    "ident-socket = \"/run/sshbridge/ident.sock\"  "
    "control-socket = \"/run/sshbridge/control.sock\"\n"
    "target \"login\" { mode = \"forward\"  address = \"127.0.0.1:22\"  idle-timeout = 0 }\n"
    "target \"jump\"  { mode = \"jump\"     names = {\"jump.example\"}  "
    "host-keys = {\"ssh_host_ed25519_key\"} }\n"
    "limits   { handshake-timeout = 10  connections = 20000  per-address = 64  "
    "per-identity = 16 }\n";

static void
example_of_the_manual_parses_to_what_it_says(void **state)
{
	struct conf *c = parse_good(example);
	const struct settings *s = &c->settings;

	(void)state;
	assert_int_equal(1, s->nlisteners);
	assert_string_equal("[::]:8443", s->listeners[0].name);
	assert_int_equal(AF_INET6, c->listen[0].ss_family);
	assert_int_equal(8443, addr_port(&c->listen[0]));
	assert_string_equal("/etc/sshbridge/server.pem", c->certificate);
	assert_string_equal("/etc/sshbridge/server.key", c->key);
	assert_string_equal("/etc/sshbridge/identity.map", c->identity_map);
	assert_int_equal(1, s->nsections);
	assert_string_equal("corp", s->sections[0].name);
	assert_int_equal(1, s->sections[0].revocation);
	assert_int_equal(1, c->trust[0].anchors.n);
	assert_string_equal("/etc/sshbridge/client-ca.pem", c->trust[0].anchors.v[0]);
	assert_string_equal("/etc/sshbridge/intermediate.pem", c->trust[0].intermediates.v[0]);
	assert_string_equal("/etc/sshbridge/crl.pem", c->trust[0].crls.v[0]);
	assert_string_equal("127.0.0.1", s->targets[0].host);
	assert_int_equal(22, s->targets[0].port);
	assert_int_equal(TARGET_JUMP, s->targets[1].mode);
	assert_string_equal("/etc/sshbridge/ssh_host_ed25519_key", c->target[1].host_keys.v[0]);
	assert_int_equal(20000, s->connections);
	conf_free(c);
}

static void
what_is_not_given_has_its_default(void **state)
{
	static const enum id_field fields[] = { ID_URI, ID_UPN, ID_EMAIL, ID_SUBJECT };
	struct conf *c = parse_good(LEAST);
	const struct settings *s = &c->settings;

	(void)state;
	assert_int_equal(0x0304, s->tls_min);
	assert_int_equal(10, s->handshake_timeout);
	assert_int_equal(10, s->dial_timeout);
	assert_int_equal(20000, s->connections);
	assert_int_equal(64, s->per_address);
	assert_int_equal(16, s->per_identity);
	assert_int_equal(32768, s->port_first);
	assert_int_equal(60999, s->port_last);
	assert_int_equal(1000, s->capture_min_uid);
	assert_int_equal(0, s->sections[0].revocation);
	assert_int_equal(0, s->sections[0].stale_cut);
	assert_int_equal(4, s->sections[0].nfields);
	assert_memory_equal(fields, s->sections[0].fields, sizeof(fields));
	assert_int_equal(SOURCE_PER_IDENTITY, s->targets[0].source);
	assert_int_equal(0, s->targets[0].idle_timeout);
	assert_int_equal(0, s->targets[0].keep_expired);
	assert_int_equal(600, s->targets[0].reauth);
	assert_int_equal(TARGET_FORWARD, c->settings.targets[0].mode);
	assert_int_equal(0, s->targets[0].nnames);
	assert_int_equal(0, s->listeners[0].npeers);
	assert_int_equal(0, c->workers);
	assert_int_equal(0, c->drain);
	assert_int_equal(0, c->pam_services.n);
	assert_string_equal("_sshbridge", c->user);
	assert_string_equal("_sshbridge-ident", c->ident_user);
	assert_string_equal("/run/sshbridge/ident.sock", c->ident_socket);
	assert_string_equal("/run/sshbridge/control.sock", c->control_socket);
	assert_string_equal("stderr", c->log);
	conf_free(c);
}

static void
records_that_must_be_written_need_somewhere_to_go(void **state)
{
	struct conf *c = parse_good(LEAST);

	(void)state;
	assert_string_equal("", c->audit_to);
	assert_int_equal(0, c->settings.audit_require);
	conf_free(c);
	c = parse_good(LEAST "audit { to = \"audit/x.json\" on-loss = \"require\" }\n");
	assert_string_equal("/etc/sshbridge/audit/x.json", c->audit_to);
	assert_int_equal(1, c->settings.audit_require);
	conf_free(c);
	accepted(LEAST "audit { to = \"\" on-loss = \"count\" }\n");
	accepted(LEAST "audit { to = \"stderr\" on-loss = \"require\" }\n");
	refused(LEAST "audit { on-loss = \"require\" }\n", 6,
	    "audit: on-loss: \"require\" with nowhere to write to");
	refused(LEAST "audit { to = \"\" on-loss = \"require\" }\n", 6, "allowed: name a file");
	refused(LEAST "audit { to = \"jornal\" }\n", 6, "allowed: \"\" (none), \"stderr\"");
	refused(LEAST "audit { on-loss = \"block\" }\n", 6, "allowed: \"count\", \"require\"");
	refused(LEAST "audit {}\naudit {}\n", 7, "audit");
}

static void
a_crl_makes_revocation_required_unless_told_otherwise(void **state)
{
	struct conf *c;

	(void)state;
	c = parse_good(LISTEN TLS MAP TARGET
	    "trust \"a\" { anchors = \"x\" crl = \"c\" }\n"
	    "trust \"b\" { crl = {\"c\", \"d\"} revocation = \"off\" anchors = \"x\" }\n"
	    "trust \"c\" { anchors = \"x\" crl = {} }\n");
	assert_int_equal(1, c->settings.sections[0].revocation);
	assert_int_equal(0, c->settings.sections[1].revocation);
	assert_int_equal(2, c->trust[1].crls.n);
	assert_int_equal(0, c->settings.sections[2].revocation);
	conf_free(c);
	refused(LISTEN TLS MAP TARGET
	    "trust \"a\" { anchors = \"x\"\nrevocation = \"require\"\n}\n",
	    7, "trust \"a\": revocation: \"require\" without a crl");
}

static void
each_needed_option_that_is_missing_is_named(void **state)
{
	(void)state;
	accepted(LEAST);
	refused(TLS TRUST MAP TARGET, 4, "listen: missing");
	refused(LISTEN TRUST MAP TARGET, 4, "tls: certificate: missing");
	refused(LISTEN TLS MAP TARGET, 4, "trust: missing");
	refused(LISTEN TLS TRUST TARGET, 4, "identity-map: missing");
	refused(LISTEN TLS TRUST MAP, 4, "target: missing");
	refused("tls { key = \"k\" }\n" LISTEN TRUST MAP TARGET, 1, "tls: certificate: missing");
	refused("tls { certificate = \"k\" }\n" LISTEN TRUST MAP TARGET, 1, "tls: key: missing");
	refused("trust \"x\" { crl = \"c\" }\n" LEAST, 1, "trust \"x\": anchors: missing");
	refused("trust \"x\" {}\n" LEAST, 1, "trust \"x\": anchors: missing");
	refused("trust \"x\" { anchors = {} }\n" LEAST, 1, "anchors: an empty list");
	refused(
	    "trust \"x\" { anchors = \"a\" identity-fields = {} }\n" LEAST, 1, "identity-fields");
	refused("target \"x\" {}\n" LEAST, 1, "target \"x\": address: missing");
	refused("\n", 1, "listen: missing");
}

static void
twice_is_refused_for_options_sections_and_titles(void **state)
{
	(void)state;
	refused(LEAST MAP, 6, "identity-map: given twice");
	refused(LEAST "workers = 1\nworkers = 1\n", 7, "workers: given twice");
	refused(LEAST TLS, 6, "tls: given twice");
	refused(LEAST "limits {}\nlimits {}\n", 7, "limits: given twice");
	refused(LEAST TRUST, 6, "duplicate title 'corp'");
	refused(LEAST TARGET, 6, "duplicate title 'login'");
	refused(LEAST LISTEN, 6, "duplicate title '[::]:8443'");
	refused("trust \"x\" {\nanchors = \"a\" crl = \"c\"\ncrl = {}\n}\n" LEAST, 3,
	    "trust: crl: given twice");
	/* the same address in other words, and one that the first takes already */
	refused(LEAST "listen \"[0::0]:8443\" {}\n", 6, "the same address as listen \"[::]:8443\"");
	refused(LEAST "listen \"0.0.0.0:8443\" {}\n", 6, "overlaps listen \"[::]:8443\"");
	accepted(LEAST "listen \"0.0.0.0:8444\" {}\nlisten \"127.0.0.1:8443\" {}\n");
	refused(
	    LEAST "listen \"10.0.0.1:1\" {}\nlisten \"[::ffff:10.0.0.1]:1\" {}\n", 7, "the same");
	refused("target \"a\" { address = \"h:1\" names = {\"x.example\"} }\n"
		"target \"b\" { address = \"h:1\" names = {\"X.example.\"} }\n" LEAST,
	    2, "names: \"x.example\" is already a name of target \"a\"");
	refused(
	    "target \"a\" { address = \"h:1\" names = {\"x\", \"y\", \"x\"} }\n" LEAST, 1, "\"a\"");
	/* the same option in two sections is no repetition */
	accepted(LISTEN TLS MAP TRUST "trust \"b\" { anchors = \"ca.pem\" }\n" TARGET);
}

static void
unknown_words_are_refused_with_the_known_ones(void **state)
{
	(void)state;
	refused(
	    LEAST "worker = 1\n", 6, "worker: no such option here, allowed: identity-map, user");
	refused(LEAST "limits {\nworkers = 1\n}\n", 7,
	    "limits: workers: no such option here, "
	    "allowed: handshake-timeout, dial-timeout");
	refused(LEAST "Workers = 1\n", 6, "Workers: no such option");
	refused(LEAST "end-of-file = yes\n", 6, "end-of-file: no such option");
	refused(LEAST "tsl {}\n", 6, "tls {}");
	refused(LEAST "tls = \"x\"\n", 6, "is a section");
	refused(LEAST "include(\"/etc/passwd\")\n", 6, "stray byte 0x28");
	refused(LEAST "include = \"x\"\n", 6, "include: no such option");
	refused(LEAST "limits { tls {} }\n", 6, "limits: tls: no such option here");
	refused(LEAST "user { }\n", 6, "user: no such option here");
}

static void
words_of_later_versions_are_called_so(void **state)
{
	static const char *const top[] = { "watch-map = yes", "listen-local = \"x\"" };
	char text[600];

	(void)state;
	for (size_t i = 0; i < sizeof(top) / sizeof(top[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s%s\n", LEAST, top[i]);
		refused(text, 6, "not in this version");
	}
	refused("target \"j\" { mode = \"record\" }\n", 1, "not in this version");
	refused("target \"j\" { mode = \"dance\" }\n", 1,
	    "\"dance\" is unknown, allowed: \"forward\", \"jump\"");
	refused("trust \"t\" { on-stale = \"end\" }\n", 1,
	    "\"end\" is unknown, allowed: \"keep\", \"cut\"");
	accepted(LISTEN TLS MAP TARGET "trust \"t\" { anchors = \"a\" on-stale = \"keep\" }\n");
	accepted(LISTEN TLS MAP TARGET "trust \"t\" { anchors = \"a\" on-stale = \"cut\" }\n");
}

static void
what_libconfuse_would_take_silently_is_refused(void **state)
{
	(void)state;
	refused("user = \"${HOME}\"\n" LEAST, 1, "a $ in a string");
	refused("user = ${HOME}\n" LEAST, 1, "stray byte 0x24");
	refused("workers = 010\n" LEAST, 1, "workers: \"010\" is out of range or no number");
	refused("workers = 0x10\n" LEAST, 1, "workers: \"0x10\"");
	refused("workers = 4k\n" LEAST, 1, "workers: \"4k\"");
	refused("workers = \" 4\"\n" LEAST, 1, "workers");
	refused("workers = -1\n" LEAST, 1, "allowed: 0 to 64");
	refused("workers = \"\"\n" LEAST, 1, "allowed: 0 to 64");
	refused("workers = 99999999999999999999\n" LEAST, 1, "allowed: 0 to 64");
	refused("workers = *4\n" LEAST, 1, "stray byte 0x2a");
	refused("pam-services += {\"sshd\"}\n" LEAST, 1, "+ is not known here");
	refused("user = 'x'\n" LEAST, 1, "a ' begins no string");
	refused("user = \"a\\x62\"\n" LEAST, 1, "a \\ in a string");
	refused("user = \"a\n\"\n" LEAST, 1, "not closed on its line");
	refused("user = \"a\tb\"\n" LEAST, 1, "control character");
	refused("workers = 1\r\n" LEAST, 1, "carriage return");
	refused(LEAST "/* the rest\n is gone\n", 6, "not closed");
	refused(LEAST "user = \"x\n", 6, "not closed");
	refused("user = {\"a\"}\n" LEAST, 1, "user: a list, allowed: one value");
	refused("user \"a\"\n" LEAST, 1, "missing equal sign");
	refused("user =\n" LEAST, 2, "no such option '[::]:8443'");
	refused(LEAST "user =\n", 7, "unexpected token");
	refused("user = \"a\" \"b\"\n" LEAST, 1, "no such option 'b'");
	refused("trust \"t\" { identity-fields = {\"cn\", \"dns\", \"cn\"} }\n", 1,
	    "\"cn\" is there twice");
	refused("}\n" LEAST, 1, "unexpected closing brace");
	refused("trust { anchors = \"x\" }\n" LEAST, 1, "missing title");
	refused("tls \"x\" {}\n", 1, "missing opening brace");
	refused("= 1\n" LEAST, 1, "must stand before =");
	refused("{ }\n" LEAST, 1, "must stand before {");
	refused(LEAST "\"\"\n", 6, "cannot be understood");
	refused("pam-services = {\"a\" \"b\"}\n" LEAST, 1, "unexpected token");
}

static void
lines_are_counted_right_behind_comments_and_lists(void **state)
{
	(void)state;
	refused("# one\n// two\n/* three\n * four\n */ workers = 65\n" LEAST, 5, "workers");
	refused("trust \"x\" {\n# a\n\tanchors = {\n\"a\", // b\n\"c\" }\n/**/ on-stale = "
		"\"no\"\n}\n" LEAST,
	    6, "trust \"x\": on-stale: \"no\"");
	refused("# a\nlisten \"::1\" {\n# b\n}\n" LEAST, 4, "listen \"::1\"");
	/* the scan before libconfuse counts for itself */
	refused("# one\n/* two\n three */ // \"\n\nworkers = 1 worker = 1\n" LEAST, 5,
	    "worker: no such");
	refused(LEAST "workers = 1\nlimits\n{\n", 8,
	    "the file ends inside section limits, which "
	    "line 8 opens");
	accepted("/***/ workers /* = 3 */ = 4 // 5 \"\n# \" { /*\n" LEAST "//* \n");
}

static void
a_text_that_is_none_is_refused(void **state)
{
	static const char nul[] = LEAST "workers = 1\0\n";
	static char big[CONF_TEXT_MAX + 2];
	struct err e = { 0 };

	(void)state;
	refused("", 0, "does not end in a newline");
	refused(LEAST "workers = 1", 0, "does not end in a newline");
	assert_null(conf_parse(CONF_FILE, (const uint8_t *)nul, sizeof(nul) - 1, &e));
	assert_non_null(strstr(e.text, "NUL byte"));

	memset(big, '\n', sizeof(big));
	memcpy(big, LEAST, sizeof(LEAST) - 1);
	conf_free(conf_parse(CONF_FILE, (const uint8_t *)big, CONF_TEXT_MAX, &e));
	assert_null(conf_parse(CONF_FILE, (const uint8_t *)big, CONF_TEXT_MAX + 1, &e));
	assert_non_null(strstr(e.text, "allowed: at most 1048576"));
}

static void
paths_begin_in_the_folder_of_the_file(void **state)
{
	struct err e = { 0 };
	struct conf *c;
	const uint8_t *text = (const uint8_t *)LEAST "log = \"./l\"\nident-socket = \"s\"\n";
	size_t n = strlen((const char *)text);

	(void)state;
	c = conf_parse("/x.conf", text, n, &e);
	assert_non_null(c);
	assert_string_equal("/server.pem", c->certificate);
	assert_string_equal("/./l", c->log);
	assert_string_equal("/s", c->ident_socket);
	conf_free(c);
	assert_null(conf_parse("x.conf", text, n, &e));
	assert_null(conf_parse("/etc/", text, n, &e));
	assert_null(conf_parse("/a$b/x.conf", text, n, &e));
	refused("log = \"sysloog\"\n" LEAST, 1, "allowed: \"stderr\", \"syslog\" or a path");
	refused("log = \"/var/log/\"\n" LEAST, 1, "names no file");
	accepted("log = \"syslog\"\n" LEAST);
	refused(
	    LEAST "ident-socket = \"/a\" control-socket = \"/a\"\n", 6, "control-socket: the same");
	refused(LEAST "keys-socket = \"/a\" control-socket = \"/a\"\n", 6, "keys-socket: the same");
	refused(LEAST "keys-socket = \"/run/sshbridge/ident.sock\"\n", 6, "keys-socket: the same");
	accepted(LEAST "keys-socket = \"/run/sshbridge/keys.sock\"\n");
	refused(LEAST "user = \"a\" ident-user = \"a\"\n", 6, "ident-user: \"a\" is user too");
	refused(LEAST "user = \"root\"\n", 6, "other than root");
	refused(LEAST "user = \"../x\"\n", 6, "user");
}

static void
listen_takes_numeric_addresses_only(void **state)
{
	static const char *const good[] = { "127.0.0.1:1", "0.0.0.0:65535", "[::1]:22",
		"[2001:db8::1]:443", "[fe80::1%3]:443" };
	static const char *const bad[] = { "", "8443", ":8443", "*:8443", "localhost:8443",
		"::1:22", "[::1]", "[::1]:0", "[::1]:65536", "[::1]:022", "[127.0.0.1]:22",
		"127.0.0.1", "127.1:22", "127.0.0.1:", "[::1]:22 ", "[fe80::1%eth0]:443",
		"[fe80::1%0]:443", "[::1:22", "[]:22", "/run/x.sock" };
	char text[700];
	struct conf *c;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(text, sizeof(text), "%slisten \"%s\" {}\n", LEAST, good[i]);
		accepted(text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "%slisten \"%s\" {}\n", LEAST, bad[i]);
		refused(text, 6, "is no address to listen on, allowed: [IPV6]:PORT or IPV4:PORT");
	}
	c = parse_good("listen \"[fe80::1%3]:443\" { proxy-protocol = {\"10.0.0.5\", "
		       "\"2001:db8::/32\"} }\n" LEAST);
	assert_int_equal(2, c->settings.listeners[0].npeers);
	assert_int_equal(32, c->settings.listeners[0].peers[0].prefix);
	assert_int_equal(0, c->settings.listeners[1].npeers);
	conf_free(c);
	refused(
	    "listen \"[::1]:1\" { proxy-protocol = {\"10.0.0.5/8\"} }\n", 1, "no load balancer");
	refused("listen \"[::1]:1\" { proxy-protocol = {\"0.0.0.0/0\"} }\n", 1, "no load balancer");
	refused("listen \"[::1]:1\" { proxy-protocol = {\"lb\"} }\n", 1, "no load balancer");
}

static void
target_takes_addresses_and_host_names(void **state)
{
	static const char *const good[][2] = { { "127.0.0.1:22", "127.0.0.1" },
		{ "[::1]:22", "::1" }, { "[2001:DB8:0::1]:22", "2001:db8::1" },
		{ "[::ffff:10.0.0.1]:22", "10.0.0.1" }, { "sshd.Example:22", "sshd.example" },
		{ "sshd.example.:22", "sshd.example." }, { "localhost:22", "localhost" },
		{ "a_b-c.9x:22", "a_b-c.9x" } };
	static const char *const bad[] = { "", "22", ":22", "host", "host:0", "host:65536",
		"host:022", "::1:22", "[::1%1]:22", "[host]:22", "-a:22", "a-.b:22", "a..b:22",
		".a:22", "a b:22", "127.1:22", "2130706433:22", "0x7f000001:22", "1.2.3.4.5:22",
		"host/x:22", "/run/s.sock", "*.example:22", "h\xc3\xb6st:22" };
	char text[700];
	struct conf *c;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "target \"a\" { address = \"%s\" }\n%s", good[i][0], LEAST);
		c = parse_good(text);
		assert_string_equal(good[i][1], c->settings.targets[0].host);
		conf_free(c);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "target \"a\" { address = \"%s\" }\n%s", bad[i], LEAST);
		refused(text, 1, "target \"a\": address: ");
	}
}

static void
server_names_are_lower_case_without_last_dot(void **state)
{
	struct conf *c = parse_good(
	    LEAST "target \"b\" { address = \"h:1\" names = {\"SSH.Example.\", \"other\"} }\n");

	(void)state;
	assert_string_equal("ssh.example", c->settings.targets[1].names[0]);
	assert_string_equal("b", settings_target(&c->settings, "SSH.example")->name);
	assert_string_equal("login", settings_target(&c->settings, "x")->name);
	conf_free(c);
	refused("target \"b\" { names = {\"*.example\"} }\n", 1, "no wildcard");
	refused("target \"b\" { names = {\"10.0.0.1\"} }\n", 1, "no host name");
	refused("target \"b\" { names = {\"\"} }\n", 1, "no host name");
}

static void
host_names_may_have_253_bytes_and_labels_63(void **state)
{
	char label[65], name[300], text[900];
	char dst[SETTINGS_HOST_MAX];
	struct err e;

	(void)state;
	memset(label, 'a', 64);
	label[63] = '\0';
	assert_int_equal(0, conf_hostname_parse(label, dst, &e));
	memset(label, 'a', 64);
	label[64] = '\0';
	assert_int_equal(-1, conf_hostname_parse(label, dst, &e));
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 == 0 ? 'a' : '.';
	name[253] = '\0';
	assert_int_equal(0, conf_hostname_parse(name, dst, &e));
	(void)snprintf(
	    text, sizeof(text), "target \"a\" { address = \"%s.:65535\" }\n%s", name, LEAST);
	accepted(text);
	name[253] = 'b';
	name[254] = '\0';
	assert_int_equal(-1, conf_hostname_parse(name, dst, &e));
}

static void
names_of_sections_are_plain(void **state)
{
	static const char *const bad[] = { "", "a b", "a/b", ".a", "-a", "a:b", "\xc3\xa4",
		"0123456789012345678901234567890123456789012345678901234567890123" };
	char text[700];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "trust \"%s\" { anchors = \"x\" }\n%s", bad[i], LEAST);
		refused(text, 1, "is no name");
		(void)snprintf(text, sizeof(text), "target \"%s\" {\n\n address = \"h:1\" }\n%s",
		    bad[i], LEAST);
		refused(text, 1, "is no name");
	}
	(void)snprintf(
	    text, sizeof(text), "trust \"%s\" { anchors = \"x\" }\n%s", bad[7] + 1, LEAST);
	accepted(text);
	accepted("trust a.b_c-9 { anchors = \"x\" }\n" LEAST);
}

static void
more_sections_than_fit_are_refused(void **state)
{
	char text[4000];

	(void)state;
	for (unsigned n = 15; n <= 16; n++) {
		size_t len = 0;

		for (unsigned i = 0; i < n; i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    "trust \"t%u\" { anchors = \"x\" }\n", i);
		(void)snprintf(text + len, sizeof(text) - len, "%s", LEAST);
		if (n == 15)
			accepted(text);
		else
			refused(text, 19, "trust \"corp\": one too many, allowed: at most 16");
	}
}

static void
settings_that_fit_in_no_message_are_refused(void **state)
{
	size_t size = 200000, len;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	len = (size_t)snprintf(text, size, "%s", LEAST);
	for (unsigned t = 0; t < 30; t++) {
		len += (size_t)snprintf(
		    text + len, size - len, "target \"t%u\" { address = \"h:1\" names = {", t);
		for (unsigned i = 0; i < 16; i++)
			len += (size_t)snprintf(text + len, size - len,
			    "%s\"%060u.%060u.%060u.n%u\"", i == 0 ? "" : ", ", 1U, 2U, t, i);
		len += (size_t)snprintf(text + len, size - len, "} }\n");
	}
	refused(text, 35, "too large");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_of_the_manual_parses_to_what_it_says),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(records_that_must_be_written_need_somewhere_to_go),
		cmocka_unit_test(a_crl_makes_revocation_required_unless_told_otherwise),
		cmocka_unit_test(each_needed_option_that_is_missing_is_named),
		cmocka_unit_test(twice_is_refused_for_options_sections_and_titles),
		cmocka_unit_test(unknown_words_are_refused_with_the_known_ones),
		cmocka_unit_test(words_of_later_versions_are_called_so),
		cmocka_unit_test(what_libconfuse_would_take_silently_is_refused),
		cmocka_unit_test(lines_are_counted_right_behind_comments_and_lists),
		cmocka_unit_test(a_text_that_is_none_is_refused),
		cmocka_unit_test(paths_begin_in_the_folder_of_the_file),
		cmocka_unit_test(listen_takes_numeric_addresses_only),
		cmocka_unit_test(target_takes_addresses_and_host_names),
		cmocka_unit_test(server_names_are_lower_case_without_last_dot),
		cmocka_unit_test(host_names_may_have_253_bytes_and_labels_63),
		cmocka_unit_test(names_of_sections_are_plain),
		cmocka_unit_test(more_sections_than_fit_are_refused),
		cmocka_unit_test(settings_that_fit_in_no_message_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
