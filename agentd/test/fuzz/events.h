/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FUZZ_EVENTS_H
#define AGENTD_FUZZ_EVENTS_H

#include <stddef.h>

/*
 * What happens around the agent, other than frames from the host. In an input
 * each is a frame of that name, which the agent never gets to see; its id is
 * the session's, its payload says the rest (agent_fuzz.c).
 */
enum event {
	EVENT_STARTED,	/* the child has become the command */
	EVENT_REPORT,	/* or could not, and says why */
	EVENT_WRITE,	/* the command writes */
	EVENT_READ,	/* the command reads its stdin; the other side of a connection reads */
	EVENT_CLOSE,	/* ends are closed */
	EVENT_EXIT,	/* the command is gone */
	EVENT_DIALLED,	/* a connection is there, or is refused */
	EVENT_TIME,	/* time goes by */
	EVENT_HOST,	/* the host reads, or does not, or hangs up */
	EVENT_CHUNKS,	/* in what pieces the port gives what follows */
	EVENT_REPEAT,	/* the frame that follows, many times, each with an id of its own */
	EVENT_FILL,	/* as much data for a session as one frame can carry */
	EVENT_SHORT,	/* the next system calls of a kind fail */
	EVENT_INIT,	/* the init minds signals, or not, or takes the machine down */
	EVENT_COUNT,
};

static const char *const event_names[EVENT_COUNT] = {
	"!started", "!report", "!write", "!read", "!close", "!exit", "!dialled",
	"!time", "!host", "!chunks", "!repeat", "!fill", "!short", "!init",
};

#endif
