/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_IDENTITY_H
#define AGENTD_IDENTITY_H

#include "util.h"

/*
 * Host name, /etc/hostname and /etc/hosts. A root without /etc is no error.
 * What a user has made of the files is left alone while the name stays the
 * same.
 */
void identity_set_hostname(struct span hostname);

/* /etc/machine-id; MACHINE_ID_LEN digits. */
void identity_set_machine_id(struct span id);

void identity_loopback_up(void);

#endif
