/* say.h - what the user reads on stderr: one line, one write */
#ifndef SAY_H
#define SAY_H

/* "mtls-connect: TEXT\n". Text of others in it has been through text_escape(). */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2), nonnull(1)));
/* From here on "mtls-connect: #NUMBER: TEXT\n": one of several connections of a listener. */
void say_number(unsigned number);

#endif
