/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_IDENTITY_H
#define AGENTD_IDENTITY_H

#include "util.h"

/*
 * Host name, /etc/hostname, /etc/hosts and the loopback interface. A root
 * without /etc is no error. What a user has made of the files is left alone
 * while the name stays the same.
 */
void identity_set(struct span hostname);

#endif
