/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_WIRE_H
#define AGENTD_WIRE_H

#include "buf.h"
#include "util.h"

/*
 * The envelope: [len u32 BE][id u32 BE][flags u8][CBOR {v, t, p}].
 * What stands here is the protocol's and not ours to change.
 */
#define PROTOCOL_GENERATION 7

enum frame_flags {
	FLAG_TERMINAL = 1,
	FLAG_SESSION_START = 2,
	FLAG_SHUTDOWN = 4,
};

enum msg_type {
	MSG_UNKNOWN,
	MSG_BOOTSTRAP,
	MSG_INIT_RESOLVED,
	MSG_INIT_ACK,
	MSG_READY,
	MSG_SHUTDOWN,
	MSG_CLOCK_SYNC,
	MSG_PING,
	MSG_PONG,
	MSG_TOUCH,
	MSG_TOUCHED,
	MSG_ERROR,
	MSG_EXEC_REQUEST,
	MSG_EXEC_STARTED,
	MSG_EXEC_STDIN,
	MSG_EXEC_STDIN_ERROR,
	MSG_EXEC_STDOUT,
	MSG_EXEC_STDERR,
	MSG_EXEC_EXITED,
	MSG_EXEC_FAILED,
	MSG_EXEC_RESIZE,
	MSG_EXEC_SIGNAL,
	MSG_EXEC_DETACH,
	MSG_EXEC_DETACHED,
	MSG_FS_REQUEST,
	MSG_FS_DATA,
	MSG_FS_HOLE,
	MSG_FS_RESPONSE,
	MSG_TCP_CONNECT,
	MSG_TCP_CONNECTED,
	MSG_TCP_DATA,
	MSG_TCP_EOF,
	MSG_TCP_CLOSE,
	MSG_TCP_CLOSED,
	MSG_TCP_FAILED,
	MSG_TAKEN,
	MSG_CLIENT_DISCONNECTED,
	MSG_FLOW,
	MSG_HALTED,
	MSG_RESUME,
	MSG_TYPE_COUNT,
};

const char *wire_name(enum msg_type type);
uint8_t wire_flags(enum msg_type type);
enum msg_type wire_type(struct span name);

struct frame {
	uint32_t id;
	uint8_t flags;
	struct span body;
	size_t size;	/* of the whole frame, to be consumed after use */
};

enum frame_status { FRAME_WHOLE, FRAME_PARTIAL, FRAME_BAD };

/* Looks at the head of what has arrived. BAD: the stream is lost for good. */
enum frame_status wire_peek(struct span in, struct frame *f);

/* The same, where the body need not have arrived and is not looked at. */
enum frame_status wire_peek_head(struct span in, struct frame *f);

/*
 * How much of a frame is still to come once `n` bytes of a queue have been
 * written, of which the first `debt` were owed already. The data of the last
 * one may be elsewhere.
 */
uint64_t wire_debt(struct span queue, size_t n, uint64_t debt);

struct envelope {
	uint64_t generation;
	struct span name;
	struct span payload;
	enum msg_type type;
};

bool wire_open(struct span body, struct envelope *e);

/* The most that comes before a frame's data: prefix, envelope, and the payload's own head. */
#define WIRE_HEAD_MAX 128

/*
 * What of a frame comes before its data, whose length is known. The payload is
 * `head` followed by that data. 0: no frame is that long.
 */
size_t wire_head(uint8_t mem[WIRE_HEAD_MAX], uint32_t id, enum msg_type type, struct span head, size_t data_len);

/*
 * Appends one frame, with its data, which is copied once. False: no room left
 * in the queue, or no memory.
 */
bool wire_append(struct buf *q, uint32_t id, enum msg_type type, struct span head, struct span data);

/* The same of one that is no message: whoever reads it knows what its body is. */
bool wire_append_bare(struct buf *q, uint32_t id, uint8_t flags, struct span body);

#endif
