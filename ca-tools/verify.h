/* verify.h - mtls-ca verify: the bridge's own verifier on files */
#ifndef CA_VERIFY_H
#define CA_VERIFY_H

/*
 * argv[0] is the command's word. Returns the exit code: 0 valid, 1 not valid (the reason on stderr;
 * a file that can be read but holds junk included), 2 usage, or a file that cannot be opened.
 */
int cmd_verify(int argc, char **argv) __attribute__((nonnull));

#endif
