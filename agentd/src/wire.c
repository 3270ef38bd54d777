// SPDX-License-Identifier: Apache-2.0
#include "wire.h"

#include "bounds.h"
#include "cbor.h"

static const struct {
	const char *name;
	uint8_t flags;
} types[MSG_TYPE_COUNT] = {
	[MSG_UNKNOWN] = { "", 0 },
	[MSG_BOOTSTRAP] = { "core.bootstrap", 0 },
	[MSG_INIT_RESOLVED] = { "core.init.resolved", 0 },
	[MSG_INIT_ACK] = { "core.init.ack", 0 },
	[MSG_READY] = { "core.ready", 0 },
	[MSG_SHUTDOWN] = { "core.shutdown", FLAG_SHUTDOWN },
	[MSG_CLOCK_SYNC] = { "core.clock.sync", 0 },
	[MSG_PING] = { "core.ping", 0 },
	[MSG_PONG] = { "core.pong", FLAG_TERMINAL },
	[MSG_TOUCH] = { "core.touch", 0 },
	[MSG_TOUCHED] = { "core.touched", FLAG_TERMINAL },
	[MSG_ERROR] = { "core.error", FLAG_TERMINAL },
	[MSG_EXEC_REQUEST] = { "core.exec.request", FLAG_SESSION_START },
	[MSG_EXEC_STARTED] = { "core.exec.started", 0 },
	[MSG_EXEC_STDIN] = { "core.exec.stdin", 0 },
	[MSG_EXEC_STDIN_ERROR] = { "core.exec.stdin.error", 0 },
	[MSG_EXEC_STDOUT] = { "core.exec.stdout", 0 },
	[MSG_EXEC_STDERR] = { "core.exec.stderr", 0 },
	[MSG_EXEC_EXITED] = { "core.exec.exited", FLAG_TERMINAL },
	[MSG_EXEC_FAILED] = { "core.exec.failed", FLAG_TERMINAL },
	[MSG_EXEC_RESIZE] = { "core.exec.resize", 0 },
	[MSG_EXEC_SIGNAL] = { "core.exec.signal", 0 },
	[MSG_EXEC_DETACH] = { "msb.exec.detach", 0 },
	[MSG_EXEC_DETACHED] = { "msb.exec.detached", FLAG_TERMINAL },
	[MSG_FS_REQUEST] = { "core.fs.request", FLAG_SESSION_START },
	[MSG_FS_DATA] = { "core.fs.data", 0 },
	[MSG_FS_HOLE] = { "msb.fs.hole", 0 },
	[MSG_FS_RESPONSE] = { "core.fs.response", FLAG_TERMINAL },
	[MSG_TCP_CONNECT] = { "core.tcp.connect", FLAG_SESSION_START },
	[MSG_TCP_CONNECTED] = { "core.tcp.connected", 0 },
	[MSG_TCP_DATA] = { "core.tcp.data", 0 },
	[MSG_TCP_EOF] = { "core.tcp.eof", 0 },
	[MSG_TCP_CLOSE] = { "core.tcp.close", 0 },
	[MSG_TCP_CLOSED] = { "core.tcp.closed", FLAG_TERMINAL },
	[MSG_TCP_FAILED] = { "core.tcp.failed", FLAG_TERMINAL },
	[MSG_TAKEN] = { "msb.taken", 0 },
	[MSG_CLIENT_DISCONNECTED] = { "core.relay.client.disconnected", 0 },
	[MSG_FLOW] = { "msb.flow", 0 },
	[MSG_HALTED] = { "msb.halted", FLAG_SHUTDOWN },
	[MSG_RESUME] = { "msb.resume", 0 },
};

const char *wire_name(enum msg_type type)
{
	return types[type].name;
}

uint8_t wire_flags(enum msg_type type)
{
	return types[type].flags;
}

enum msg_type wire_type(struct span name)
{
	for (int i = MSG_UNKNOWN + 1; i < MSG_TYPE_COUNT; i++)
		if (span_eq(name, types[i].name))
			return (enum msg_type)i;
	return MSG_UNKNOWN;
}

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

enum frame_status wire_peek_head(struct span in, struct frame *f)
{
	uint32_t len;

	if (in.len < 4)
		return FRAME_PARTIAL;
	/* Judged before the rest has come: a bad length is never waited for. */
	len = get_be32(in.p);
	if (len > FRAME_MAX_LEN || len < FRAME_MIN_LEN)
		return FRAME_BAD;
	if (in.len < FRAME_HEAD_LEN)
		return FRAME_PARTIAL;
	f->id = get_be32(in.p + 4);
	f->flags = in.p[8];
	f->size = 4 + (size_t)len;
	return FRAME_WHOLE;
}

enum frame_status wire_peek(struct span in, struct frame *f)
{
	enum frame_status status = wire_peek_head(in, f);

	if (status != FRAME_WHOLE)
		return status;
	if (in.len < f->size)
		return FRAME_PARTIAL;
	f->body = span_of(in.p + FRAME_HEAD_LEN, f->size - FRAME_HEAD_LEN);
	return FRAME_WHOLE;
}

uint64_t wire_debt(struct span queue, size_t n, uint64_t debt)
{
	while (debt < n) {
		if (queue.len < 4 || debt > queue.len - 4)
			return 0;
		debt += 4 + get_be32(queue.p + debt);
	}
	return debt - n;
}

bool wire_open(struct span body, struct envelope *e)
{
	struct cbor_reader r = cbor_reader(body);
	bool have_v = false, have_t = false, have_p = false;
	size_t pairs;

	if (!cbor_read_map(&r, &pairs))
		return false;
	for (; pairs > 0; pairs--) {
		struct span key;
		bool *have;
		bool ok;

		if (!cbor_read_text(&r, &key))
			return false;
		if (span_eq(key, "v")) {
			have = &have_v;
			ok = cbor_read_uint(&r, &e->generation);
		} else if (span_eq(key, "t")) {
			have = &have_t;
			ok = cbor_read_text(&r, &e->name);
		} else if (span_eq(key, "p")) {
			have = &have_p;
			ok = cbor_read_bytes(&r, &e->payload);
		} else {
			if (!cbor_skip(&r))
				return false;
			continue;
		}
		if (!ok || *have)
			return false;
		*have = true;
	}
	if (!have_v || !have_t || !have_p || !cbor_done(&r))
		return false;
	e->type = wire_type(e->name);
	return true;
}

static void put_frame_head(uint8_t *mem, size_t len, uint32_t id, uint8_t flags)
{
	put_be32(mem, (uint32_t)len);
	put_be32(mem + 4, id);
	mem[8] = flags;
}

size_t wire_head(uint8_t mem[WIRE_HEAD_MAX], uint32_t id, enum msg_type type, struct span head, size_t data_len)
{
	struct cbor_writer w = cbor_writer(mem + 4 + FRAME_MIN_LEN, WIRE_HEAD_MAX - 4 - FRAME_MIN_LEN);
	size_t len;

	cbor_put_map(&w, 3);
	cbor_put_text(&w, "v");
	cbor_put_uint(&w, PROTOCOL_GENERATION);
	cbor_put_text(&w, "t");
	cbor_put_text(&w, types[type].name);
	cbor_put_text(&w, "p");
	cbor_put_bytes_head(&w, head.len + data_len);
	len = FRAME_MIN_LEN + w.len + head.len + data_len;
	if (w.overflow || w.cap - w.len < head.len || len > FRAME_MAX_LEN)
		return 0;
	put_frame_head(mem, len, id, types[type].flags);
	if (head.len)
		memcpy(w.buf + w.len, head.p, head.len);
	return 4 + len - data_len;
}

bool wire_append(struct buf *q, uint32_t id, enum msg_type type, struct span head, struct span data)
{
	uint8_t prefix[WIRE_HEAD_MAX];
	/* A payload that has no data may be longer than what comes before one. */
	struct span none = { 0 }, brief = data.len ? head : none, rest = data.len ? data : head;
	size_t n = wire_head(prefix, id, type, brief, rest.len);
	uint8_t *room = n ? buf_reserve(q, n + rest.len) : NULL;

	if (!room)
		return false;
	memcpy(room, prefix, n);
	if (rest.len)
		memcpy(room + n, rest.p, rest.len);
	buf_commit(q, n + rest.len);
	return true;
}

bool wire_append_bare(struct buf *q, uint32_t id, uint8_t flags, struct span body)
{
	uint8_t *room = buf_reserve(q, FRAME_HEAD_LEN + body.len);

	if (!room)
		return false;
	put_frame_head(room, FRAME_MIN_LEN + body.len, id, flags);
	memcpy(room + FRAME_HEAD_LEN, body.p, body.len);
	buf_commit(q, FRAME_HEAD_LEN + body.len);
	return true;
}
