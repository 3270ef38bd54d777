// SPDX-License-Identifier: Apache-2.0
#include "handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "bounds.h"
#include "child.h"
#include "clock.h"
#include "errname.h"
#include "file.h"
#include "log.h"
#include "own_view.h"
#include "warden.h"

/* SIGRTMIN+4 as inits count: with glibc's SIGRTMIN, which is not musl's. */
#define SIG_POWER_OFF (34 + 4)

#define STATUS_MAX KIB(16)

/* The kernel names a command line by what is in its place in memory. */
static char *title;
static size_t title_room;

void handoff_title(char **argv)
{
	char *end = argv[0];

	for (char **at = argv; *at == end; at++)
		end += strlen(*at) + 1;
	for (char **at = environ; *at == end; at++)
		end += strlen(*at) + 1;
	title = argv[0];
	title_room = (size_t)(end - argv[0]);
}

/*
 * A clone rather than unshare(2), which would put all later children of the
 * warden there as well. It is a fork otherwise; nothing here has threads.
 */
static pid_t fork_into_pid_namespace(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
}

/* What a command, but this one for good, is to find on 0 to 2: what the kernel gives an init. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	for (int to = STDIN_FILENO; to <= STDERR_FILENO; to++)
		dup2(fd, to);
	close(fd);
}

static _Noreturn void become_init(const struct init_plan *p)
{
	open_console();
	if (p->cwd && chdir(p->cwd) < 0)
		fatal(errno, "init: cannot enter `%.*s` (%s)", text_clip(p->cwd, 256), p->cwd, errname(errno));
	child_reset();
	execve(p->cmd, p->argv, p->envp);
	fatal(errno, "init: cannot execute `%.*s` (%s)", text_clip(p->cmd, 256), p->cmd, errname(errno));
}

static void spare_from_oom(int proc_fd)
{
	int fd = openat(proc_fd, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "-1000", 5) < 0)
		log_warn("oom_score_adj: %m");
	if (fd >= 0)
		close(fd);
	child_set_killable(proc_fd);
}

/*
 * What a PID 1 has for nothing: no signal kills it but one that it wants, and
 * the kernel spares it when memory runs out. SIGKILL remains; systemd's last
 * round leaves out who has an `@` for a name, as those do who hold disks.
 */
static void become_child_of_init(struct agent *a)
{
	static const char name[] = "@agentd";
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "agentd");
	if (title_room >= sizeof(name)) {
		memset(title, 0, title_room);
		memcpy(title, name, sizeof(name));
	}
	spare_from_oom(a->mounts.proc_fd);
}

/* End of file when the init has been executed; if it cannot be, that process ends us. */
static void wait_for_exec(int fd, const char *cmd, const struct handoff_page *page)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t deadline = clock_mono_ns() + INIT_EXEC_WAIT_NS;
	int ready;

	do
		ready = poll(&p, 1, clock_timeout_ms(deadline));
	while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		fatal(ETIMEDOUT, "init: execute `%.*s`", text_clip(cmd, 256), cmd);
	close(fd);
	/* A dying process closes its files before it takes us along. */
	while (page->fatal)
		pause();
}

/* PID 1 of the new namespace: leaves the agent behind, and becomes the init. */
static void split(struct agent *a, const struct init_plan *p, const int exec_pipe[2])
{
	pid_t pid;

	a->handoff.proc_fd = own_view();
	pid = fork();
	if (pid < 0)
		fatal(errno, "init: fork");
	if (pid > 0)
		become_init(p);
	close(exec_pipe[1]);
	become_child_of_init(a);
	wait_for_exec(exec_pipe[0], p->cmd, a->handoff.page);
}

void handoff(struct agent *a, struct init_plan *p)
{
	struct handoff *h = &a->handoff;
	int link[2], exec_pipe[2];
	pid_t pid;
	bool found = init_plan_resolve(p);

	h->page = mmap(NULL, sizeof(*h->page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (h->page == MAP_FAILED || pipe2(link, O_CLOEXEC) < 0 || pipe2(exec_pipe, O_CLOEXEC) < 0)
		fatal(errno, "init: hand off");
	fatal_tell(&h->page->fatal);
	port_share_debt(&a->port, &h->page->debt);
	pid = fork_into_pid_namespace();
	if (pid < 0)
		fatal(errno, "init: a PID namespace");
	if (pid > 0) {
		close(link[1]);
		close(exec_pipe[0]);
		close(exec_pipe[1]);
		warden_run(a, pid, p->cmd, link[0]);
	}
	close(link[0]);
	h->link = link[1];
	h->terms.fd = -1;
	/* From here on who gives up does so within the namespace, and the warden leaves the disk clean. */
	if (!found)
		fatal(ENOENT, "init: auto: nothing to execute among %s", init_plan_candidates);
	split(a, p, exec_pipe);
}

/* An init that ends whoever is left takes the machine down: then we go, so that it need not wait for us. */
static void on_term(struct watch *w, uint32_t events)
{
	struct agent *a = container_of(w, struct agent, handoff.terms);
	struct signalfd_siginfo info;

	(void)events;
	while (read(w->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_pid == 1)
			shutdown_follow(&a->shutdown);
}

bool handoff_watch(struct agent *a)
{
	struct watch *w = &a->handoff.terms;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	*w = (struct watch){ .fd = -1, .fn = on_term };
	return fd >= 0 && loop_add(&a->loop, w, fd, EPOLLIN);
}

/* One of the masks in /proc/PID/status, as the kernel counts: bit 0 is signal 1. */
static uint64_t mask_in(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtoull(at + strlen(name), NULL, 16) : 0;
}

/*
 * What a process in sigwait(2) waits for. The kernel counts such signals as not
 * blocked meanwhile, so its status does not tell of them.
 */
static uint64_t awaited(int proc_fd)
{
	size_t len;
	char *text = file_read(proc_fd, "1/syscall", STATUS_MAX, &len);
	unsigned long set;
	uint64_t mask = 0;
	long number;
	int mem;

	if (!text || sscanf(text, "%ld 0x%lx", &number, &set) != 2 || number != SYS_rt_sigtimedwait) {
		free(text);
		return 0;
	}
	free(text);
	mem = openat(proc_fd, "1/mem", O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		return 0;
	if (pread(mem, &mask, sizeof(mask), (off_t)set) != (ssize_t)sizeof(mask))
		mask = 0;
	close(mem);
	return mask;
}

/* What the init has handlers for, or holds back to take it in another way. All, where that cannot be known. */
static uint64_t listens_to(int proc_fd)
{
	size_t len;
	char *status = file_read(proc_fd, "1/status", STATUS_MAX, &len);
	uint64_t mask = UINT64_MAX;

	if (status)
		mask = mask_in(status, "\nSigBlk:\t") | mask_in(status, "\nSigCgt:\t") | awaited(proc_fd);
	free(status);
	return mask;
}

bool handoff_ask_init(const struct agent *a)
{
	static const int signals[] = { SIG_POWER_OFF, SIGTERM };
	uint64_t mask = listens_to(a->handoff.proc_fd);

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (mask & 1ULL << (signals[i] - 1))
			return kill(1, signals[i]) == 0;
	return false;
}

void handoff_note(struct agent *a, const struct halted *report, uint64_t init_until)
{
	struct handoff_page *page = a->handoff.page;

	page->report = *report;
	page->init_since = clock_mono_ns();
	page->init_until = init_until;
	page->asked = true;
}

void handoff_leave(struct agent *a, bool done)
{
	struct handoff *h = &a->handoff;

	h->page->left = done;
	/* Not only the end of file: a helper at a disk that hangs has this end as well. */
	if (write(h->link, "", 1) < 0)
		log_err("link: %m");
	_exit(0);
}
