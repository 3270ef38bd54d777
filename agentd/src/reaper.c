// SPDX-License-Identifier: Apache-2.0
#include "reaper.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

void reaper_collect(struct reaper *r)
{
	int wstatus;
	pid_t pid;

	while ((pid = waitpid(-1, &wstatus, WNOHANG)) > 0)
		r->reaped(r, pid, wstatus);
	r->childless = pid < 0 && errno == ECHILD;
	r->settled(r);
}

/* Signals merge: one may stand for many children, so all are looked for. */
static void on_signal(struct watch *w, uint32_t events)
{
	struct signalfd_siginfo info[8];

	(void)events;
	while (read(w->fd, info, sizeof(info)) > 0)
		;
	reaper_collect(container_of(w, struct reaper, w));
}

bool reaper_init(struct reaper *r, struct loop *l)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	r->w = (struct watch){ .fd = -1, .fn = on_signal };
	return fd >= 0 && loop_add(l, &r->w, fd, EPOLLIN);
}
