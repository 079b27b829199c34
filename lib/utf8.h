/* utf8.h - text that may be compared and mapped: well-formed UTF-8 without control characters */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether all `n` bytes are well-formed UTF-8 (RFC 3629 section 4: shortest form, no surrogates,
 * at most U+10FFFF) and none of its characters is a control (C0 with NUL, DEL, C1).
 */
bool utf8_is_clean(const void *text, size_t n) __attribute__((warn_unused_result, nonnull));

#endif
