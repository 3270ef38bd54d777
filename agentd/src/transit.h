/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_TRANSIT_H
#define AGENTD_TRANSIT_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Data on its way from a pipe to the port, one frame's worth: not copied, its
 * pages change hands. It waits in a pipe of our own, for the frame's head says
 * how much there is, and what is in a command's pipe somebody may take away.
 */
struct transit {
	int in, out;	/* of that pipe; negative: there is none, and everything is copied */
	size_t before;	/* what of the port's queue goes first */
	size_t left;	/* what waits in the pipe */
};

void transit_open(struct transit *t);

/* What waits in it is lost. */
void transit_close(struct transit *t);

static inline bool transit_is_free(const struct transit *t)
{
	return t->in >= 0 && t->left == 0;
}

/* Takes what is there, as read() does. Who calls says what goes before it. */
ssize_t transit_take(struct transit *t, int from, size_t most);

/* Passes on what is taken, as write() does. */
ssize_t transit_give(struct transit *t, int to);

#endif
