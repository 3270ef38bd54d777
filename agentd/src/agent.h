/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_AGENT_H
#define AGENTD_AGENT_H

#include "flow.h"
#include "fs.h"
#include "handoff.h"
#include "loop.h"
#include "port.h"
#include "reaper.h"
#include "session.h"
#include "shutdown.h"
#include "tcp.h"
#include "teardown.h"

struct agent {
	struct loop loop;
	struct port port;
	struct reaper reaper;
	struct flow flow;
	struct sessions sessions;	/* and tcps and fs: what clients have, by ids of one range */
	struct tcps tcps;
	struct fs fs;
	struct shutdown shutdown;
	struct plan_defaults defaults;
	struct teardown mounts;
	struct handoff handoff;
	struct timer ack_timer;
	uint64_t boot_ns, init_ns;	/* CLOCK_BOOTTIME at main; spent since then */
	uint64_t activity;
	bool ready;
	bool hangup_after_halted;
};

/* The loop, the reaper and the port: from here on the agent can be shut down. */
void agent_init(struct agent *a, int port_fd);

/* The same descriptors in a loop that is this process's; the old one is another's. */
void agent_rewire(struct agent *a);

/* Whether a command or a connection is under way, or what one has left in its pipes. */
bool agent_is_busy(const struct agent *a);

/* Tells the host that the root stands, and waits in the loop for its word. */
void agent_announce(struct agent *a);

_Noreturn void agent_run(struct agent *a);

/* One turn of it; waits only if it is not `busy`. True: there is more to do right now. */
bool agent_turn(struct agent *a, bool busy);

/* dispatch.c: one frame from the host. */
void dispatch(struct agent *a, const struct frame *f);

/* Of the clients with those ids: output is wanted or not, or they are gone. */
void agent_flow(struct agent *a, const struct msg_id_range *range);
void agent_drop(struct agent *a, const struct msg_id_range *range);

/* The host has acknowledged what init resolved. */
void agent_acked(struct agent *a);

#endif
