/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_PLAN_H
#define AGENTD_PLAN_H

#include <sys/resource.h>

#include "messages.h"
#include "users.h"

struct plan_limit {
	int resource;
	const char *name;	/* "RLIMIT_NOFILE" */
	struct rlimit value;
};

/*
 * A command, ready to be executed: all that takes memory, parsing or the
 * guest's files is done before the fork, so that the child only makes system
 * calls.
 */
struct plan {
	const char *cmd;
	char **argv;
	char **envp;
	const char *path;	/* of the merged environment, never NULL */
	const char *cwd;
	struct user user;
	struct plan_limit limits[RLIMITS_MAX];
	size_t nlimits;
	bool stdin_null;	/* with a terminal: nobody types */
	bool tty;
	struct msg_window window;	/* the terminal's, if there is one */
	char *text;		/* where the strings are */
};

/*
 * What every command starts from: the bootstrap's, or the last renewal's. A
 * plan's environment borrows from it, so the child gets its copy by the fork;
 * what is read of a plan after that is the plan's own.
 */
struct plan_defaults {
	char **env;		/* "KEY=VALUE" */
	size_t nenv;
	const char *cwd;	/* NULL: "/" */
	char *text;		/* where the strings are */
};

enum plan_status {
	PLAN_READY,
	PLAN_INVALID,		/* the payload is not what the protocol says */
	PLAN_FAILED,		/* the failure says why */
};

bool plan_defaults_set(struct plan_defaults *d, struct span raw_env, struct span cwd);
void plan_defaults_free(struct plan_defaults *d);	/* also after a failure */
enum plan_status plan_make(struct plan *p, const struct plan_defaults *d,
			   const struct msg_exec_request *m, struct failure *f);
void plan_free(struct plan *p);

/* Fills in a failure. What the caller puts into the message is clipped already. */
void failure_set(struct failure *f, const char *kind, int err, const char *stage,
		 const char *fmt, ...) PRINTF(5, 6);

#endif
