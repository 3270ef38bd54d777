/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_UEVENT_H
#define AGENTD_UEVENT_H

#include <stdint.h>

/*
 * Kernel events about devices. Opened before the modules are loaded, so that
 * no device can appear unnoticed between a look and a wait.
 */
int uevent_open(void);

/* Waits for any event. 0, or -1 with errno ETIMEDOUT at the deadline. */
int uevent_wait(int fd, uint64_t deadline_mono_ns);

#endif
