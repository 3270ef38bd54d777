/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_ROOTFS_H
#define AGENTD_ROOTFS_H

#include "messages.h"
#include "teardown.h"

/*
 * Mounts the read-only image under the writable disk and makes the two "/".
 * What the teardown needs later is kept in `t`. A failure ends the boot.
 */
void rootfs_enter(const struct msg_bootstrap *b, int uevent_fd, struct teardown *t);

/* What every system expects in its root; what cannot be had is logged. */
void rootfs_furnish(void);

#endif
