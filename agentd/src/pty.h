/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_PTY_H
#define AGENTD_PTY_H

#include <sys/types.h>

#include "messages.h"

/* One terminal. Both ends are close-on-exec, the agent's is non-blocking. */
struct pty {
	int ours, theirs;
};

/* Opens the directory whose ptmx gives terminals, before the guest can put another in its place. */
void pty_init(const char *dir);

/* Makes a terminal of that size, which `owner` may open by its name too. */
bool pty_open(struct pty *t, const struct msg_window *w, uid_t owner, struct failure *f);

/* The kernel tells the foreground processes, if the size is a new one. */
void pty_resize(int ours, const struct msg_window *w);

/*
 * What is typed for an end of file: none where the terminal has no character
 * for it, else one, or two within a line, where the first only hands the line
 * over. Returns how many.
 */
size_t pty_eof(int ours, bool within_line, uint8_t typed[2]);

/* The foreground process group, if its leader lives and is of that session; else 0. */
pid_t pty_foreground(int ours, pid_t session);

/* A terminal could not be set up, and at which step. */
void pty_explain(int err, const char *stage, struct failure *f);

#endif
