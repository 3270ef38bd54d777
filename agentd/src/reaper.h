/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_REAPER_H
#define AGENTD_REAPER_H

#include <sys/types.h>

#include "loop.h"

/*
 * The only caller of wait. As PID 1 we are the parent of every orphan, so a
 * machine without children of ours is a machine without processes.
 */
struct reaper {
	struct watch w;
	void (*reaped)(struct reaper *r, pid_t pid, int wstatus);
	void (*settled)(struct reaper *r);	/* after each batch */
	bool childless;				/* nothing is left to wait for */
};

bool reaper_init(struct reaper *r, struct loop *l);

/* Reaps what is dead by now, also without a signal. */
void reaper_collect(struct reaper *r);

#endif
