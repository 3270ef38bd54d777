// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>

#include "agent.h"
#include "clock.h"
#include "fs_messages.h"
#include "log.h"
#include "renewal.h"

struct request {
	uint32_t id;
	const struct frame *frame;
	struct envelope e;
};

static void refuse(struct agent *a, const struct request *q, const char *kind, const char *message)
{
	msg_send_error(&a->port.out, q->id, kind, message, q->e.name);
}

static void invalid(struct agent *a, const struct request *q)
{
	refuse(a, q, "invalid_payload", "the payload is not what this message carries");
}

/* Commands, connections and work on files have their ids of one range. */
static bool may_begin(struct agent *a, const struct request *q)
{
	bool possible = q->id != 0 && id_in_range(&every_id, q->id);
	bool free = !sessions_find(&a->sessions, q->id) && !tcps_find(&a->tcps, q->id) && !fs_has(&a->fs, q->id);

	if (q->id == 0)
		refuse(a, q, "invalid_session", "id 0 is for control");
	else if (!possible)
		refuse(a, q, "invalid_session", "no client of a relay has that id");
	else if (!free)
		refuse(a, q, "invalid_session", "a session of this id is running");
	return possible && free;
}

static void exec_request(struct agent *a, const struct request *q)
{
	struct msg_exec_request m;

	a->activity++;
	if (may_begin(a, q) && (!msg_read_exec_request(q->e.payload, &m) || !sessions_start(&a->sessions, q->id, &m)))
		invalid(a, q);
}

/* To a session that has just ended, no error: the two have crossed on the wire. */
static void exec_stdin(struct agent *a, const struct request *q)
{
	struct session *s = sessions_find(&a->sessions, q->id);
	struct span data;

	if (!msg_read_data(q->e.payload, &data))
		invalid(a, q);
	else if (s)
		session_stdin_data(s, data);
}

static void exec_resize(struct agent *a, const struct request *q)
{
	struct session *s = sessions_find(&a->sessions, q->id);
	struct msg_window w;

	if (!msg_read_resize(q->e.payload, &w))
		invalid(a, q);
	else if (s)
		session_resize(s, &w);
}

static void exec_signal(struct agent *a, const struct request *q)
{
	struct session *s = sessions_find(&a->sessions, q->id);
	int32_t sig;

	if (!msg_read_signal(q->e.payload, &sig) || sig < 0 || sig >= NSIG)
		invalid(a, q);
	else if (s)
		session_signal(s, sig);
}

static void exec_detach(struct agent *a, const struct request *q)
{
	struct session *s = sessions_find(&a->sessions, q->id);

	if (s && !session_detach(s))
		refuse(a, q, "invalid_session", "too many commands go on without a client");
}

static void tcp_connect(struct agent *a, const struct request *q)
{
	struct msg_tcp_connect m;

	a->activity++;
	if (!may_begin(a, q))
		return;
	if (!msg_read_tcp_connect(q->e.payload, &m))
		invalid(a, q);
	else if (a->sessions.closed)
		msg_send_tcp_failed(&a->port.out, q->id, ESHUTDOWN, "the machine is shutting down");
	else
		tcps_connect(&a->tcps, q->id, &m);
}

/* To a connection that has just ended, no error: the two have crossed on the wire. */
static void tcp_message(struct agent *a, const struct request *q)
{
	struct tcp *t = tcps_find(&a->tcps, q->id);
	struct span data;

	if (q->e.type == MSG_TCP_DATA && !msg_read_data(q->e.payload, &data))
		invalid(a, q);
	else if (t && q->e.type == MSG_TCP_DATA)
		tcp_data(t, data);
	else if (t && q->e.type == MSG_TCP_EOF)
		tcp_eof(t);
	else if (t)
		tcp_close(t);
}

static void begin_fs(struct agent *a, const struct request *q)
{
	a->activity++;
	if (!may_begin(a, q))
		return;
	if (a->sessions.closed)
		fs_send_failed(&a->port.out, q->id, ESHUTDOWN, "the machine is shutting down");
	else
		fs_request(&a->fs, q->frame);
}

static void clock_sync(struct agent *a, const struct request *q)
{
	uint64_t unix_ns;

	if (!msg_read_clock(q->e.payload, &unix_ns))
		invalid(a, q);
	else if (clock_set_wall(unix_ns) < 0)
		log_warn("clock.sync: %m");
}

/* A relay that cannot say who its machine is must not have one that goes on as the frozen one. */
static void resume(struct agent *a, const struct request *q)
{
	enum renewal result;

	if (!a->ready || a->sessions.closed) {
		refuse(a, q, "invalid_session", "only a machine that is up is renewed");
		return;
	}
	result = renew(a, q->id, q->e.payload);
	if (result != RENEWED && q->id == 0)
		fatal(EBADMSG, "msb.resume");
	else if (result == RENEWAL_INVALID)
		invalid(a, q);
	else if (result == RENEWAL_TOO_LATE)
		refuse(a, q, "invalid_session", "only a machine in which nothing runs can be given an init, once, or be restricted");
}

/* Whatever it brings, a machine that is to go down does. */
static void go_down(struct agent *a, const struct request *q)
{
	uint64_t budget_ns;

	if (!msg_read_shutdown(q->e.payload, &budget_ns))
		budget_ns = 0;
	shutdown_begin(&a->shutdown, "asked for by the host", budget_ns);
}

static void client_disconnected(struct agent *a, const struct request *q)
{
	struct msg_id_range range;

	if (msg_read_disconnected(q->e.payload, &range))
		agent_drop(a, &range);
	else
		invalid(a, q);
}

static void flow(struct agent *a, const struct request *q)
{
	struct msg_id_range range;

	if (msg_read_flow(q->e.payload, &range))
		agent_flow(a, &range);
	else
		invalid(a, q);
}

static void handle(struct agent *a, const struct request *q)
{
	struct buf *out = &a->port.out;

	switch (q->e.type) {
	case MSG_EXEC_REQUEST:
		exec_request(a, q);
		break;
	case MSG_EXEC_STDIN:
		exec_stdin(a, q);
		break;
	case MSG_EXEC_RESIZE:
		exec_resize(a, q);
		break;
	case MSG_EXEC_SIGNAL:
		exec_signal(a, q);
		break;
	case MSG_EXEC_DETACH:
		exec_detach(a, q);
		break;
	case MSG_PING:
		msg_send_empty(out, q->id, MSG_PONG);
		break;
	case MSG_TOUCH:
		msg_send_touched(out, q->id, ++a->activity);
		break;
	case MSG_CLOCK_SYNC:
		clock_sync(a, q);
		break;
	case MSG_CLIENT_DISCONNECTED:
		client_disconnected(a, q);
		break;
	case MSG_FLOW:
		flow(a, q);
		break;
	case MSG_RESUME:
		resume(a, q);
		break;
	case MSG_INIT_ACK:
		agent_acked(a);
		break;
	case MSG_SHUTDOWN:
		go_down(a, q);
		break;
	case MSG_TCP_CONNECT:
		tcp_connect(a, q);
		break;
	case MSG_TCP_DATA:
	case MSG_TCP_EOF:
	case MSG_TCP_CLOSE:
		tcp_message(a, q);
		break;
	case MSG_FS_REQUEST:
		begin_fs(a, q);
		break;
	case MSG_FS_DATA:
		fs_data(&a->fs, q->frame);
		break;
	default:
		break;		/* our own messages come back */
	}
}

void dispatch(struct agent *a, const struct frame *f)
{
	struct request q = { .id = f->id, .frame = f };

	if (!wire_open(f->body, &q.e)) {
		msg_send_error(&a->port.out, f->id, "malformed_message",
			       "the envelope is not {v, t, p}", (struct span){ 0 });
		return;
	}
	if (q.e.generation > PROTOCOL_GENERATION)
		refuse(a, &q, "unsupported_protocol_generation", "this agent speaks generation 7");
	else if (q.e.type == MSG_UNKNOWN && f->flags & FLAG_SESSION_START)
		refuse(a, &q, "unsupported_message_type", "unknown to this agent");
	else if (q.e.type != MSG_UNKNOWN && f->flags != wire_flags(q.e.type))
		refuse(a, &q, "invalid_flags", "the frame's flags are not those of this message");
	else
		handle(a, &q);
}
