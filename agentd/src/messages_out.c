// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <sys/wait.h>

#include "bounds.h"
#include "cbor.h"
#include "errname.h"
#include "messages.h"

/* Holds every payload but bulk output: two texts of bounded length and keys. */
#define PAYLOAD_MAX (2 * MESSAGE_TEXT_MAX + 256)

static const struct span nothing;

static bool send(struct buf *q, uint32_t id, enum msg_type type, const struct cbor_writer *w)
{
	return !w->overflow && wire_append(q, id, type, span_of(w->buf, w->len), nothing);
}

bool msg_send_empty(struct buf *q, uint32_t id, enum msg_type type)
{
	uint8_t mem[8];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, 0);
	return send(q, id, type, &w);
}

bool msg_send_init_resolved(struct buf *q, uint32_t uid, uint32_t gid)
{
	uint8_t mem[PAYLOAD_MAX];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, 1);
	cbor_put_text(&w, "default_user");
	cbor_put_map(&w, 2);
	cbor_put_text(&w, "uid");
	cbor_put_uint(&w, uid);
	cbor_put_text(&w, "gid");
	cbor_put_uint(&w, gid);
	return send(q, 0, MSG_INIT_RESOLVED, &w);
}

bool msg_send_ready(struct buf *q, uint32_t id, const struct ready *r)
{
	uint8_t mem[PAYLOAD_MAX];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, r->resumed ? 5 : 4);
	cbor_put_text(&w, "boot_time_ns");
	cbor_put_uint(&w, r->boot_ns);
	cbor_put_text(&w, "init_time_ns");
	cbor_put_uint(&w, r->init_ns);
	cbor_put_text(&w, "ready_time_ns");
	cbor_put_uint(&w, r->ready_ns);
	cbor_put_text(&w, "agent_version");
	cbor_put_text(&w, AGENT_VERSION);
	if (r->resumed) {
		cbor_put_text(&w, "resume_time_ns");
		cbor_put_uint(&w, r->resume_ns);
	}
	return send(q, id, MSG_READY, &w);
}

bool msg_send_touched(struct buf *q, uint32_t id, uint64_t seq)
{
	uint8_t mem[PAYLOAD_MAX];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, 1);
	cbor_put_text(&w, "activity_seq");
	cbor_put_uint(&w, seq);
	return send(q, id, MSG_TOUCHED, &w);
}

bool msg_send_error(struct buf *q, uint32_t id, const char *kind, const char *message,
		    struct span offending_type)
{
	uint8_t mem[PAYLOAD_MAX];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));
	char name[128];
	bool named = offending_type.p && offending_type.len < sizeof(name);

	cbor_put_map(&w, named ? 3 : 2);
	cbor_put_text(&w, "kind");
	cbor_put_text(&w, kind);
	cbor_put_text(&w, "message");
	cbor_put_text(&w, message);
	if (named) {
		memcpy(name, offending_type.p, offending_type.len);
		name[offending_type.len] = '\0';
		cbor_put_text(&w, "offending_type");
		cbor_put_text(&w, name);
	}
	return send(q, id, MSG_ERROR, &w);
}

bool msg_send_started(struct buf *q, uint32_t id, uint32_t pid)
{
	uint8_t mem[PAYLOAD_MAX];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, 1);
	cbor_put_text(&w, "pid");
	cbor_put_uint(&w, pid);
	return send(q, id, MSG_EXEC_STARTED, &w);
}

/* The two fields that go with an errno; a reader finds them missing for 0. */
static void put_errno(struct cbor_writer *w, int err)
{
	if (err == 0)
		return;
	cbor_put_text(w, "errno");
	cbor_put_int(w, err);
	cbor_put_text(w, "errno_name");
	cbor_put_text(w, errname(err));
}

bool msg_send_stdin_error(struct buf *q, uint32_t id, int err, const char *message)
{
	uint8_t mem[PAYLOAD_MAX];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, err ? 3 : 1);
	put_errno(&w, err);
	cbor_put_text(&w, "message");
	cbor_put_text(&w, message);
	return send(q, id, MSG_EXEC_STDIN_ERROR, &w);
}

static size_t data_head(uint8_t mem[WIRE_HEAD_MAX], uint32_t id, enum msg_type type, size_t len)
{
	uint8_t payload[16];
	struct cbor_writer w = cbor_writer(payload, sizeof(payload));

	cbor_put_map(&w, 1);
	cbor_put_text(&w, "data");
	cbor_put_bytes_head(&w, len);
	return wire_head(mem, id, type, span_of(payload, w.len), len);
}

uint8_t *msg_data_room(struct buf *q, enum msg_type type, size_t most)
{
	uint8_t head[WIRE_HEAD_MAX];
	size_t before = data_head(head, 0, type, most);
	uint8_t *room = buf_reserve(q, before + most);

	return room ? room + before : NULL;
}

void msg_send_data(struct buf *q, uint32_t id, enum msg_type type, uint8_t *data, size_t most, size_t len)
{
	uint8_t head[WIRE_HEAD_MAX];
	uint8_t *room = data - data_head(head, id, type, most);
	size_t n = data_head(head, id, type, len);

	/* A short one has a shorter head. */
	if (room + n != data)
		memmove(room + n, data, len);
	memcpy(room, head, n);
	buf_commit(q, n + len);
}

bool msg_send_data_head(struct buf *q, uint32_t id, enum msg_type type, size_t len)
{
	uint8_t head[WIRE_HEAD_MAX];

	return buf_append(q, head, data_head(head, id, type, len));
}

bool msg_send_tcp_failed(struct buf *q, uint32_t id, int err, const char *what)
{
	uint8_t mem[PAYLOAD_MAX];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));
	char text[MESSAGE_TEXT_MAX];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(err));
	cbor_put_map(&w, 3);
	cbor_put_text(&w, "error");
	cbor_put_text(&w, text);
	put_errno(&w, err);
	return send(q, id, MSG_TCP_FAILED, &w);
}

bool msg_send_taken(struct buf *q, uint32_t id, uint64_t bytes)
{
	uint8_t mem[PAYLOAD_MAX];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, 1);
	cbor_put_text(&w, "bytes");
	cbor_put_uint(&w, bytes);
	return send(q, id, MSG_TAKEN, &w);
}

bool msg_send_exited(struct buf *q, uint32_t id, int wstatus)
{
	uint8_t mem[PAYLOAD_MAX];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));
	bool signalled = WIFSIGNALED(wstatus);

	cbor_put_map(&w, signalled ? 2 : 1);
	cbor_put_text(&w, "code");
	cbor_put_int(&w, signalled ? -1 : WEXITSTATUS(wstatus));
	if (signalled) {
		cbor_put_text(&w, "signal");
		cbor_put_int(&w, WTERMSIG(wstatus));
	}
	return send(q, id, MSG_EXEC_EXITED, &w);
}

bool msg_send_failed(struct buf *q, uint32_t id, const struct failure *f)
{
	uint8_t mem[PAYLOAD_MAX];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, 2 + (f->err ? 2 : 0) + (f->stage[0] ? 1 : 0));
	cbor_put_text(&w, "kind");
	cbor_put_text(&w, f->kind);
	put_errno(&w, f->err);
	cbor_put_text(&w, "message");
	cbor_put_text(&w, f->message);
	if (f->stage[0]) {
		cbor_put_text(&w, "stage");
		cbor_put_text(&w, f->stage);
	}
	return send(q, id, MSG_EXEC_FAILED, &w);
}

bool msg_send_halted(struct buf *q, const struct halted *h)
{
	uint8_t mem[PAYLOAD_MAX];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, h->handed_off ? 7 : 6);
	cbor_put_text(&w, "clean");
	cbor_put_bool(&w, h->clean);
	cbor_put_text(&w, "term_ns");
	cbor_put_uint(&w, h->term_ns);
	cbor_put_text(&w, "sync_ns");
	cbor_put_uint(&w, h->sync_ns);
	cbor_put_text(&w, "kill_ns");
	cbor_put_uint(&w, h->kill_ns);
	cbor_put_text(&w, "unmount_ns");
	cbor_put_uint(&w, h->unmount_ns);
	cbor_put_text(&w, "killed");
	cbor_put_uint(&w, h->killed);
	if (h->handed_off) {
		cbor_put_text(&w, "init_ns");
		cbor_put_uint(&w, h->init_ns);
	}
	return send(q, 0, MSG_HALTED, &w);
}
