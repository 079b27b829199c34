/* text.h - make text of others safe to show: one line, printable, bounded */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Write `n` bytes of `src` into `dst` (of `size` bytes, always NUL-terminated) so that a terminal
 * or a log line can hold them: bytes 0x20..0x7e as they are, but `\` and `"` with a backslash;
 * well-formed UTF-8 beyond ASCII as it is, but C1 controls, line separators, bidirectional
 * controls and invalid bytes as \xHH. What does not fit is cut, with "..." at the end.
 * Return `dst`.
 */
char *text_escape(char *dst, size_t size, const void *src, size_t n) __attribute__((nonnull(1)));

/*
 * Replace every byte that text_escape() would not show by '?', in place, but leave backslashes and
 * quotes: for lines that a child has already escaped, and that its receiver does not take on trust.
 */
void text_clean(char *s) __attribute__((nonnull));

/* Lower-case hex of `n` bytes into `dst` (2n + 1 bytes must fit in `size`, else it is cut). */
char *text_hex(char *dst, size_t size, const void *src, size_t n) __attribute__((nonnull(1)));

/* Unpadded base64 of a SHA-256 with "SHA256:" before it, as ssh-keygen prints it: 51 bytes. */
#define TEXT_SHA256_SIZE 51
char *text_sha256(char dst[TEXT_SHA256_SIZE], const uint8_t sha256[32]) __attribute__((nonnull));

/* "2026-11-23T22:38:51Z" (RFC 3339) of seconds since 1970-01-01 UTC: 21 bytes. */
#define TEXT_TIME_SIZE 32
char *text_time(char dst[TEXT_TIME_SIZE], int64_t t) __attribute__((nonnull));

#endif
