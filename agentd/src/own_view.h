/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_OWN_VIEW_H
#define AGENTD_OWN_VIEW_H

/*
 * For the first process of a PID namespace: mounts anew what shows processes,
 * so that the guest sees its own alone. /proc ends the boot if it cannot be
 * had; without cgroups of its own a guest still runs, but no systemd.
 *
 * Returns an O_PATH descriptor of that /proc, or -1.
 */
int own_view(void);

#endif
