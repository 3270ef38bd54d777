// SPDX-License-Identifier: Apache-2.0
/*
 * A stream from the host, cut anywhere: frames, envelopes, and every reader of
 * a message. Whatever comes in, nothing is read outside of it, what a reader
 * hands out lies within it and keeps that message's bounds; and the cuts make
 * no difference.
 */
#include "bounds.h"
#include "cbor.h"
#include "fs_messages.h"
#include "fuzz.h"
#include "messages.h"

static void promise_window(const struct msg_window *w)
{
	PROMISE(w->rows >= 1 && w->rows <= WINDOW_MAX && w->cols >= 1 && w->cols <= WINDOW_MAX);
}

static void promise_secrets(struct span entropy, struct span machine_id)
{
	PROMISE(!entropy.p || (entropy.len >= ENTROPY_MIN && entropy.len <= ENTROPY_MAX));
	PROMISE(!machine_id.p || machine_id.len == MACHINE_ID_LEN);
}

static void read_exec(struct span in)
{
	struct msg_exec_request m;
	struct msg_rlimit limit;
	struct cbor_reader r;
	size_t n;

	if (!msg_read_exec_request(in, &m))
		return;
	promise_within(in, m.cmd);
	promise_within(in, m.cwd);
	promise_within(in, m.user);
	promise_within(in, m.args);
	promise_within(in, m.env);
	promise_within(in, m.rlimits);
	PROMISE(!m.stdin_mode.p || span_eq(m.stdin_mode, "null") || span_eq(m.stdin_mode, "pipe"));
	if (m.tty)
		promise_window(&m.window);
	if (!m.rlimits.p)
		return;
	r = cbor_reader(m.rlimits);
	if (cbor_read_array(&r, &n))
		while (n-- > 0 && msg_read_rlimit(&r, &limit))
			promise_within(in, limit.resource);
}

static void read_handoff(struct span in)
{
	struct msg_handoff m;

	if (!msg_read_handoff(in, &m))
		return;
	promise_within(in, m.cmd);
	promise_within(in, m.cwd);
	promise_within(in, m.args);
	promise_within(in, m.env);
}

static void read_bootstrap(struct span in)
{
	struct msg_bootstrap b;

	if (!msg_read_bootstrap(in, &b))
		return;
	promise_within(in, b.lower);
	promise_within(in, b.lower_fstype);
	promise_within(in, b.upper);
	promise_within(in, b.upper_fstype);
	promise_within(in, b.hostname);
	promise_within(in, b.default_cwd);
	promise_within(in, b.default_env);
	promise_within(in, b.entropy);
	promise_within(in, b.machine_id);
	promise_within(in, b.handoff_init);
	if (b.handoff_init.p)
		read_handoff(b.handoff_init);
	promise_secrets(b.entropy, b.machine_id);
}

static void read_resume(struct span in)
{
	struct msg_resume m;
	struct cbor_reader r;
	struct span key, value;
	size_t n;

	if (!msg_read_resume(in, &m))
		return;
	promise_within(in, m.entropy);
	promise_within(in, m.machine_id);
	promise_within(in, m.hostname);
	promise_within(in, m.default_cwd);
	promise_within(in, m.default_env);
	promise_within(in, m.handoff_init);
	if (m.handoff_init.p)
		read_handoff(m.handoff_init);
	PROMISE(m.entropy.p);
	promise_secrets(m.entropy, m.machine_id);
	if (!m.default_env.p)
		return;
	r = cbor_reader(m.default_env);
	if (cbor_read_array(&r, &n))
		while (n-- > 0 && msg_read_env_pair(&r, &key, &value)) {
			promise_within(in, key);
			promise_within(in, value);
		}
}

static void read_files(struct span in)
{
	struct fs_request q;

	if (!fs_read_request(in, &q))
		return;
	PROMISE(q.op < FS_OP_COUNT && fs_op_name(q.op));
	promise_within(in, q.path);
	promise_within(in, q.dst);
}

static void read_rest(struct span in)
{
	struct msg_id_range range;
	struct msg_tcp_connect connect;
	struct msg_window w;
	struct span data = { 0 };
	uint64_t ns;
	int32_t sig;

	msg_read_flow(in, &range);
	msg_read_disconnected(in, &range);
	msg_read_clock(in, &ns);
	msg_read_shutdown(in, &ns);
	msg_read_signal(in, &sig);
	if (msg_read_data(in, &data))
		promise_within(in, data);
	if (msg_read_resize(in, &w))
		promise_window(&w);
	if (msg_read_tcp_connect(in, &connect)) {
		promise_within(in, connect.host);
		PROMISE(connect.port >= 1 && connect.port <= 65535);
	}
}

/* Each reader gets every payload: none may count on having been chosen rightly. */
static void read_all(struct span payload)
{
	uint8_t *mem = exact(payload.p, payload.len);
	struct span in = span_of(mem, payload.len);
	struct cbor_reader r = cbor_reader(in);

	if (cbor_skip(&r))
		PROMISE(r.p <= r.end);
	read_exec(in);
	read_bootstrap(in);
	read_resume(in);
	read_files(in);
	read_rest(in);
	free(mem);
}

/* What the stream came to: how many frames, and a sum over them. */
struct tally {
	size_t frames;
	uint64_t sum;
	bool bad;
};

static void count(struct tally *t, const struct frame *f)
{
	t->frames++;
	t->sum = t->sum * 31 + f->id * 7 + f->flags;
	for (size_t i = 0; i < f->body.len; i++)
		t->sum = t->sum * 31 + f->body.p[i];
}

static struct tally whole(struct span in)
{
	struct tally t = { 0 };
	struct envelope e;
	struct frame f;
	enum frame_status status;

	while ((status = wire_peek(in, &f)) == FRAME_WHOLE) {
		PROMISE(f.size <= in.len && f.size <= 4 + FRAME_MAX_LEN);
		promise_within(in, f.body);
		count(&t, &f);
		if (wire_open(f.body, &e)) {
			promise_within(f.body, e.name);
			promise_within(f.body, e.payload);
			PROMISE(e.type == wire_type(e.name));
			read_all(e.payload);
		}
		in = span_of(in.p + f.size, in.len - f.size);
	}
	t.bad = status == FRAME_BAD;
	return t;
}

/* As the port does it: a queue that grows at its end while frames are taken off its head. */
static struct tally in_pieces(struct span in, uint32_t seed)
{
	struct buf q = { .max = 4 + FRAME_MAX_LEN + PORT_READ_SIZE };
	struct tally t = { 0 };
	enum frame_status status = FRAME_PARTIAL;
	struct frame f;

	while (in.len > 0 && status != FRAME_BAD) {
		size_t n;

		seed = seed * 1664525 + 1013904223;
		n = min_size(1 + (seed >> 16) % 97, in.len);
		PROMISE(buf_append(&q, in.p, n));
		in = span_of(in.p + n, in.len - n);
		while ((status = wire_peek(buf_span(&q), &f)) == FRAME_WHOLE) {
			count(&t, &f);
			buf_consume(&q, f.size);
		}
		PROMISE(q.len <= q.cap && q.head + q.len <= q.cap);
	}
	t.bad = status == FRAME_BAD;
	buf_free(&q);
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *mem = exact(data, size);
	struct tally a = whole(span_of(mem, size));
	struct tally b = in_pieces(span_of(mem, size), (uint32_t)size);

	PROMISE(a.frames == b.frames && a.sum == b.sum && a.bad == b.bad);
	read_all(span_of(mem, size));
	free(mem);
	return 0;
}
