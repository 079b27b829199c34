/* crlmake.h - a CertificateList out of parts, each of which a test may replace */
#ifndef TEST_CRLMAKE_H
#define TEST_CRLMAKE_H

#include <stddef.h>
#include <stdint.h>

/* Hexadecimal, blanks allowed; NULL: as in a good CRL; "": left out. */
struct crlmake {
	const char *version;   /* the INTEGER */
	const char *algorithm; /* inside */
	const char *outside;   /* the same outside; NULL: what is inside */
	const char *issuer;
	const char *this_update, *next_update;
	const char *revoked;	/* the content of the SEQUENCE OF entries; default: left out */
	const char *extensions; /* the content of the SEQUENCE OF Extension */
	const char *behind;	/* bytes behind the list */
	const char *signature;	/* the BIT STRING */
};
/* At most `size` bytes; how many. */
size_t crlmake(const struct crlmake *m, uint8_t *dst, size_t size);

/* Of extensions: a CRL number 1; nothing critical. */
#define CRLMAKE_NUMBER "300a 0603551d14 0403 020101"

#endif
