/* pamcheck.h - whether the service files of PAM send every login past pam_mtls (-t, start, reload)
 */
#ifndef PAMCHECK_H
#define PAMCHECK_H

#include "conf.h"
#include "pamfile.h"

/*
 * Call `tell` with "FILE:LINE: what is wrong: what to write" for each fault of a service's file,
 * and return their number; 0: logins of this service pass pam_mtls, in the right order.
 */
unsigned pamcheck_service(const char *service, pamfile_source *source, void *arg,
    void (*tell)(void *tell_arg, const char *text), void *tell_arg)
    __attribute__((nonnull(1, 2, 4)));

/* The same for each of pam-services, from /etc/pam.d or, what is not there, /usr/lib/pam.d. */
unsigned pamcheck(const struct conf_list *services, void (*tell)(void *tell_arg, const char *text),
    void *tell_arg) __attribute__((nonnull(1, 2)));

#endif
