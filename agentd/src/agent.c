// SPDX-License-Identifier: Apache-2.0
#include "agent.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bounds.h"
#include "clock.h"
#include "log.h"

static void on_port(struct watch *w, uint32_t events)
{
	struct port *p = container_of(w, struct port, w);

	/* A hang-up is read as well: what the host sent before it still counts. */
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		port_read(p);
}

static void on_reaped(struct reaper *r, pid_t pid, int wstatus)
{
	struct agent *a = container_of(r, struct agent, reaper);

	if (!shutdown_reaped(&a->shutdown, pid, wstatus) && !fs_reaped(&a->fs, pid))
		sessions_reaped(&a->sessions, pid, wstatus);
}

static void on_settled(struct reaper *r)
{
	struct agent *a = container_of(r, struct agent, reaper);

	shutdown_settled(&a->shutdown);
}

static void on_ack_timeout(struct timer *t)
{
	(void)t;
	fatal(ETIMEDOUT, "wait for core.init.ack");
}

void agent_init(struct agent *a, int port_fd)
{
	a->reaper.reaped = on_reaped;
	a->reaper.settled = on_settled;
	a->ack_timer.fn = on_ack_timeout;
	a->port.w.fn = on_port;
	a->port.events = EPOLLIN;
	if (!loop_init(&a->loop) || !reaper_init(&a->reaper, &a->loop) ||
	    !loop_add(&a->loop, &a->port.w, port_fd, a->port.events))
		fatal(errno, "event loop");
	sessions_init(&a->sessions, &a->loop, &a->port.out, &a->defaults, &a->flow);
	a->sessions.output.transit = &a->port.transit;
	tcps_init(&a->tcps, &a->loop, &a->sessions.output, &a->flow);
	fs_init(&a->fs, &a->loop, &a->sessions.output, &a->flow);
	shutdown_init(&a->shutdown, a);
	if (a->handoff.page && !handoff_watch(a))
		fatal(errno, "event loop");
}

void agent_rewire(struct agent *a)
{
	int port_fd = a->port.w.fd;

	close(a->reaper.w.fd);
	a->port.events = EPOLLIN;
	if (!loop_renew(&a->loop) || !reaper_init(&a->reaper, &a->loop) ||
	    !loop_add(&a->loop, &a->port.w, port_fd, a->port.events) || !handoff_watch(a))
		fatal(errno, "event loop");
}

bool agent_is_busy(const struct agent *a)
{
	return a->sessions.list || a->tcps.list || a->fs.list || a->sessions.output.discarding > 0;
}

void agent_announce(struct agent *a)
{
	msg_send_init_resolved(&a->port.out, 0, 0);
	loop_arm(&a->loop, &a->ack_timer, clock_mono_ns() + INIT_ACK_WAIT_NS);
}

void agent_acked(struct agent *a)
{
	if (a->ready)
		return;
	a->ready = true;
	loop_disarm(&a->loop, &a->ack_timer);
	msg_send_ready(&a->port.out, 0, &(struct ready){
		.boot_ns = a->boot_ns,
		.init_ns = a->init_ns,
		.ready_ns = clock_boot_ns(),
	});
}

void agent_flow(struct agent *a, const struct msg_id_range *range)
{
	flow_set(&a->flow, range);
	sessions_flow(&a->sessions, range);
	tcps_flow(&a->tcps, range);
	fs_flow(&a->fs, range);
}

void agent_drop(struct agent *a, const struct msg_id_range *range)
{
	flow_forget(&a->flow, range);
	sessions_drop(&a->sessions, range);
	tcps_drop(&a->tcps, range);
	fs_drop(&a->fs, range);
}

/* A host that does not read is not listened to: its requests wait in the port. */
static bool may_listen(const struct agent *a)
{
	return !a->port.lost && a->port.out.len < OUTQ_INPUT_STOP;
}

static void take_frames(struct agent *a)
{
	struct port *p = &a->port;
	struct frame f;

	while (may_listen(a)) {
		switch (wire_peek(buf_span(&p->in), &f)) {
		case FRAME_PARTIAL:
			return;
		case FRAME_BAD:
			log_err("a frame of impossible length on the port");
			p->lost = true;
			return;
		case FRAME_WHOLE:
			dispatch(a, &f);
			buf_consume(&p->in, f.size);
			break;
		}
	}
}

/* Frames that came while nobody listened are no event any more. */
static bool frames_wait(const struct agent *a)
{
	struct frame f;

	return may_listen(a) && wire_peek(buf_span(&a->port.in), &f) != FRAME_PARTIAL;
}

/* Only what can be used is waited for; a lost port is out of the loop. */
static void watch_port(struct agent *a)
{
	struct port *p = &a->port;
	uint32_t want = (may_listen(a) ? EPOLLIN : 0) | (port_waits(p) ? EPOLLOUT : 0);

	if (p->w.fd < 0)
		return;
	if (p->lost) {
		loop_close(&a->loop, &p->w);
		buf_free(&p->in);
		buf_free(&p->out);
		transit_close(&p->transit);
		return;
	}
	if (want != p->events)
		loop_modify(&a->loop, &p->w, want);
	p->events = want;
}

bool agent_turn(struct agent *a, bool busy)
{
	loop_turn(&a->loop, busy);
	take_frames(a);
	output_pump(&a->sessions.output);
	port_write(&a->port);
	/* Asked after the write, which may have made room for all that was held up by the lack of it. */
	busy = output_waits(&a->sessions.output) || frames_wait(a);
	if (a->port.out.failed && !a->port.lost) {
		log_err("output for the host does not fit: it has stopped reading");
		a->port.lost = true;
	}
	/* Nobody listens: what waits for the host can only be dropped. */
	if (a->port.lost)
		shutdown_begin(&a->shutdown, "the line to the host is lost", 0);
	watch_port(a);
	shutdown_turn(&a->shutdown);
	return busy;
}

void agent_run(struct agent *a)
{
	bool busy = true;	/* frames may have come with the first one */

	for (;;)
		busy = agent_turn(a, busy);
}
