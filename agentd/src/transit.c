// SPDX-License-Identifier: Apache-2.0
#include "transit.h"

#include <fcntl.h>
#include <unistd.h>

#include "bounds.h"

void transit_open(struct transit *t)
{
	int ends[2];

	*t = (struct transit){ .in = -1, .out = -1 };
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0)
		*t = (struct transit){ .out = ends[0], .in = ends[1] };
	/* Of less there is more to do, and no more than that is lost. */
	if (t->in >= 0)
		fcntl(t->in, F_SETPIPE_SZ, (int)TRANSIT_SIZE);
}

void transit_close(struct transit *t)
{
	if (t->in >= 0)
		close(t->in);
	if (t->out >= 0)
		close(t->out);
	*t = (struct transit){ .in = -1, .out = -1 };
}

ssize_t transit_take(struct transit *t, int from, size_t most)
{
	ssize_t n = splice(from, NULL, t->in, NULL, most, SPLICE_F_NONBLOCK);

	if (n > 0)
		t->left = (size_t)n;
	return n;
}

ssize_t transit_give(struct transit *t, int to)
{
	ssize_t n = splice(t->out, NULL, to, NULL, t->left, SPLICE_F_NONBLOCK);

	if (n > 0)
		t->left -= (size_t)n;
	return n;
}
