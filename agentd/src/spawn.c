// SPDX-License-Identifier: Apache-2.0
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "child.h"

static int null_fd = -1;

enum end { CHILD_IN, OUR_IN, OUR_OUT, CHILD_OUT, OUR_ERR, CHILD_ERR, OUR_REPORT, CHILD_REPORT, ENDS };

void spawn_init(void)
{
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void close_ends(int ends[ENDS])
{
	for (int i = 0; i < ENDS; i++)
		if (ends[i] >= 0 && ends[i] != null_fd)
			close(ends[i]);
}

/* pipe2 gives the reading end first: OUR_OUT before CHILD_OUT, and so on. */
static bool make_pipe(int ends[2], enum end ours)
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	return fcntl(ends[ours & 1], F_SETFL, O_NONBLOCK) == 0;
}

static bool make_pipes(const struct plan *p, int ends[ENDS])
{
	if (p->stdin_null)
		ends[CHILD_IN] = null_fd;
	else if (!make_pipe(&ends[CHILD_IN], OUR_IN))
		return false;
	return make_pipe(&ends[OUR_OUT], OUR_OUT) && make_pipe(&ends[OUR_ERR], OUR_ERR) &&
	       make_pipe(&ends[OUR_REPORT], OUR_REPORT);
}

static void explain(int err, const char *stage, struct failure *f)
{
	const char *kind = err == ENOMEM ? "out_of_memory" :
			   err == EMFILE || err == ENFILE || err == EAGAIN ? "resource_limit" : "other";

	failure_set(f, kind, err, stage, "%s: %s", stage, strerror(err));
}

bool spawn(const struct plan *p, struct spawned *s, struct failure *f)
{
	int ends[ENDS];
	sigset_t all, before;
	pid_t pid;

	for (int i = 0; i < ENDS; i++)
		ends[i] = -1;
	if (p->stdin_null && null_fd < 0) {
		explain(ENODEV, "open(/dev/null)", f);
		return false;
	}
	if (!make_pipes(p, ends)) {
		explain(errno, "pipe", f);
		close_ends(ends);
		return false;
	}

	/* Whatever is sent to the child waits until it has default dispositions. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		const struct child_fds fds = {
			.in = ends[CHILD_IN],
			.out = ends[CHILD_OUT],
			.err = ends[CHILD_ERR],
			.report = ends[CHILD_REPORT],
		};

		child_run(p, &fds);
	}
	if (pid < 0)
		explain(errno, "fork", f);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		close_ends(ends);
		return false;
	}

	if (!p->stdin_null)
		close(ends[CHILD_IN]);
	close(ends[CHILD_OUT]);
	close(ends[CHILD_ERR]);
	close(ends[CHILD_REPORT]);
	*s = (struct spawned){
		.pid = pid,
		.in = ends[OUR_IN],
		.out = ends[OUR_OUT],
		.err = ends[OUR_ERR],
		.report = ends[OUR_REPORT],
	};
	return true;
}
