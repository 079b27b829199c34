/* authkeys_name.c - what the file of an account may be called; the monitor looks, and links no more
 */
#include <string.h>

#include "authkeys.h"

bool
authkeys_account(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= AUTHKEYS_ACCOUNT_MAX && name[0] != '-' && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		   n;
}
