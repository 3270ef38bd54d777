/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_HARDENING_H
#define AGENTD_HARDENING_H

/*
 * The restricted profile: root is bounded, and nobody in the guest can gain
 * more than he has. What is bounded, and why, is in docs/security.md.
 */

/*
 * Restricts the machine for good: the kernel's settings, the mounts, and what
 * this process and all that come of it can gain by executing something. The
 * agent keeps what it has itself, for it has a machine to take down. What
 * cannot be restricted ends the machine.
 */
void harden_machine(void);

/* The part of it that is about this process and its children; -1 with errno. */
int harden_bounds(void);

/*
 * In a child of the agent, before it becomes its user: gives up what exceeds
 * the bounds, if there are any. Allocates nothing. -1 with errno.
 */
int harden_child(void);

#endif
