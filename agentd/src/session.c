// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bounds.h"
#include "child.h"
#include "clock.h"
#include "pty.h"
#include "spawn.h"

/* The most a pipe can hold unless root in the guest has raised fs.pipe-max-size. */
#define PIPE_DRAIN_MAX MIB(1)

void sessions_init(struct sessions *ss, struct loop *l, struct buf *out, const struct plan_defaults *d,
		   const struct flow *flow)
{
	*ss = (struct sessions){
		.loop = l,
		.out = out,
		.output = { .loop = l, .out = out },
		.defaults = d,
		.flow = flow,
	};
}

struct session *sessions_find(struct sessions *ss, uint32_t id)
{
	struct session *s = ss->list;

	while (s && s->id != id)
		s = s->next;
	return s;
}

static void fail(struct sessions *ss, uint32_t id, const char *kind, int err, const char *why)
{
	struct failure f;

	failure_set(&f, kind, err, NULL, "%s", why);
	msg_send_failed(ss->out, id, &f);
}

/* Takes the session out of the table and gives back all that it holds. */
static void destroy(struct session *s, bool drain_orphans)
{
	struct sessions *ss = s->all;
	struct session **at = &ss->list;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	ss->count--;

	for (size_t i = 0; i < ARRAY_SIZE(s->out); i++) {
		if (s->out[i] && drain_orphans)
			source_orphan(s->out[i]);
		else if (s->out[i])
			source_close(s->out[i]);
	}
	session_stdin_close(s);
	loop_close(ss->loop, &s->report);
	loop_disarm(ss->loop, &s->linger);
	plan_free(&s->plan);
	loop_retire(ss->loop, &s->report, s);
}

/* The exit is told when nothing of the output can come after it. */
static void finish_if_done(struct session *s)
{
	if (!s->started || !s->exited || s->out[0] || s->out[1])
		return;
	msg_send_exited(s->all->out, s->id, s->wstatus);
	destroy(s, false);
}

static void on_source_ended(struct source *src)
{
	struct session *s = src->owner;

	s->out[src == s->out[1]] = NULL;
	finish_if_done(s);
}

/*
 * The command is gone but somebody holds its pipes open. A host that has asked
 * for a pause, or lags, is owed the time; a process in the background is not.
 */
static void on_linger(struct timer *t)
{
	struct session *s = container_of(t, struct session, linger);

	if (s->paused || output_is_full(&s->all->output)) {
		loop_arm(s->all->loop, t, clock_mono_ns() + EXIT_LINGER_NS);
		return;
	}
	/* The session goes with its last source, so it is looked for anew. */
	for (int i = 0; i < 2; i++) {
		uint32_t id = s->id;
		struct sessions *ss = s->all;

		if (s->out[i])
			source_drain(s->out[i], PIPE_DRAIN_MAX);
		if (sessions_find(ss, id) != s)
			return;
	}
	msg_send_exited(s->all->out, s->id, s->wstatus);
	destroy(s, true);
}

static void on_exit_known(struct session *s)
{
	if (s->out[0] || s->out[1])
		loop_arm(s->all->loop, &s->linger, clock_mono_ns() + EXIT_LINGER_NS);
	else
		finish_if_done(s);
}

static void hold(struct session *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->out); i++)
		if (s->out[i])
			source_hold(s->out[i], s->paused || !s->started);
}

static void on_report(struct watch *w, uint32_t events)
{
	struct session *s = container_of(w, struct session, report);
	struct child_report r;
	ssize_t n = read(w->fd, &r, sizeof(r));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == (ssize_t)sizeof(r)) {
		struct failure f;

		child_explain(&r, &s->plan, &f);
		msg_send_failed(s->all->out, s->id, &f);
		destroy(s, false);
		return;
	}
	loop_close(s->all->loop, w);
	plan_free(&s->plan);
	s->started = true;
	msg_send_started(s->all->out, s->id, (uint32_t)s->pid);
	hold(s);
	if (s->exited)
		on_exit_known(s);
}

/* Puts the agent's ends into the loop; each is closed whatever happens. */
static bool attach(struct session *s, const struct spawned *sp)
{
	struct output *o = &s->all->output;
	bool ok = true;

	s->out[0] = source_open(o, sp->out, s, on_source_ended, s->id, MSG_EXEC_STDOUT);
	if (sp->err >= 0)
		s->out[1] = source_open(o, sp->err, s, on_source_ended, s->id, MSG_EXEC_STDERR);
	if (sp->in >= 0)
		ok = session_stdin_open(s, sp->in);
	if (!loop_add(s->all->loop, &s->report, sp->report, EPOLLIN)) {
		close(sp->report);
		ok = false;
	}
	return ok && s->out[0] && (s->tty || s->out[1]);
}

static void launch(struct session *s)
{
	struct sessions *ss = s->all;
	struct spawned sp;
	struct failure f;

	if (!spawn(&s->plan, &sp, &f)) {
		msg_send_failed(ss->out, s->id, &f);
		destroy(s, false);
		return;
	}
	s->pid = sp.pid;
	if (!attach(s, &sp)) {
		session_signal(s, SIGKILL);
		fail(ss, s->id, "out_of_memory", ENOMEM, "no memory for the session's pipes");
		destroy(s, false);
	}
}

bool sessions_start(struct sessions *ss, uint32_t id, const struct msg_exec_request *m)
{
	struct session *s;
	struct failure f;
	enum plan_status status;

	if (ss->closed) {
		fail(ss, id, "other", ESHUTDOWN, "the machine is shutting down");
		return true;
	}
	if (ss->count >= SESSIONS_MAX) {
		fail(ss, id, "resource_limit", EAGAIN, "too many sessions");
		return true;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		fail(ss, id, "out_of_memory", ENOMEM, "no memory for the session");
		return true;
	}
	s->all = ss;
	s->id = id;
	s->tty = m->tty;
	s->stop_signal = (int)m->stop_signal;
	s->report = (struct watch){ .fd = -1, .fn = on_report };
	s->in.fd = -1;
	s->linger.fn = on_linger;
	s->inq.max = STDIN_QUEUE_MAX;
	s->paused = flow_holds(ss->flow, id);
	s->next = ss->list;
	ss->list = s;
	ss->count++;

	status = plan_make(&s->plan, ss->defaults, m, &f);
	if (status == PLAN_READY) {
		launch(s);
		return true;
	}
	if (status == PLAN_FAILED)
		msg_send_failed(ss->out, id, &f);
	destroy(s, false);
	return status != PLAN_INVALID;
}

void sessions_reaped(struct sessions *ss, pid_t pid, int wstatus)
{
	struct session *s = ss->list;

	while (s && (s->pid != pid || s->exited))
		s = s->next;
	if (!s)
		return;		/* an orphan, or a session that was dropped */
	s->exited = true;
	s->wstatus = wstatus;
	if (s->started)
		on_exit_known(s);
}

void session_signal(struct session *s, int sig)
{
	/* A shell gives each job a group of its own; who kills it means the one at the terminal too. */
	if (sig == SIGKILL && s->tty && s->out[0]) {
		pid_t job = pty_foreground(s->out[0]->w.fd, s->pid);

		if (job > 0 && job != s->pid)
			kill(-job, SIGKILL);
	}
	/* Before setsid there is no group yet; after the exit, no process of ours. */
	if (kill(-s->pid, sig) < 0 && errno == ESRCH && !s->exited)
		kill(s->pid, sig);
}

void sessions_stop(struct sessions *ss)
{
	for (struct session *s = ss->list; s; s = s->next) {
		if (!s->stop_signal || s->exited)
			continue;
		/* The command itself and not its group: what it has begun is its own to stop, in its own order. */
		kill(s->pid, s->stop_signal);
		kill(s->pid, SIGCONT);
	}
}

bool sessions_stopping(const struct sessions *ss)
{
	for (const struct session *s = ss->list; s; s = s->next)
		if (s->stop_signal && !s->exited)
			return true;
	return false;
}

void session_resize(struct session *s, const struct msg_window *w)
{
	if (s->tty && s->out[0])
		pty_resize(s->out[0]->w.fd, w);
}

void sessions_drop(struct sessions *ss, const struct msg_id_range *range)
{
	struct session *s = ss->list;

	while (s) {
		struct session *next = s->next;

		if (id_in_range(range, s->id)) {
			session_signal(s, SIGKILL);
			destroy(s, false);
		}
		s = next;
	}
}

bool session_detach(struct session *s)
{
	struct sessions *ss = s->all;

	if (s->exited)
		return true;	/* which is told as ever: the two have crossed */
	if (ss->output.discarding + ARRAY_SIZE(s->out) > DISCARD_MAX)
		return false;
	msg_send_empty(ss->out, s->id, MSG_EXEC_DETACHED);
	destroy(s, true);
	return true;
}

void sessions_flow(struct sessions *ss, const struct msg_id_range *range)
{
	for (struct session *s = ss->list; s; s = s->next)
		if (id_in_range(range, s->id)) {
			s->paused = range->paused;
			hold(s);
		}
}
