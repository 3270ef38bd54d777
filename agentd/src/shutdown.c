// SPDX-License-Identifier: Apache-2.0
#include "shutdown.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "bounds.h"
#include "clock.h"
#include "log.h"

static void advance(struct shutdown *s);

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool handed_off(const struct shutdown *s)
{
	return s->agent->handoff.page != NULL;
}

static void on_bound(struct timer *t)
{
	struct shutdown *s = container_of(t, struct shutdown, timer);

	/* Processes of others: whether there are any is all that can be asked. */
	if (s->phase == PHASE_REST && t->at < s->until && kill(-1, 0) == 0) {
		loop_arm(&s->agent->loop, t, min_u64(s->until, clock_mono_ns() + REST_POLL_NS));
		return;
	}
	/* At 0 it was armed by us, to get out of the middle of a batch. */
	if (t->at > 0 && s->phase != PHASE_REST)
		log_warn("shutdown: phase %d has reached its bound", (int)s->phase);
	advance(s);
}

void shutdown_init(struct shutdown *s, struct agent *a)
{
	*s = (struct shutdown){ .agent = a, .timer.fn = on_bound };
}

/*
 * The disk work is done by a child: a disk that hangs would hang PID 1, and
 * nobody would ever say so. Without a child (no memory) it is done here.
 */
static bool help(struct shutdown *s, int (*work)(const struct teardown *))
{
	const struct teardown *t = &s->agent->mounts;

	s->helper = fork();
	if (s->helper == 0)
		_exit(work(t) == 0 ? 0 : 1);
	if (s->helper > 0)
		return true;
	log_err("shutdown: fork: %m");
	s->helper = 0;
	*(s->phase == PHASE_SYNC ? &s->synced : &s->settled) = work(t) == 0;
	return false;
}

/* One that is stopped could not act on it. */
static void terminate_all(void)
{
	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
}

/* With an init, its services are its own to stop, in its own order. */
static void terminate_ours(struct agent *a)
{
	for (struct session *s = a->sessions.list; s; s = s->next) {
		session_signal(s, SIGTERM);
		session_signal(s, SIGCONT);
	}
	fs_terminate(&a->fs);
}

/* Until when an init may take, or a command that is sent a signal of its own: what the host waits, less what comes after it. */
static uint64_t patience_until(const struct shutdown *s)
{
	uint64_t now = clock_mono_ns();
	uint64_t budget = min_u64(s->budget_ns, INIT_BUDGET_MOST_NS);
	uint64_t until = s->begun + budget - min_u64(INIT_RESERVE_NS, budget / 2);

	if (budget == 0)
		return now + INIT_MAX_NS;
	return until < now + INIT_LEAST_NS ? now + INIT_LEAST_NS : until;
}

static bool ask_init(struct shutdown *s)
{
	s->until = patience_until(s);
	handoff_note(s->agent, &s->report, s->until);
	if (handoff_ask_init(s->agent))
		return true;
	log_info("shutdown: the init listens to no signal that would end it");
	return false;
}

static _Noreturn void leave_to_warden(struct shutdown *s)
{
	/* An init that goes down by itself has not been asked to, and shall not be killed for it. */
	if (!s->follows)
		handoff_note(s->agent, &s->report, clock_mono_ns());
	handoff_leave(s->agent, !s->follows);
}

/* Enters a phase. True: it has something to wait for. */
static bool enter(struct shutdown *s)
{
	struct agent *a = s->agent;
	uint64_t bound = 0;
	bool wait = true;

	switch (s->phase) {
	case PHASE_COMMANDS:
		wait = sessions_stopping(&a->sessions);
		sessions_stop(&a->sessions);
		bound = handed_off(s) ? TERM_GRACE_NS : patience_until(s) - clock_mono_ns();
		break;
	case PHASE_TERM:
		bound = TERM_GRACE_NS;
		if (handed_off(s))
			terminate_ours(a);
		else
			terminate_all();
		break;
	case PHASE_SYNC:
		bound = SYNC_MAX_NS;
		wait = help(s, teardown_sync);
		break;
	case PHASE_WORDS:
		/* The init may end us at once. */
		wait = handed_off(s);
		bound = DRAIN_MAX_NS;
		if (wait)
			agent_flow(a, &every_id);
		break;
	case PHASE_INIT:
		wait = handed_off(s) && ask_init(s);
		s->since = clock_mono_ns();
		bound = wait ? s->until - s->since : 0;
		break;
	case PHASE_REST:
		wait = handed_off(s);
		if (wait)
			terminate_all();
		s->until = clock_mono_ns() + TERM_GRACE_NS;
		bound = REST_POLL_NS;
		break;
	case PHASE_KILL:
		bound = KILL_MAX_NS;
		kill(-1, SIGKILL);
		break;
	case PHASE_DRAIN:
		bound = DRAIN_MAX_NS;
		/* What is left in the pipes is little, and it is now or never. */
		agent_flow(a, &every_id);
		break;
	case PHASE_SETTLE:
		if (handed_off(s))
			leave_to_warden(s);
		bound = SETTLE_MAX_NS;
		wait = help(s, teardown_settle);
		break;
	case PHASE_HALTED:
		bound = HALTED_MAX_NS;
		s->report.clean = s->synced && s->settled;
		if (!a->port.lost)
			msg_send_halted(&a->port.out, &s->report);
		break;
	case PHASE_UP:
		break;
	}
	s->since = clock_mono_ns();
	loop_arm(&a->loop, &s->timer, s->since + bound);
	return wait;
}

static void leave(struct shutdown *s)
{
	uint64_t spent = clock_mono_ns() - s->since;

	switch (s->phase) {
	case PHASE_COMMANDS:
		s->report.term_ns = spent;
		break;
	case PHASE_TERM:
		s->report.term_ns += spent;
		break;
	case PHASE_SYNC:
		s->report.sync_ns = spent;
		break;
	case PHASE_INIT:
		s->report.init_ns = spent;
		break;
	case PHASE_REST:
	case PHASE_KILL:
	case PHASE_DRAIN:
		s->report.kill_ns += spent;
		break;
	case PHASE_SETTLE:
		s->report.unmount_ns = spent;
		break;
	default:
		break;
	}
	/* A helper that has not come back by now is given up; its disk hangs. */
	s->helper = 0;
}

/*
 * The last frame has been handed to the driver, which does not say whether the
 * host has taken it. Closing does: the driver waits for the host to see it.
 */
static _Noreturn void power_off(struct shutdown *s)
{
	loop_close(&s->agent->loop, &s->agent->port.w);
	teardown_power_off();
}

static void advance(struct shutdown *s)
{
	do {
		if (s->phase == PHASE_HALTED)
			power_off(s);
		leave(s);
		s->phase++;
	} while (!enter(s));
	/* Whoever died before this phase began sends no more signals. */
	if (s->phase == PHASE_TERM || s->phase == PHASE_KILL)
		reaper_collect(&s->agent->reaper);
}

static void close_to_new(struct shutdown *s)
{
	loop_disarm(&s->agent->loop, &s->agent->ack_timer);
	s->agent->sessions.closed = true;
	s->begun = s->since = clock_mono_ns();
}

void shutdown_begin(struct shutdown *s, const char *why, uint64_t budget_ns)
{
	if (s->phase != PHASE_UP)
		return;
	log_info("shutdown: %s", why);
	close_to_new(s);
	s->budget_ns = budget_ns;
	advance(s);
}

void shutdown_follow(struct shutdown *s)
{
	if (!handed_off(s) || s->phase >= PHASE_REST)
		return;
	log_info("shutdown: by the init");
	if (s->phase == PHASE_UP)
		close_to_new(s);
	leave(s);
	s->follows = true;
	s->phase = PHASE_KILL;
	s->since = clock_mono_ns();
	loop_arm(&s->agent->loop, &s->timer, 0);
}

bool shutdown_reaped(struct shutdown *s, pid_t pid, int wstatus)
{
	bool ok = WIFEXITED(wstatus) && WEXITSTATUS(wstatus) == 0;

	if (pid != s->helper || s->phase == PHASE_UP) {
		if (s->phase >= PHASE_KILL && WIFSIGNALED(wstatus) && WTERMSIG(wstatus) == SIGKILL)
			s->report.killed++;
		return false;
	}
	s->helper = 0;
	if (s->phase == PHASE_SYNC)
		s->synced = ok;
	else
		s->settled = ok;
	/* On with it in the next turn: this is the middle of a batch. */
	loop_arm(&s->agent->loop, &s->timer, 0);
	return true;
}

void shutdown_settled(struct shutdown *s)
{
	if ((s->phase == PHASE_TERM || s->phase == PHASE_KILL) && s->agent->reaper.childless)
		loop_arm(&s->agent->loop, &s->timer, 0);
}

void shutdown_turn(struct shutdown *s)
{
	const struct agent *a = s->agent;
	bool sent = a->port.lost || !port_waits(&a->port);

	if (s->phase == PHASE_COMMANDS && !sessions_stopping(&a->sessions))
		advance(s);
	else if ((s->phase == PHASE_DRAIN || s->phase == PHASE_WORDS) && !a->sessions.list && sent)
		advance(s);
	else if (s->phase == PHASE_HALTED && sent && (a->port.lost || !a->hangup_after_halted))
		advance(s);
}
