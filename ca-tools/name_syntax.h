/* name_syntax.h - what an e-mail address, a URI, a host name looks like (no OpenSSL here) */
#ifndef CA_NAME_SYNTAX_H
#define CA_NAME_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

/* Each takes `n` bytes at `s`, which may hold anything. */
bool syntax_host(const char *s, size_t n);	/* letters, digits, hyphens; not an IPv4 address */
bool syntax_ip(const char *s, size_t n);	/* IPv4 dotted, IPv6 without scope or brackets */
bool syntax_email(const char *s, size_t n);	/* dot-atom@host */
bool syntax_uri(const char *s, size_t n);	/* absolute; an authority has a host */
bool syntax_upn(const char *s, size_t n);	/* name@realm, printable UTF-8, no blank */
bool syntax_printable(const char *s, size_t n); /* well-formed UTF-8, no control, no \ and " */
size_t syntax_characters(const char *s, size_t n); /* of well-formed UTF-8 */

#endif
