/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_SESSION_H
#define AGENTD_SESSION_H

#include "flow.h"
#include "messages.h"
#include "output.h"
#include "plan.h"

/* One command: from core.exec.request to core.exec.exited or core.exec.failed. */
struct session {
	struct sessions *all;
	struct session *next;
	uint32_t id;
	pid_t pid;
	struct plan plan;	/* until it has started */
	int stop_signal;	/* what a shutdown sends it first, or 0 */
	bool tty;		/* stdin and stdout are a terminal, and there is no stderr */
	bool started;
	bool paused;
	bool exited;
	int wstatus;
	struct watch report;	/* the child's report; ends when it has become the command */
	struct source *out[2];	/* stdout, stderr; NULL once at their end */
	struct timer linger;
	struct watch in;
	struct buf inq;
	size_t in_taken;	/* what stdin has taken, and the host was not told */
	bool in_ended;		/* the host has sent the end of file; a terminal's is just typed */
	bool in_line;		/* what was typed at the terminal last did not end a line */
	int in_error;		/* why nothing is taken for stdin any more */
};

struct sessions {
	struct loop *loop;
	struct buf *out;
	struct output output;
	const struct plan_defaults *defaults;
	const struct flow *flow;
	struct session *list;
	size_t count;
	bool closed;		/* the machine goes down: no new ones */
};

void sessions_init(struct sessions *ss, struct loop *l, struct buf *out, const struct plan_defaults *d,
		   const struct flow *flow);

/* Answers by itself; false: the payload is invalid, which the caller reports. */
bool sessions_start(struct sessions *ss, uint32_t id, const struct msg_exec_request *m);
struct session *sessions_find(struct sessions *ss, uint32_t id);
void sessions_reaped(struct sessions *ss, pid_t pid, int wstatus);
void sessions_flow(struct sessions *ss, const struct msg_id_range *range);

/* Kills what those sessions run and forgets them; nothing more is sent. */
void sessions_drop(struct sessions *ss, const struct msg_id_range *range);

/* Sends each command the signal of its own that it has, and says whether one of those is still there. */
void sessions_stop(struct sessions *ss);
bool sessions_stopping(const struct sessions *ss);

/*
 * Lets the command go on without its client, for good: what it still writes is
 * read and thrown away. False, and nothing is done: there are too many already.
 */
bool session_detach(struct session *s);
void session_signal(struct session *s, int sig);
void session_resize(struct session *s, const struct msg_window *w);

/* session_stdin.c */
bool session_stdin_open(struct session *s, int fd);
void session_stdin_data(struct session *s, struct span data);
void session_stdin_close(struct session *s);

#endif
