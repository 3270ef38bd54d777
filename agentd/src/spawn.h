/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_SPAWN_H
#define AGENTD_SPAWN_H

#include "plan.h"

/* The agent's ends, all non-blocking and close-on-exec. */
struct spawned {
	pid_t pid;
	int in;			/* -1: stdin is /dev/null, or a terminal at which nobody types */
	int out;
	int err;		/* -1: it is a terminal, whose output is all in `out` */
	int report;		/* a struct child_report, or end of file on exec */
};

/*
 * Starts the child. It reports later, through a pipe that exec closes, so that
 * a slow disk under the program holds up nobody else.
 */
bool spawn(const struct plan *p, struct spawned *s, struct failure *f);

/* Opens what "stdin: null" gives, before the guest can take /dev/null away. */
void spawn_init(void);

#endif
