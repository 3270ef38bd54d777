// SPDX-License-Identifier: Apache-2.0
#include "fs_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs_server.h"
#include "hardening.h"

/* Both ends of each: requests go down a socket, for SIGPIPE's sake; answers come up a pipe. */
struct lines {
	int down[2], up[2];
};

/* In the child: of the agent's it keeps its side of what is between the two, and nothing else. */
static _Noreturn void become_server(const struct lines *l, const struct fs_peer *p)
{
	struct fs_lines lines = { .from = 3, .to = 4, .in = *p->in, .out = *p->out };
	int kept[] = { l->down[1], l->up[1], p->in->free, p->out->free };
	const int first = lines.from, end = first + (int)ARRAY_SIZE(kept);
	sigset_t none;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	/* Out of the way first, so that none is overwritten that is still needed. */
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		kept[i] = fcntl(kept[i], F_DUPFD, end);
	for (int i = 0; i < (int)ARRAY_SIZE(kept); i++)
		if (kept[i] < 0 || dup2(kept[i], first + i) < 0)
			_exit(1);
	lines.in.free = first + 2;
	lines.out.free = first + 3;
	/* Where the kernel has no such call, nothing was to be closed that it could misuse. */
	syscall(SYS_close_range, end, ~0U, 0);
	/* It runs nothing of the guest's, but is led about by its links and its file systems. */
	if (harden_child() < 0)
		_exit(1);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fs_serve(&lines);
}

static bool open_lines(struct lines *l)
{
	*l = (struct lines){ { -1, -1 }, { -1, -1 } };
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, l->down) == 0 && pipe2(l->up, O_CLOEXEC) == 0 &&
	       fcntl(l->down[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(l->up[0], F_SETFL, O_NONBLOCK) == 0;
}

static void close_ends(const struct lines *l, int which)
{
	if (l->down[which] >= 0)
		close(l->down[which]);
	if (l->up[which] >= 0)
		close(l->up[which]);
}

bool fs_spawn(struct fs_peer *p)
{
	struct lines l;
	pid_t pid = -1;
	int saved;

	/* The agent, which fills what goes in, waits for nobody. */
	*p = (struct fs_peer){ .to = -1, .from = -1, .in = fs_slots_new(false), .out = fs_slots_new(true) };
	if (open_lines(&l) && p->in && p->out)
		pid = fork();
	saved = errno;
	if (pid == 0)
		become_server(&l, p);
	close_ends(&l, 1);
	if (pid > 0) {
		fs_slots_keep(p->in);
		fs_slots_keep(p->out);
		*p = (struct fs_peer){ .pid = pid, .to = l.down[0], .from = l.up[0], .in = p->in, .out = p->out };
	} else {
		close_ends(&l, 0);
	}
	errno = saved;
	return pid > 0;
}
