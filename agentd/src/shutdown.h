/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_SHUTDOWN_H
#define AGENTD_SHUTDOWN_H

#include <sys/types.h>

#include "loop.h"
#include "messages.h"

struct agent;

/*
 * The way down, phase by phase, inside the loop: output, exits and requests go
 * on being served all the while. Each phase ends when it is done or at its
 * bound (bounds.h), whichever comes first. Where PID 1 has been handed off, the
 * agent's way ends before the file systems: what follows is the warden's.
 */
enum shutdown_phase {
	PHASE_UP,
	PHASE_COMMANDS,	/* those that have a signal of their own for it are sent that */
	PHASE_TERM,	/* SIGTERM to all; they may still write */
	PHASE_SYNC,	/* a helper writes back what is dirty */
	PHASE_WORDS,	/* handed off: what the sessions have said, on its way to the host */
	PHASE_INIT,	/* handed off: the init's turn, which ends with the agent's end */
	PHASE_REST,	/* handed off, and the init has not done it: SIGTERM to all */
	PHASE_KILL,	/* SIGKILL to all, reaping */
	PHASE_DRAIN,	/* the last output and exits on their way to the host */
	PHASE_SETTLE,	/* a helper makes the file systems read-only */
	PHASE_HALTED,	/* msb.halted on its way to the host */
};

struct shutdown {
	struct agent *agent;
	enum shutdown_phase phase;
	struct timer timer;
	uint64_t begun, since, until;
	uint64_t budget_ns;	/* the host's; 0 where it has not told */
	pid_t helper;
	bool synced, settled;
	bool follows;		/* the init takes the machine down, and we only end */
	struct halted report;
};

void shutdown_init(struct shutdown *s, struct agent *a);

/* Starts going down; does nothing when it is under way already. `budget_ns`: how long the host waits, or 0. */
void shutdown_begin(struct shutdown *s, const char *why, uint64_t budget_ns);

/* The init takes the machine down by itself, and wants us gone. */
void shutdown_follow(struct shutdown *s);

/* True if the process was a helper of the shutdown. */
bool shutdown_reaped(struct shutdown *s, pid_t pid, int wstatus);

/* After each batch of reaped children, and once in each turn of the loop. */
void shutdown_settled(struct shutdown *s);
void shutdown_turn(struct shutdown *s);

#endif
