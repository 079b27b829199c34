/* bad_chains.h - mtls-ca verify on tables of bad chains, in a folder of the test's own */
#ifndef BAD_CHAINS_H
#define BAD_CHAINS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca-tools/verify.h"
#include "scratch.h"
#include "tests/unit/help/badchain.h"

#define all_refused(rows) \
	assert_int_equal(0, badchain_check(rows, sizeof(rows) / sizeof((rows)[0]), cmd_verify))

static inline int
bad_chains_setup(void **state)
{
	static struct scratch s;

	*state = &s;
	return scratch_make(&s) == 0 ? chdir(s.dir) : -1;
}

static inline int
bad_chains_teardown(void **state)
{
	scratch_gone(*state);
	return chdir("/");
}

#endif
