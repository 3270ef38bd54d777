/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_EARLY_H
#define AGENTD_EARLY_H

/* /dev, /proc and /sys of the initramfs, and descriptors 0 to 2. */
void early_mounts(void);

/*
 * Room for every session's descriptors, and no death by SIGPIPE; commands keep
 * the limit and the signals they had.
 */
void early_limits(void);

#endif
