// SPDX-License-Identifier: Apache-2.0
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "bounds.h"
#include "child.h"
#include "pty.h"

static int null_fd = -1;

enum end { CHILD_IN, OUR_IN, OUR_OUT, CHILD_OUT, OUR_ERR, CHILD_ERR, OUR_REPORT, CHILD_REPORT, ENDS };

void spawn_init(void)
{
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void close_end(int end)
{
	if (end >= 0 && end != null_fd)
		close(end);
}

static void close_ends(int ends[ENDS])
{
	for (int i = 0; i < ENDS; i++)
		close_end(ends[i]);
}

/* pipe2 gives the reading end first: OUR_OUT before CHILD_OUT, and so on. */
static bool make_pipe(int ends[2], enum end ours)
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	/*
	 * Whoever writes without end and whoever reads it take turns once for each
	 * pipe full, and a turn costs as much as a hundred kilobytes.
	 */
	fcntl(ends[ours & 1], F_SETPIPE_SZ, (int)PIPE_SIZE);
	return fcntl(ends[ours & 1], F_SETFL, O_NONBLOCK) == 0;
}

static bool make_pipes(const struct plan *p, int ends[ENDS])
{
	if (p->stdin_null)
		ends[CHILD_IN] = null_fd;
	else if (!make_pipe(&ends[CHILD_IN], OUR_IN))
		return false;
	return make_pipe(&ends[OUR_OUT], OUR_OUT) && make_pipe(&ends[OUR_ERR], OUR_ERR);
}

/*
 * The terminal in the place of three pipes. We read and write it through two
 * descriptors, since the loop has one watch for each; the child has three, to
 * be closed like any.
 */
static bool make_terminal(const struct plan *p, int ends[ENDS], struct failure *f)
{
	uint8_t eof[2];
	struct pty t;

	if (!pty_open(&t, &p->window, p->user.uid, f))
		return false;
	ends[OUR_OUT] = t.ours;
	ends[CHILD_IN] = t.theirs;
	ends[CHILD_OUT] = fcntl(t.theirs, F_DUPFD_CLOEXEC, 0);
	ends[CHILD_ERR] = fcntl(t.theirs, F_DUPFD_CLOEXEC, 0);
	if (!p->stdin_null)
		ends[OUR_IN] = fcntl(t.ours, F_DUPFD_CLOEXEC, 0);
	if (ends[CHILD_OUT] < 0 || ends[CHILD_ERR] < 0 || (!p->stdin_null && ends[OUR_IN] < 0)) {
		pty_explain(errno, "dup", f);
		return false;
	}
	/* Whoever reads where nobody types is told so, and does not wait for ever. */
	if (p->stdin_null && write(t.ours, eof, pty_eof(t.ours, false, eof)) < 0) {
		pty_explain(errno, "write", f);
		return false;
	}
	return true;
}

static void explain(int err, const char *stage, struct failure *f)
{
	const char *kind = err == ENOMEM ? "out_of_memory" :
			   err == EMFILE || err == ENFILE || err == EAGAIN ? "resource_limit" : "other";

	failure_set(f, kind, err, stage, "%s: %s", stage, strerror(err));
}

/* On failure what has been made is in `ends` all the same. */
static bool make_ends(const struct plan *p, int ends[ENDS], struct failure *f)
{
	for (int i = 0; i < ENDS; i++)
		ends[i] = -1;
	if (p->tty) {
		if (!make_terminal(p, ends, f))
			return false;
	} else if (p->stdin_null && null_fd < 0) {
		explain(ENODEV, "open(/dev/null)", f);
		return false;
	}
	if ((p->tty || make_pipes(p, ends)) && make_pipe(&ends[OUR_REPORT], OUR_REPORT))
		return true;
	explain(errno, "pipe", f);
	return false;
}

bool spawn(const struct plan *p, struct spawned *s, struct failure *f)
{
	int ends[ENDS];
	sigset_t all, before;
	pid_t pid;

	if (!make_ends(p, ends, f)) {
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

	/* An end of output is seen when nobody has the other end any more, so not we either. */
	close_end(ends[CHILD_IN]);
	close_end(ends[CHILD_OUT]);
	close_end(ends[CHILD_ERR]);
	close_end(ends[CHILD_REPORT]);
	*s = (struct spawned){
		.pid = pid,
		.in = ends[OUR_IN],
		.out = ends[OUR_OUT],
		.err = ends[OUR_ERR],
		.report = ends[OUR_REPORT],
	};
	return true;
}
