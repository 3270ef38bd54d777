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

static void give_back(struct transit *t)
{
	void (*given)(void *) = t->given;

	t->given = NULL;
	t->left = 0;
	if (given)
		given(t->lender);
}

void transit_close(struct transit *t)
{
	give_back(t);
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

void transit_lend(struct transit *t, struct span data, void (*given)(void *lender), void *lender)
{
	t->mem = data.p;
	t->left = data.len;
	t->given = given;
	t->lender = lender;
}

ssize_t transit_give(struct transit *t, int to)
{
	ssize_t n = t->given ? write(to, t->mem, min_size(t->left, PORT_WRITE_SIZE))
			     : splice(t->out, NULL, to, NULL, t->left, SPLICE_F_NONBLOCK);

	if (n <= 0)
		return n;
	t->left -= (size_t)n;
	if (t->given)
		t->mem += n;
	if (t->left == 0)
		give_back(t);
	return n;
}
