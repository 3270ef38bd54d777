/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_HANDOFF_H
#define AGENTD_HANDOFF_H

#include <sys/types.h>

#include "init_plan.h"
#include "loop.h"

struct agent;

/*
 * A machine whose PID 1 is the user's own init. Three processes come of one:
 *
 *	warden	PID 1 of the machine, seen by nobody in the guest
 *	init	the user's, PID 1 of a PID namespace in which the guest lives
 *	agent	this program as it was, a child of the init
 *
 * An init that ends takes its namespace with it, and one that calls reboot(2)
 * ends; in both cases it is the warden that is left, with the disks.
 */

/* In memory that the agent and the warden share; it is all that the warden knows. */
struct handoff_page {
	volatile bool fatal;		/* the agent has said why it ends the machine */
	volatile bool asked;		/* the machine is to go down */
	volatile bool left;		/* the agent has done its part: whatever still runs is to be killed */
	volatile uint64_t init_since;	/* CLOCK_MONOTONIC: when the init was told, */
	volatile uint64_t init_until;	/* and how long it may go on, also without agent */
	volatile uint64_t debt;		/* see struct port */
	struct halted report;		/* so far */
};

struct handoff {
	struct handoff_page *page;	/* NULL: the agent is PID 1 */
	int link;			/* its other end is the warden's; closes with the agent */
	int proc_fd;			/* the namespace's /proc, whatever the guest mounts there */
	struct watch terms;		/* SIGTERM */
};

/* Where this process's command line is, which is rewritten once it is no PID 1 any more. */
void handoff_title(char **argv);

/*
 * Executes the init. Returns in the agent, once that has succeeded; if it does
 * not, the machine ends. There may be no sessions and no connections. The
 * agent's loop, if it has one by then, has to be made anew: what an epoll
 * descriptor looks at of signals is its maker's.
 */
void handoff(struct agent *a, struct init_plan *p);

/* Puts what the agent has to watch as an init's child into its loop. */
bool handoff_watch(struct agent *a);

/*
 * Tells the init to bring the machine down, in the way that it understands:
 * SIGRTMIN+4 as systemd does, else SIGTERM. False: it listens to neither.
 */
bool handoff_ask_init(const struct agent *a);

/* Tells the warden what has been measured so far, and that the machine is to go down, by its init until then. */
void handoff_note(struct agent *a, const struct halted *report, uint64_t init_until);

/* The agent ends. `done`: what else is running is the warden's to kill. */
_Noreturn void handoff_leave(struct agent *a, bool done);

#endif
