/* audit.c - which records belong to the audit trail, and the message that carries them */
#include <string.h>

#include "audit.h"

static const struct audit_event events[] = {
	{ "refused", "handshake-refused", AUDIT_GATE | AUDIT_IDENT, NULL, false },
	{ "opened", "opened", AUDIT_IDENT, NULL, false },
	{ "closed", "closed", AUDIT_IDENT, NULL, false },
	{ "cut", "cut", AUDIT_IDENT, NULL, false },
	{ "renewed", "renewed", AUDIT_IDENT, NULL, false },
	{ "granted", "pam", AUDIT_IDENT, "granted", true },
	{ "denied", "pam", AUDIT_IDENT, "granted", false },
	{ "channel-opened", "channel-opened", AUDIT_IDENT, NULL, false },
	{ "channel-refused", "channel-refused", AUDIT_IDENT, NULL, false },
	{ "channel-closed", "channel-closed", AUDIT_IDENT, NULL, false },
	{ "lock", "lock", AUDIT_IDENT | AUDIT_MONITOR, NULL, false },
	{ "unlock", "unlock", AUDIT_IDENT | AUDIT_MONITOR, NULL, false },
	{ "reload", "reload", AUDIT_MONITOR, "ok", true },
	{ "reload-refused", "reload", AUDIT_MONITOR, "ok", false },
	{ "start", "start", AUDIT_MONITOR, NULL, false },
	{ "drain", "drain", AUDIT_MONITOR, NULL, false },
	{ "stop", "stop", AUDIT_MONITOR, NULL, false },
	{ "lost", "lost", AUDIT_MONITOR, NULL, false },
};

const struct audit_event *
audit_event(const char *word)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (strcmp(events[i].word, word) == 0)
			return &events[i];
	return NULL;
}

/* The event of a record that is still being built here. */
static const struct audit_event *
event_of(const struct logline *l)
{
	struct msg_in m = { .p = l->buf + MSG_HEADER, .left = l->len - MSG_HEADER };
	char word[LOGLINE_WORD_MAX];

	return msg_get_str(&m, word, sizeof(word)) == -1 ? NULL : audit_event(word);
}

bool
audit_write(struct msg_out *o, uint8_t *buf, enum child_level level, const struct logline *l,
    uint64_t number, uint64_t lost)
{
	char text[LOGLINE_TEXT_MAX];

	if (event_of(l) == NULL) {
		msg_start(o, buf, AUDIT_MESSAGE_MAX, MSG_LOG, 0);
		msg_put_u32(o, level);
		msg_put_str(o, logline_text(l, text));
		return false;
	}
	msg_start(o, buf, AUDIT_MESSAGE_MAX, MSG_AUDIT, 0);
	msg_put_u32(o, level);
	msg_put_u64(o, number);
	msg_put_u64(o, lost);
	logline_put(l, o);
	return true;
}

int
audit_get(struct msg_in *m, enum audit_sender sender, struct audit *a, struct err *e)
{
	if (msg_get_u32(m, &a->level) == -1 || msg_get_u64(m, &a->number) == -1 ||
	    msg_get_u64(m, &a->lost) == -1 || a->level > CHILD_DEBUG)
		return err_set(e, ERR_PEER, "AUDIT: malformed");
	a->raw = *m;
	if (logrecord_get(m, &a->record, e) == -1)
		return -1;
	a->event = audit_event(a->record.event);
	if (a->event == NULL || (a->event->senders & sender) == 0)
		return err_set(e, ERR_PEER, "AUDIT: \"%s\" is not its to send", a->record.event);
	return 0;
}
