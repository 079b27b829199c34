/* conf_table.c - every option: keyword, type, default, range; the manual is held against it */
#include <stdio.h>
#include <string.h>

#include "conf_local.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))
/* Where a value goes: once, or in each instance of an array of struct conf. */
#define ONE(member)  offsetof(struct conf, member), 0
#define WHOLE(array) offsetof(struct conf, array), sizeof(((struct conf *)0)->array[0])
#define EACH(array, member) \
	offsetof(struct conf, array[0].member), sizeof(((struct conf *)0)->array[0])
#define RANGE(lo, hi) .min = (lo), .max = (hi)
#define MONTH	      2592000 /* seconds in 30 days */
#define FORWARD	      (1U << TARGET_FORWARD)
#define JUMP	      (1U << TARGET_JUMP)

const struct conf_section_info conf_sections[CONF_NSECTIONS] = {
	[CONF_TOP] = { "", NULL, 1 },
	[CONF_LISTEN] = { "listen", "[IPV6]:PORT or IPV4:PORT", SETTINGS_LISTENERS_MAX },
	[CONF_TLS] = { "tls", NULL, 1 },
	[CONF_TRUST] = { "trust", "a name", SECTIONS_MAX },
	[CONF_TARGET] = { "target", "a name", SETTINGS_TARGETS_MAX },
	[CONF_LIMITS] = { "limits", NULL, 1 },
	[CONF_AUDIT] = { "audit", NULL, 1 },
};

static const struct conf_word tls_versions[] = { { "1.2", 0x0303 }, { "1.3", 0x0304 }, { 0 } };
static const struct conf_word revocations[] = { { "require", 1 }, { "off", 0 }, { 0 } };
static const struct conf_word stales[] = { { "keep", 0 }, { "cut", 1 }, { 0 } };
static const struct conf_word expiries[] = { { "cut", 0 }, { "keep", 1 }, { 0 } };
static const struct conf_word losses[] = { { "count", 0 }, { "require", 1 }, { 0 } };
static const struct conf_word modes[] = {
	{ "forward", TARGET_FORWARD },
	{ "jump", TARGET_JUMP },
	{ 0 },
};
static const struct conf_word ssh_keys[] = {
	{ "certificate", SSH_KEYS_BOUND },
	{ "authorized-keys", SSH_KEYS_LISTED },
	{ "either", SSH_KEYS_EITHER },
	{ 0 },
};
static const struct conf_word offers[] = { { "no", 0 }, { "yes", 1 }, { 0 } };
static const struct conf_word sources[] = {
	{ "per-identity", SOURCE_PER_IDENTITY },
	{ "per-client", SOURCE_PER_CLIENT },
	{ "system", SOURCE_SYSTEM },
	{ 0 },
};

/* clang-format off: a table */
const struct conf_row conf_rows[CONF_NROWS] = {
	{ CONF_LISTEN, "proxy-protocol", CONF_PEERS, NULL, false, RANGE(0, SETTINGS_PEERS_MAX),
	    .at = WHOLE(settings.listeners),
	    .help = "load balancers, which must send a PROXY header; nobody else may connect" },

	{ CONF_TLS, "certificate", CONF_PATH, NULL, true, .at = ONE(certificate),
	    .help = "server certificate, then its intermediates (PEM)" },
	{ CONF_TLS, "key", CONF_PATH, NULL, true, .at = ONE(key),
	    .help = "private key of the certificate" },
	{ CONF_TLS, "min-version", CONF_WORD, "1.3", .words = tls_versions,
	    .at = ONE(settings.tls_min), .help = "oldest TLS version that is spoken" },

	{ CONF_TRUST, "anchors", CONF_PATHS, NULL, true, RANGE(1, CONF_FILES_MAX),
	    .at = EACH(trust, anchors), .help = "files of trust anchors" },
	{ CONF_TRUST, "intermediates", CONF_PATHS, NULL, false, RANGE(0, CONF_FILES_MAX),
	    .at = EACH(trust, intermediates),
	    .help = "files of intermediate certificates that clients need not send" },
	{ CONF_TRUST, "crl", CONF_PATHS, NULL, false, RANGE(0, CONF_FILES_MAX),
	    .at = EACH(trust, crls), .help = "files of certificate revocation lists" },
	{ CONF_TRUST, "revocation", CONF_WORD, NULL, .words = revocations,
	    .at = EACH(settings.sections, revocation),
	    .help = "whether each issuer in a path must have a current CRL" },
	{ CONF_TRUST, "on-stale", CONF_WORD, "keep", .words = stales,
	    .at = EACH(settings.sections, stale_cut),
	    .help = "what a CRL that is out of date does to live connections" },
	{ CONF_TRUST, "identity-fields", CONF_FIELDS, "uri upn email subject", false,
	    RANGE(1, ID_NAMED_MAX), .at = WHOLE(settings.sections),
	    .help = "what names a person: the first of these that the certificate has" },

	{ CONF_TOP, "identity-map", CONF_PATH, NULL, true, .at = ONE(identity_map),
	    .help = "file that says which identity may use which accounts" },
	{ CONF_TOP, "user", CONF_USER, "_sshbridge", .at = ONE(user),
	    .help = "account of all processes but the monitor and ident" },
	{ CONF_TOP, "ident-user", CONF_USER, "_sshbridge-ident", .at = ONE(ident_user),
	    .help = "account of the process that maps identities" },
	{ CONF_TOP, "workers", CONF_NUMBER, "0", false, RANGE(0, 64), .at = ONE(workers),
	    .help = "gate processes; 0 is one per core" },
	{ CONF_TOP, "ident-socket", CONF_SOCKET, "/run/sshbridge/ident.sock",
	    .at = ONE(ident_socket), .help = "where pam_mtls asks" },
	{ CONF_TOP, "control-socket", CONF_SOCKET, "/run/sshbridge/control.sock",
	    .at = ONE(control_socket), .help = "where sshbridgectl and the next instance ask" },
	{ CONF_TOP, "locks", CONF_PATH, "/var/lib/sshbridge/locks", .at = ONE(locks),
	    .help = "file that keeps the identities that are locked; read at the start only" },
	{ CONF_TOP, "keys-socket", CONF_SOCKET, NULL, .at = ONE(keys_socket),
	    .help = "where mtls-keys asks, as a member of group _sshbridge-keys; unset: nowhere" },
	{ CONF_TOP, "log", CONF_LOG, "stderr", .at = ONE(log),
	    .help = "where log lines go: stderr, syslog or a file" },
	{ CONF_TOP, "local-ports", CONF_PORTS, "32768-60999", false, RANGE(1024, 65535),
	    .at = ONE(settings), .help = "source ports of connections to targets, at least 1000" },
	{ CONF_TOP, "drain", CONF_NUMBER, "0", false, RANGE(0, MONTH), .at = ONE(drain),
	    .help = "seconds that sessions may last after SIGTERM; 0 is no limit" },
	{ CONF_TOP, "capture-min-uid", CONF_NUMBER, "1000", false, RANGE(1, 4294967294),
	    .at = ONE(settings.capture_min_uid),
	    .help = "smallest uid that a captured account name may have" },
	{ CONF_TOP, "pam-services", CONF_SERVICES, NULL, false, RANGE(0, CONF_PAM_MAX),
	    .at = ONE(pam_services),
	    .help = "PAM services whose files a check of the configuration reads" },

	{ CONF_TOP, "jump-networks", CONF_NETWORKS, NULL, false, RANGE(0, SETTINGS_NETWORKS_MAX),
	    .at = ONE(settings), .help = "networks that a jump may reach; empty: see the manual" },

	{ CONF_TARGET, "mode", CONF_WORD, "forward", .words = modes, .later = "record",
	    .at = EACH(settings.targets, mode),
	    .help = "what the bridge does with the connection" },
	{ CONF_TARGET, "address", CONF_ADDRESS, NULL, true, RANGE(1, 65535), .modes = FORWARD,
	    .at = WHOLE(settings.targets), .help = "the SSH server, HOST:PORT" },
	{ CONF_TARGET, "names", CONF_NAMES, NULL, false, RANGE(0, SETTINGS_NAMES_MAX),
	    .at = WHOLE(settings.targets),
	    .help = "server names (SNI) by which clients choose this target" },
	{ CONF_TARGET, "source", CONF_WORD, "per-identity", .words = sources,
	    .at = EACH(settings.targets, source),
	    .help = "from which address a loopback target is dialled" },
	{ CONF_TARGET, "idle-timeout", CONF_NUMBER, "0", false, RANGE(0, MONTH),
	    .at = EACH(settings.targets, idle_timeout),
	    .help = "seconds without a byte until a connection ends; 0 is never" },
	{ CONF_TARGET, "on-expiry", CONF_WORD, "cut", .words = expiries,
	    .at = EACH(settings.targets, keep_expired),
	    .help = "what the end of a certificate does to live connections" },
	{ CONF_TARGET, "reauth", CONF_NUMBER, "600", false, RANGE(0, MONTH),
	    .at = EACH(settings.targets, reauth),
	    .help = "seconds before its end at which a new certificate is asked for; 0 is never" },

	{ CONF_TARGET, "host-keys", CONF_PATHS, NULL, true, RANGE(1, SETTINGS_HOST_KEYS_MAX),
	    .modes = JUMP, .at = EACH(target, host_keys),
	    .help = "private keys by which the jump host proves itself (OpenSSH format)" },
	{ CONF_TARGET, "ssh-keys", CONF_WORD, NULL, .words = ssh_keys, .modes = JUMP,
	    .at = EACH(settings.targets, ssh_keys),
	    .help = "which SSH keys log in: certificate, authorized-keys or either" },
	{ CONF_TARGET, "authorized-keys", CONF_FOLDER, NULL, .modes = JUMP,
	    .at = EACH(target, authorized_keys),
	    .help = "file of each account's SSH keys: FOLDER/%u" },
	{ CONF_TARGET, "pam", CONF_SERVICE, NULL, .modes = JUMP, .at = EACH(settings.targets, pam),
	    .help = "PAM service that has a say in logins to the jump host; unset: none" },
	{ CONF_TARGET, "aes-gcm", CONF_WORD, "yes", .words = offers, .modes = JUMP,
	    .at = EACH(settings.targets, aes_gcm),
	    .help = "whether the ciphers AES-GCM are offered" },
	{ CONF_TARGET, "banner", CONF_LINES, NULL, false, RANGE(0, 100), .modes = JUMP,
	    .at = EACH(settings.targets, banner), .help = "lines that are shown before the login" },

	{ CONF_LIMITS, "handshake-timeout", CONF_NUMBER, "10", false, RANGE(1, 300),
	    .at = ONE(settings.handshake_timeout),
	    .help = "seconds for the TLS handshake, from accept to its last byte" },
	{ CONF_LIMITS, "dial-timeout", CONF_NUMBER, "10", false, RANGE(1, 300),
	    .at = ONE(settings.dial_timeout),
	    .help = "seconds to reach a target, all its addresses together" },
	{ CONF_LIMITS, "login-timeout", CONF_NUMBER, "30", false, RANGE(5, 600),
	    .at = ONE(settings.login_timeout),
	    .help = "seconds for the SSH login to a jump host, prompts included" },
	{ CONF_LIMITS, "channels", CONF_NUMBER, "256", false, RANGE(1, 4096),
	    .at = ONE(settings.channels),
	    .help = "connections to targets at once in one connection to a jump host" },
	{ CONF_LIMITS, "connections", CONF_NUMBER, "20000", false, RANGE(1, 1000000),
	    .at = ONE(settings.connections), .help = "at once, all listeners together" },
	{ CONF_LIMITS, "per-address", CONF_NUMBER, "64", false, RANGE(1, 1000000),
	    .at = ONE(settings.per_address), .help = "at once from one client address" },
	{ CONF_LIMITS, "per-identity", CONF_NUMBER, "16", false, RANGE(1, 1000000),
	    .at = ONE(settings.per_identity), .help = "at once of one identity" },

	{ CONF_AUDIT, "to", CONF_TRAIL, "", .at = ONE(audit_to),
	    .help = "where audit records go: a file, syslog or stderr; empty is nowhere" },
	{ CONF_AUDIT, "on-loss", CONF_WORD, "count", .words = losses,
	    .at = ONE(settings.audit_require),
	    .help = "what a record that cannot be written does: it is counted, or nobody gets in" },
};
/* clang-format on */

/* Known to a later version, and said so instead of "unknown". */
static const struct {
	enum conf_section section;
	const char *name;
} later[] = {
	{ CONF_TOP, "watch-map" },
	{ CONF_TOP, "listen-local" },
};

static bool
word_is(const char *word, const char *name, size_t n)
{
	return strlen(word) == n && memcmp(word, name, n) == 0;
}

int
conf_row_find(enum conf_section section, const char *name, size_t n)
{
	for (int i = 0; i < CONF_NROWS; i++)
		if (conf_rows[i].section == section && word_is(conf_rows[i].name, name, n))
			return i;
	return -1;
}

enum conf_section
conf_section_find(const char *name, size_t n)
{
	for (int i = CONF_TOP + 1; i < CONF_NSECTIONS; i++)
		if (word_is(conf_sections[i].name, name, n))
			return (enum conf_section)i;
	return CONF_TOP;
}

bool
conf_is_later(enum conf_section section, const char *name, size_t n)
{
	for (size_t i = 0; i < nitems(later); i++)
		if (later[i].section == section && word_is(later[i].name, name, n))
			return true;
	return false;
}

/* Append ", NAME" or "NAME" to the text of *e, as far as it goes. */
static void
append_word(struct err *e, const char *word, const char *tail, bool first)
{
	size_t used = strlen(e->text);

	(void)snprintf(
	    e->text + used, sizeof(e->text) - used, "%s%s%s", first ? "" : ", ", word, tail);
}

int
conf_unknown(enum conf_section section, const char *name, size_t n, struct err *e)
{
	bool first = true;

	if (conf_is_later(section, name, n))
		return err_set(e, ERR_FORMAT, "%.*s: not in this version", (int)n, name);
	(void)err_set(
	    e, ERR_FORMAT, "%.*s: no such option here, allowed: ", n > 60 ? 60 : (int)n, name);
	for (int i = 0; i < CONF_NROWS; i++)
		if (conf_rows[i].section == section) {
			append_word(e, conf_rows[i].name, "", first);
			first = false;
		}
	for (int i = CONF_TOP + 1; section == CONF_TOP && i < CONF_NSECTIONS; i++)
		append_word(e, conf_sections[i].name, " {}", false);
	return -1;
}

const void *
conf_at_const(const struct conf *c, const struct conf_row *r, uint32_t instance)
{
	return (const char *)c + r->at + instance * r->stride;
}

void *
conf_at(struct conf *c, const struct conf_row *r, uint32_t instance)
{
	return (char *)c + r->at + instance * r->stride;
}

bool
conf_row_applies(const struct conf *c, const struct conf_row *r, uint32_t instance)
{
	return r->section != CONF_TARGET || r->modes == 0 ||
	       (r->modes & 1U << c->settings.targets[instance].mode) != 0;
}

uint32_t
conf_count(const struct conf *c, enum conf_section section)
{
	switch (section) {
	case CONF_LISTEN:
		return c->settings.nlisteners;
	case CONF_TRUST:
		return c->settings.nsections;
	case CONF_TARGET:
		return c->settings.ntargets;
	default:
		return 1;
	}
}
