// SPDX-License-Identifier: Apache-2.0
/*
 * The agent, whole: a host that says anything, commands and connections that
 * do anything, time, and shortages. An input is a stream of frames; those named
 * as in events.h happen around the agent, all else is for its port, cut in
 * pieces. Looked at after each step: every bound, and the agent's own words.
 * At the end nothing may be left, no memory and no descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "bounds.h"
#include "cbor.h"
#include "events.h"
#include "fuzz.h"
#include "pty.h"
#include "world.h"

#define IDS_MAX 128		/* of sessions whose words are kept track of */
#define REPEAT_MAX 16		/* more than there may be sessions: fence.h */
#define FRAMES_MAX 200		/* for the agent in one run */
#define TURNS_MAX 64

static struct agent agent;
static int host;		/* the host's end of the port */
static bool host_reads;
static size_t piece;
static bool in_haste;		/* no turn between one frame and the next */
static size_t frames_sent;
static struct buf heard, filling;

/* Which sessions have been asked for, and ended; more of either than the table holds are not looked at. */
static struct talk {
	uint32_t id;
	unsigned asked, ended;
	bool used;
} talks[IDS_MAX];
static bool talks_full;

static struct talk *talk_of(uint32_t id)
{
	size_t i = id * 2654435761u % IDS_MAX;

	for (size_t n = 0; n < IDS_MAX; n++, i = (i + 1) % IDS_MAX) {
		if (talks[i].used && talks[i].id != id)
			continue;
		talks[i].used = true;
		talks[i].id = id;
		return &talks[i];
	}
	talks_full = true;
	return NULL;
}

static bool is_end(enum msg_type t)
{
	return t == MSG_EXEC_EXITED || t == MSG_EXEC_FAILED || t == MSG_TCP_CLOSED || t == MSG_TCP_FAILED;
}

/* A file server's words, which the agent passes on as they are: here it may lie, and only whose they are is looked at. */
static bool is_of_files(enum msg_type t)
{
	return t == MSG_FS_RESPONSE || t == MSG_FS_DATA || t == MSG_FS_HOLE;
}

static bool is_of_session(enum msg_type t)
{
	return is_end(t) || t == MSG_EXEC_STARTED || t == MSG_EXEC_STDOUT || t == MSG_EXEC_STDERR || t == MSG_EXEC_STDIN_ERROR ||
	       t == MSG_TCP_CONNECTED || t == MSG_TCP_DATA || t == MSG_TCP_EOF || t == MSG_TAKEN || is_of_files(t);
}

/* The agent's own words: well-formed, flags right, of a session only while there is one. */
static void listen_to(const struct frame *f)
{
	struct envelope e;
	struct cbor_reader r;
	struct talk *t;

	PROMISE(wire_open(f->body, &e));
	PROMISE(e.type != MSG_UNKNOWN && e.generation == PROTOCOL_GENERATION);
	r = cbor_reader(e.payload);
	PROMISE(is_of_files(e.type) || (f->flags == wire_flags(e.type) && cbor_skip(&r) && cbor_done(&r)));
	if (!is_of_session(e.type) || !(t = talk_of(f->id)))
		return;
	PROMISE(f->id != 0);
	PROMISE(talks_full || t->ended < t->asked);
	t->ended += is_of_files(e.type) ? f->flags & FLAG_TERMINAL : is_end(e.type);
}

/* What the warden would have to fill up, should the agent go now: all that has been written has been read. */
static void promise_debt(void)
{
	const struct span rest = buf_span(&heard);
	size_t len = 0;

	if (!agent.handoff.page || agent.port.lost)
		return;
	if (rest.len < 4) {
		PROMISE((rest.len == 0) == (agent.handoff.page->debt == 0));
		return;
	}
	for (int i = 0; i < 4; i++)
		len = len << 8 | rest.p[i];
	PROMISE(agent.handoff.page->debt == 4 + len - rest.len);
}

static void host_read(void)
{
	enum frame_status status;
	struct frame f;
	ssize_t n;

	do {
		uint8_t *room = buf_reserve(&heard, KIB(64));

		PROMISE(room);
		n = read(host, room, KIB(64));
		if (n > 0)
			buf_commit(&heard, (size_t)n);
		while ((status = wire_peek(buf_span(&heard), &f)) == FRAME_WHOLE) {
			listen_to(&f);
			buf_consume(&heard, f.size);
		}
		PROMISE(status == FRAME_PARTIAL);
	} while (n > 0);
	promise_debt();
}

/* Whether a client of a lower place in the table has been seen already. */
static bool is_first_of_client(size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (talks[i].used && (talks[i].id - 1) / CLIENT_ID_STEP == (talks[at].id - 1) / CLIENT_ID_STEP)
			return false;
	return true;
}

/* One for each client at most. Which is whose cannot be told: in haste, frames are looked at later. */
static void promise_servers(void)
{
	size_t servers = 0, clients = 0;

	for (const struct peer *p = world.peers; p; p = p->next)
		servers += p->kind == SERVER && !p->gone;
	for (size_t i = 0; i < IDS_MAX && servers > 1; i++)
		clients += talks[i].used && is_first_of_client(i);
	PROMISE(servers <= 1 || servers <= clients || talks_full);
}

static void promise_bounds(void)
{
	const struct sessions *ss = &agent.sessions;
	size_t n = 0;

	PROMISE(agent.port.in.len <= agent.port.in.max && agent.port.out.len <= OUTQ_MAX);
	for (const struct session *s = ss->list; s; s = s->next, n++)
		PROMISE(s->inq.len <= STDIN_QUEUE_MAX);
	PROMISE(n == ss->count && n <= SESSIONS_MAX);
	PROMISE(agent.tcps.count <= TCP_MAX && agent.flow.n <= FLOW_RANGES_MAX);
	PROMISE(ss->output.discarding <= DISCARD_MAX);
	promise_servers();
}

static void turn(int n)
{
	while (n-- > 0) {
		bool more;

		reaper_collect(&agent.reaper);
		more = agent_turn(&agent, true);
		if (host_reads)
			host_read();
		if (!more)
			break;
	}
	promise_bounds();
}

/* In pieces, with a turn whenever the port takes no more. */
static void say(struct span s)
{
	for (int tries = 0; s.len > 0 && tries < TURNS_MAX && host >= 0;) {
		ssize_t n = send(host, s.p, min_size(s.len, piece), MSG_NOSIGNAL);

		if (n > 0)
			s = span_of(s.p + n, s.len - (size_t)n);
		else
			tries++;
		if (n <= 0 || piece < 64)
			turn(1);
	}
	if (!in_haste)
		turn(2);
}

static void note_asked(uint32_t id, enum msg_type type)
{
	struct talk *t;

	if (type != MSG_EXEC_REQUEST && type != MSG_TCP_CONNECT && type != MSG_FS_REQUEST)
		return;
	t = talk_of(id);
	if (t)
		t->asked++;
	world.id = id;
}

static void say_frame(const struct frame *f, const struct envelope *e, struct span whole)
{
	if (frames_sent++ >= FRAMES_MAX)
		return;
	note_asked(f->id, e->type);
	say(whole);
}

/* The events. */

static void become(struct peer *p)
{
	if (p->kind == COMMAND)
		peer_close(p, 8);
}

/* A report as child_run() writes it, whatever numbers are in it. */
static void give_up(struct peer *p, struct input *in)
{
	int32_t report[3] = { take_u8(in), take_u8(in), take_u8(in) };

	if (p->kind == COMMAND && p->report >= 0 && write(p->report, report, sizeof(report)) < 0)
		PROMISE(errno == EAGAIN || errno == EPIPE);
}

/* That a slot has been filled, with as much as its four bytes say. */
static size_t slot_told(uint8_t *mem, uint32_t id, struct span payload)
{
	const uint8_t head[] = { 0, 0, 0, 9, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id, 0x80 };

	memcpy(mem, head, sizeof(head));
	memset(mem + sizeof(head), 0, 4);
	memcpy(mem + sizeof(head), payload.p, min_size(payload.len, 4));
	return sizeof(head) + 4;
}

/* A file server's answer: as it should be, or a slot's worth, or of another id, or half of one before its end; or no frame at all. */
static void serve(struct peer *p, uint8_t how, struct span payload)
{
	static const char name[] = "core.fs.response";
	uint8_t mem[KIB(2)];
	size_t len = frame_put(mem, sizeof(mem), p->id + (how & 4), how & 1, span_of(name, sizeof(name) - 1), payload);

	if (how & 16)
		len = slot_told(mem, p->id + (how & 4), payload);
	if (how & 2)
		memset(mem, 0xff, 4);
	if (write(p->out, mem, how & 8 ? len / 2 : len) < 0)
		PROMISE(errno == EAGAIN || errno == EPIPE);
	if (how & 8)
		peer_close(p, 3);
}

static void put_out(struct peer *p, struct input *in)
{
	static uint8_t block[KIB(32)];
	uint8_t how = take_u8(in);
	int fd = p->kind == CONNECTION ? p->in : how & 1 && p->kind == COMMAND ? p->err : p->out;
	struct span s = take(in, in->len);

	if (fd < 0)
		return;
	if (p->kind == SERVER) {
		serve(p, how, s);
		return;
	}
	if (s.len && write(fd, s.p, s.len) < 0)
		PROMISE(errno == EAGAIN || errno == EPIPE || errno == EIO);
	for (int i = how >> 4; i > 0; i--)
		if (write(fd, block, sizeof(block)) < 0)
			break;
}

static void take_in(struct peer *p, struct input *in)
{
	static uint8_t block[KIB(64)];

	for (int i = take_u8(in); i >= 0 && p->in >= 0; i--)
		if (read(p->in, block, sizeof(block)) <= 0)
			break;
}

static void close_ends(struct peer *p, struct input *in)
{
	uint8_t which = take_u8(in);

	if (p->kind == COMMAND)
		peer_close(p, which);
	else if (which & 8 && p->in >= 0)
		shutdown(p->in, SHUT_WR);
	else
		peer_close(p, 3);
}

static void be_gone(struct peer *p, struct input *in)
{
	static const int statuses[] = { 0, 1 << 8, 255 << 8, SIGKILL, SIGTERM, SIGSEGV | 0x80, 126 << 8, 127 << 8 };

	if (!p->pid)
		return;
	if (take_u8(in) & 1)
		peer_close(p, ~0u);
	else
		peer_close(p, 8);	/* whoever it has left behind holds the rest */
	peer_exit(p, statuses[take_u8(in) % ARRAY_SIZE(statuses)]);
}

static void settle(struct peer *p, struct input *in)
{
	static const int results[] = { 0, 0, ECONNREFUSED, ETIMEDOUT, ENETUNREACH };

	if (p->kind == CONNECTION)
		p->pending = results[take_u8(in) % ARRAY_SIZE(results)];
}

static void change_host(struct input *in)
{
	uint8_t what = take_u8(in) % 4;

	if (what < 2)
		host_reads = what == 0;
	else if (what == 2 && host >= 0)
		shutdown(host, SHUT_WR);
	if (what == 0)
		host_read();
}

/* Its buffer is end()'s to free: a power-off jumps out of here. */
static void fill(uint32_t id, struct input *in)
{
	static const uint8_t zeros[KIB(128)];
	static const enum msg_type types[] = { MSG_EXEC_STDIN, MSG_TCP_DATA, MSG_FS_DATA };
	enum msg_type type = types[take_u8(in) % ARRAY_SIZE(types)];
	size_t data = (size_t)take_u16(in) * 2;
	uint8_t head[16];
	struct cbor_writer w = cbor_writer(head, sizeof(head));
	size_t before = piece;

	cbor_put_map(&w, 1);
	cbor_put_text(&w, "data");
	cbor_put_bytes_head(&w, data);
	buf_free(&filling);
	PROMISE(wire_append(&filling, id, type, span_of(head, w.len), span_of(zeros, data)));
	piece = KIB(64);
	say(buf_span(&filling));
	piece = before;
}

static void act_as_init(uint8_t what)
{
	if (what & 2)
		shutdown_follow(&agent.shutdown);
	else
		world.init_listens = what & 1;
}

/* False: the stream ends here. */
static bool happen(enum event event, uint32_t id, struct input in)
{
	struct peer *p = world_find(id);

	switch (event) {
	case EVENT_TIME:
		world.now += take_u16(&in) * MSEC_NS;
		break;
	case EVENT_HOST:
		change_host(&in);
		break;
	case EVENT_CHUNKS:
		in_haste = take_u8(&in) & 1;
		piece = 1 + take_u16(&in);
		break;
	case EVENT_FILL:
		fill(id, &in);
		break;
	case EVENT_SHORT:
		world.shortage[id % SHORTAGES] = take_u8(&in);
		break;
	case EVENT_INIT:
		act_as_init(take_u8(&in));
		break;
	default:
		break;
	}
	if (!p) {
		turn(1);
		return true;
	}
	switch (event) {
	case EVENT_STARTED:
		become(p);
		break;
	case EVENT_REPORT:
		give_up(p, &in);
		break;
	case EVENT_WRITE:
		put_out(p, &in);
		break;
	case EVENT_READ:
		take_in(p, &in);
		break;
	case EVENT_CLOSE:
		close_ends(p, &in);
		break;
	case EVENT_EXIT:
		be_gone(p, &in);
		break;
	case EVENT_DIALLED:
		settle(p, &in);
		break;
	default:
		break;
	}
	turn(1);
	return true;
}

static enum event event_of(struct span name)
{
	int i = 0;

	while (i < EVENT_COUNT && !span_eq(name, event_names[i]))
		i++;
	return (enum event)i;
}

/* The same frame again and again, for as many sessions. */
static void say_often(const struct frame *f, const struct envelope *e, size_t times)
{
	static uint8_t mem[KIB(8)];

	for (size_t i = 0; i < times; i++) {
		struct frame each = *f;
		size_t len;

		each.id = f->id + (uint32_t)i;
		len = frame_put(mem, sizeof(mem), each.id, f->flags, e->name, e->payload);
		if (len)
			say_frame(&each, e, span_of(mem, len));
	}
}

static void play(struct span in)
{
	size_t repeat = 0;
	struct envelope e;
	struct frame f;

	while (in.len > 0) {
		enum event event;

		if (wire_peek(in, &f) != FRAME_WHOLE) {
			say(in);
			return;
		}
		if (!wire_open(f.body, &e)) {
			say(span_of(in.p, f.size));
		} else if ((event = event_of(e.name)) == EVENT_REPEAT) {
			struct input n = { e.payload.p, e.payload.len };

			repeat = min_size(take_u16(&n), REPEAT_MAX);
		} else if (event < EVENT_COUNT) {
			if (!happen(event, f.id, (struct input){ e.payload.p, e.payload.len }))
				return;
		} else {
			if (repeat)
				say_often(&f, &e, repeat);
			say_frame(&f, &e, span_of(in.p, f.size));
			repeat = 0;
		}
		in = span_of(in.p + f.size, in.len - f.size);
	}
}

static void begin(void)
{
	int fds[2];

	if (real_pair(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, fds) < 0)
		abort();
	/* A line that takes little at once, as the port does: frames are often begun, and not ended. */
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &(int){ KIB(8) }, sizeof(int));
	host = fds[0];
	host_reads = true;
	piece = KIB(64);
	in_haste = false;
	frames_sent = 0;
	memset(talks, 0, sizeof(talks));
	talks_full = false;
	heard = filling = (struct buf){ .max = FRAME_MAX_LEN + KIB(128) };
	world_begin();
	agent = (struct agent){ .mounts = { .root_fd = -1, .upper_fd = -1, .proc_fd = -1 } };
	port_init(&agent.port);
	agent_init(&agent, fds[1]);
	agent.hangup_after_halted = true;
}

/* All that is left goes, as it does when the relay says that its clients have gone. */
static void end(void)
{
	agent_drop(&agent, &every_id);
	PROMISE(agent.sessions.count == 0 && agent.tcps.count == 0 && !agent.fs.list && agent.flow.n == 0);
	agent.loop.timers = NULL;	/* a shutdown would go on */
	/* Pipes that are only drained end with whoever held them. */
	world_end();
	agent.port.lost = true;
	loop_close(&agent.loop, &agent.port.w);
	buf_free(&agent.port.out);
	transit_close(&agent.port.transit);
	agent.port.out.failed = false;
	for (int i = 0; i < 4 * TURNS_MAX && agent.sessions.output.discarding > 0; i++) {
		loop_turn(&agent.loop, true);
		agent.port.out.len = 0;
		output_pump(&agent.sessions.output);
	}
	PROMISE(agent.sessions.output.discarding == 0 && !agent.sessions.output.head);
	loop_turn(&agent.loop, true);
	PROMISE(!agent.loop.dead);
	buf_free(&agent.port.in);
	buf_free(&agent.port.out);
	buf_free(&heard);
	buf_free(&filling);
	plan_defaults_free(&agent.defaults);
	close(agent.loop.epfd);
	if (host >= 0)
		close(host);
}

/* The lowest descriptor that is free: the same before and after, or one was lost. */
static int lowest_free(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct rlimit files;

	(void)argc;
	(void)argv;
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max < AGENT_NOFILE ? files.rlim_max : AGENT_NOFILE;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	pty_init("/dev/pts");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *mem;
	int before = lowest_free();

	mem = exact(data, size);
	begin();
	if (setjmp(world.down) == 0)
		play(span_of(mem, size));
	end();
	free(mem);
	PROMISE(lowest_free() == before);
	return 0;
}
