/* agentanswer.c - what an ssh-agent answers */
#include <string.h>

#include "agentanswer.h"
#include "sshread.h"

int
agentanswer_bad(struct err *e)
{
	return err_set(
	    e, ERR_PEER, "what listens at SSH_AUTH_SOCK does not answer as an ssh-agent does");
}

static int
keys_scan(struct sshread r, const uint8_t *blob, size_t blob_n, size_t *keys, struct err *e)
{
	struct sshread key, comment;
	uint32_t count;
	int found = 0;

	if (!sshread_u32(&r, &count) || count > AGENT_KEYS)
		return agentanswer_bad(e);
	for (uint32_t i = 0; i < count; i++) {
		if (!sshread_string(&r, &key) || !sshread_string(&r, &comment))
			return agentanswer_bad(e);
		if (key.n == blob_n && memcmp(key.p, blob, blob_n) == 0)
			found = 1;
	}
	if (r.n != 0)
		return agentanswer_bad(e);
	*keys = count;
	return found;
}

int
agentanswer_keys(
    const uint8_t *p, size_t n, const uint8_t *blob, size_t blob_n, size_t *keys, struct err *e)
{
	struct sshread r = { p, n };
	uint8_t type;

	if (!sshread_byte(&r, &type))
		return agentanswer_bad(e);
	if (type == AGENT_FAILURE)
		return err_set(e, ERR_REFUSED, "ssh-agent does not say which keys it holds");
	if (type != AGENT_IDENTITIES_ANSWER)
		return agentanswer_bad(e);
	return keys_scan(r, blob, blob_n, keys, e);
}

int
agentanswer_signature(
    const uint8_t *p, size_t n, uint8_t sig[AGENT_SIG_MAX], size_t *sig_n, struct err *e)
{
	struct sshread r = { p, n }, s;
	uint8_t type;

	if (!sshread_byte(&r, &type))
		return agentanswer_bad(e);
	if (type == AGENT_FAILURE)
		return err_set(e, ERR_REFUSED,
		    "ssh-agent did not sign: it was not confirmed, the agent is locked (ssh-add "
		    "-X), or the key was added for certain hosts only (ssh-add -h), which keeps it "
		    "from TLS");
	if (type != AGENT_SIGN_RESPONSE || !sshread_string(&r, &s) || r.n != 0 ||
	    s.n > AGENT_SIG_MAX)
		return agentanswer_bad(e);
	memcpy(sig, s.p, s.n);
	*sig_n = s.n;
	return 0;
}
