/* certpath_ends.c - what in a trust section ends when */
#include "certpath_local.h"
#include "certtime.h"
#include "x509text.h"

struct telling {
	void (*tell)(void *arg, const struct certpath_end *end);
	void *arg;
};

static void
tell(const struct telling *t, enum certpath_kind kind, const X509_NAME *name, const ASN1_TIME *from,
    const ASN1_TIME *until)
{
	char shown[X509TEXT_NAME_SIZE];
	struct certpath_end end = { .kind = kind };

	if (from == NULL || until == NULL || certtime_get(from, &end.from) == -1 ||
	    certtime_get(until, &end.until) == -1)
		end.from = end.until = 0;
	end.name = x509text_name(shown, sizeof(shown), name);
	t->tell(t->arg, &end);
}

static void
tell_certs(const struct telling *t, enum certpath_kind kind, const STACK_OF(X509) * certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		const X509 *c = sk_X509_value(certs, i);

		tell(t, kind, X509_get_subject_name(c), X509_get0_notBefore(c),
		    X509_get0_notAfter(c));
	}
}

void
certpath_ends(const struct certpath_trust *t,
    void (*tell_end)(void *arg, const struct certpath_end *end), void *arg)
{
	const struct telling to = { tell_end, arg };

	tell_certs(&to, CERTPATH_ANCHOR, t->anchors);
	tell_certs(&to, CERTPATH_INTERMEDIATE, t->inter);
}
