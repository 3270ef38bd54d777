/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_INIT_PLAN_H
#define AGENTD_INIT_PLAN_H

#include "messages.h"
#include "plan.h"

/* The init that is to be PID 1, ready to be executed. */
struct init_plan {
	const char *cmd;	/* absolute, or "auto" */
	const char *cwd;	/* NULL: "/" */
	char **argv;		/* [0] is `cmd` */
	char **envp;
	char *text;		/* where the strings of the vector are */
	struct plan_defaults env;	/* and those of the environment */
};

/*
 * Reads `handoff_init`. False, with nothing to be freed: it is not what the
 * protocol says, or goes beyond a bound, or there is no memory.
 */
bool init_plan_read(struct init_plan *p, struct span raw);
void init_plan_free(struct init_plan *p);

/* "auto" becomes the first of the usual inits that is there; false if none is. */
bool init_plan_resolve(struct init_plan *p);

/* What "auto" looks for, as text. */
extern const char init_plan_candidates[];

#endif
