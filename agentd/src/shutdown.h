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
 * bound (bounds.h), whichever comes first.
 */
enum shutdown_phase {
	PHASE_UP,
	PHASE_TERM,	/* SIGTERM to all; they may still write */
	PHASE_SYNC,	/* a helper writes back what is dirty */
	PHASE_KILL,	/* SIGKILL to all, reaping */
	PHASE_DRAIN,	/* the last output and exits on their way to the host */
	PHASE_SETTLE,	/* a helper makes the file systems read-only */
	PHASE_HALTED,	/* msb.halted on its way to the host */
};

struct shutdown {
	struct agent *agent;
	enum shutdown_phase phase;
	struct timer timer;
	uint64_t since;
	pid_t helper;
	bool synced, settled;
	struct halted report;
};

void shutdown_init(struct shutdown *s, struct agent *a);

/* Starts going down; does nothing when it is under way already. */
void shutdown_begin(struct shutdown *s, const char *why);

/* True if the process was a helper of the shutdown. */
bool shutdown_reaped(struct shutdown *s, pid_t pid, int wstatus);

/* After each batch of reaped children, and once in each turn of the loop. */
void shutdown_settled(struct shutdown *s);
void shutdown_turn(struct shutdown *s);

#endif
