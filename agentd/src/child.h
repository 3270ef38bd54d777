/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_CHILD_H
#define AGENTD_CHILD_H

#include "plan.h"

enum child_stage {
	STAGE_SETSID,
	STAGE_CTTY,
	STAGE_STDIO,
	STAGE_RLIMIT,
	STAGE_CAPSET,
	STAGE_SETGROUPS,
	STAGE_SETGID,
	STAGE_SETUID,
	STAGE_CHDIR,
	STAGE_EXEC,
};

/* What a child says when it cannot become the command. */
struct child_report {
	int32_t stage;
	int32_t err;
	int32_t detail;		/* RLIMIT: which; EXEC: 1 if the file is there */
};

struct child_fds {
	int in, out, err, report;
};

/*
 * Runs in the forked child and turns it into the command, or writes a report
 * and exits. Allocates nothing and calls nothing but the system.
 */
_Noreturn void child_run(const struct plan *p, const struct child_fds *fds);

/* The limit of descriptors that commands start with, before the agent raised its own. */
void child_set_nofile(const struct rlimit *limit);

/* The agent is spared when memory runs out; its commands are not. `proc_fd` is a /proc. */
void child_set_killable(int proc_fd);

/* What the agent has set for itself, and nobody is to inherit: mask, dispositions, limits. */
void child_reset(void);

/* Says a report in the protocol's words. */
void child_explain(const struct child_report *r, const struct plan *p, struct failure *f);

#endif
