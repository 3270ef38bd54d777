/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_TEARDOWN_H
#define AGENTD_TEARDOWN_H

/*
 * What makes a stop durable. An object of its own behind this interface, so
 * that the build can put another in its place (make TEARDOWN=...).
 *
 * The first two may block for as long as a disk does: they run in a helper
 * process that the agent waits for only so long. They return 0 or an errno.
 */

/* O_PATH descriptors that stay valid whatever the guest mounts on top; -1: none. */
struct teardown {
	int root_fd;		/* the overlay that everything runs in */
	int upper_fd;		/* the writable file system under it */
	int proc_fd;
};

/* Writes back all that is dirty. */
int teardown_sync(const struct teardown *t);

/*
 * After the last process is dead: makes every block-backed file system
 * read-only and writes back the rest. 0 only if that is certain.
 */
int teardown_settle(const struct teardown *t);

_Noreturn void teardown_power_off(void);

#endif
