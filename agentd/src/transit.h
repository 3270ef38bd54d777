/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_TRANSIT_H
#define AGENTD_TRANSIT_H

#include <sys/types.h>

#include "util.h"

/*
 * Data on its way to the port, one frame's worth, which is not copied here.
 * What came in a pipe changes hands by its pages, and waits in a pipe of our
 * own: the frame's head says how much there is, and what is in a command's pipe
 * somebody may take away. What is in memory is lent.
 */
struct transit {
	int in, out;	/* of that pipe; negative: there is none, and what comes in pipes is copied */
	const uint8_t *mem;	/* what is lent */
	void (*given)(void *lender);	/* NULL: nothing is lent */
	void *lender;
	size_t before;	/* what of the port's queue goes first */
	size_t left;	/* what waits */
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

/* What is there stays as it is until `given` is called: it has been passed on, or never will be. */
void transit_lend(struct transit *t, struct span data, void (*given)(void *lender), void *lender);

/* Passes on what is taken, as write() does. */
ssize_t transit_give(struct transit *t, int to);

#endif
