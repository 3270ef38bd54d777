// SPDX-License-Identifier: Apache-2.0
#include "warden.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "bounds.h"
#include "clock.h"
#include "log.h"

struct warden {
	struct agent *agent;
	const struct handoff_page *page;
	int sigchld_fd, link;
	pid_t init;
	int wstatus;		/* the init's, once it has ended */
	uint64_t init_ns;	/* what it took, if it was told to end */
	bool ended, alone;	/* the init has; the agent has */
	bool childless;
	pid_t helper;
	bool helped;
};

static void collect(struct warden *w)
{
	int wstatus;
	pid_t pid;

	while ((pid = waitpid(-1, &wstatus, WNOHANG)) > 0) {
		if (pid == w->init) {
			w->ended = true;
			w->wstatus = wstatus;
		} else if (pid == w->helper) {
			w->helper = 0;
			w->helped = WIFEXITED(wstatus) && WEXITSTATUS(wstatus) == 0;
		}
	}
	w->childless = pid < 0 && errno == ECHILD;
}

/* Sleeps until something has changed, or until then; 0 is never. False: it is then. */
static bool wait_some(struct warden *w, uint64_t until)
{
	struct signalfd_siginfo info[8];
	struct pollfd fds[] = {
		{ .fd = w->sigchld_fd, .events = POLLIN },
		{ .fd = w->alone ? -1 : w->link, .events = POLLIN },
	};
	char byte;

	if (poll(fds, ARRAY_SIZE(fds), until ? clock_timeout_ms(until) : -1) == 0)
		return false;
	while (read(w->sigchld_fd, info, sizeof(info)) > 0)
		;
	if (fds[1].revents && read(w->link, &byte, 1) >= 0)
		w->alone = true;
	collect(w);
	return true;
}

/*
 * As long as there are both, it is theirs to say how the machine goes down. An
 * agent that is gone without having done its part was killed, as an init does
 * on its way down; or by somebody who thereby has no machine any more.
 */
static void watch(struct warden *w)
{
	uint64_t until = 0;

	while (!w->ended && !(w->alone && w->page->left)) {
		if (w->alone && until == 0)
			until = w->page->asked ? w->page->init_until : clock_mono_ns() + INIT_ALONE_NS;
		if (!wait_some(w, until))
			return;
	}
}

/* The init's death is that of all who live in its namespace. */
static void end_all(struct warden *w)
{
	uint64_t until = clock_mono_ns() + KILL_MAX_NS;

	if (!w->ended)
		kill(w->init, SIGKILL);
	kill(-1, SIGKILL);
	do
		collect(w);
	while (!w->childless && wait_some(w, until));
	if (!w->childless)
		log_warn("warden: something does not die");
}

static int work(const struct teardown *t)
{
	int synced = teardown_sync(t);
	int settled = teardown_settle(t);

	return synced ? synced : settled;
}

/* In a helper, as in shutdown.c: a disk may hang. */
static bool settle(struct warden *w)
{
	uint64_t until = clock_mono_ns() + SYNC_MAX_NS + SETTLE_MAX_NS;

	w->helper = fork();
	if (w->helper == 0)
		_exit(work(&w->agent->mounts) == 0 ? 0 : 1);
	if (w->helper < 0)
		return work(&w->agent->mounts) == 0;
	do
		collect(w);
	while (w->helper && wait_some(w, until));
	return w->helped;
}

static bool rebooted(const struct warden *w)
{
	/* So the kernel tells of a reboot(2) within a PID namespace: power-off, and restart. */
	return w->ended && WIFSIGNALED(w->wstatus) &&
	       (WTERMSIG(w->wstatus) == SIGINT || WTERMSIG(w->wstatus) == SIGHUP);
}

/* The machine was to go down, for whoever asked; it has not just lost its init or its agent. */
static bool is_stop(const struct warden *w)
{
	return !w->page->fatal && (w->page->asked || rebooted(w));
}

static void explain(const struct warden *w, const char *path)
{
	int clip = text_clip(path, 256);

	if (w->page->fatal)
		return;		/* whoever has set it has said so */
	if (!w->ended)
		last_words(0, "init: the agent was killed, and `%.*s` has not brought the machine down", clip, path);
	else if (WIFSIGNALED(w->wstatus))
		last_words(0, "init: `%.*s` has ended: signal %d", clip, path, WTERMSIG(w->wstatus));
	else
		last_words(0, "init: `%.*s` has ended: exit status %d", clip, path, WEXITSTATUS(w->wstatus));
}

/* What the agent has begun to send must end before anything else can be said. */
static void complete_frame(struct port *p, uint64_t debt)
{
	static const uint8_t filler[KIB(4)];

	while (debt > 0 && debt <= FRAME_MAX_LEN && buf_append(&p->out, filler, min_size(debt, sizeof(filler))))
		debt -= min_size(debt, sizeof(filler));
}

/* Until all of it is on its way, and the host has hung up, if it is to. */
static void flush(struct port *p, bool until_hangup)
{
	uint64_t deadline = clock_mono_ns() + HALTED_MAX_NS;
	struct pollfd fd = { .fd = p->w.fd, .events = POLLIN };

	for (;;) {
		port_write(p);
		if (p->lost || (!port_waits(p) && !until_hangup))
			return;
		fd.events = (short)(POLLIN | (port_waits(p) ? POLLOUT : 0));
		if (poll(&fd, 1, clock_timeout_ms(deadline)) == 0)
			return;
		port_read(p);
		buf_consume(&p->in, p->in.len);		/* too late for all that it wants */
	}
}

static void tell_host(struct warden *w, bool clean, uint64_t kill_ns, uint64_t unmount_ns)
{
	struct port *p = &w->agent->port;
	struct halted report = w->page->report;

	report.clean = clean;
	report.kill_ns += kill_ns;
	report.unmount_ns = unmount_ns;
	report.handed_off = true;
	if (w->page->asked && !w->page->left)
		report.init_ns = w->init_ns;
	complete_frame(p, w->page->debt);
	msg_send_halted(&p->out, &report);
	flush(p, w->agent->hangup_after_halted);
}

static int sigchld_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

void warden_run(struct agent *a, pid_t init, const char *path, int link)
{
	struct warden w = {
		.agent = a,
		.page = a->handoff.page,
		.sigchld_fd = sigchld_fd(),
		.link = link,
		.init = init,
	};
	uint64_t begin, killed, settled;
	bool clean;

	prctl(PR_SET_NAME, "warden");
	/* What waited in either direction is the agent's. */
	buf_consume(&a->port.in, a->port.in.len);
	buf_consume(&a->port.out, a->port.out.len);
	port_share_debt(&a->port, NULL);
	collect(&w);
	watch(&w);

	begin = clock_mono_ns();
	w.init_ns = begin - w.page->init_since;
	end_all(&w);
	killed = clock_mono_ns();
	clean = settle(&w);
	settled = clock_mono_ns();
	if (is_stop(&w))
		tell_host(&w, clean, killed - begin, settled - killed);
	else
		explain(&w, path);
	close(a->port.w.fd);
	teardown_power_off();
}
