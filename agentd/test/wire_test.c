// SPDX-License-Identifier: Apache-2.0
// uses: wire.c cbor.c buf.c
#include <stdlib.h>

#include "bounds.h"
#include "cbor.h"
#include "tap.h"
#include "wire.h"

static void names(void)
{
	int wrong = 0;

	for (int t = MSG_UNKNOWN + 1; t < MSG_TYPE_COUNT; t++) {
		const char *name = wire_name((enum msg_type)t);

		wrong += wire_type(span_of(name, strlen(name))) != (enum msg_type)t;
	}
	ok(wrong == 0, "every type is found by its name");
	ok(wire_type(BYTES("core.exec")) == MSG_UNKNOWN, "part of a name is no name");
	ok(wire_flags(MSG_EXEC_REQUEST) == FLAG_SESSION_START && wire_flags(MSG_HALTED) == FLAG_SHUTDOWN &&
	   wire_flags(MSG_EXEC_EXITED) == FLAG_TERMINAL && wire_flags(MSG_EXEC_STDOUT) == 0, "flags");
}

static void framing(void)
{
	static const char golden[] =
		"\x00\x00\x00\x19\x12\x34\x56\x78\x01"
		"\xa3\x61v\x07\x61t\x69" "core.pong" "\x61p\x41\xa0";
	struct buf q = { .max = KIB(64) };
	struct frame f;
	struct envelope e;
	int partial = 0;

	ok(wire_append(&q, 0x12345678, MSG_PONG, BYTES("\xa0"), span_of("", 0)) &&
	   bytes_are(buf_span(&q), BYTES(golden)), "a pong, byte for byte");
	for (size_t n = 0; n < q.len; n++)
		partial += wire_peek(span_of(buf_span(&q).p, n), &f) == FRAME_PARTIAL;
	ok(partial == (int)q.len, "every beginning of it is a part");
	ok(wire_peek(buf_span(&q), &f) == FRAME_WHOLE && f.id == 0x12345678 && f.flags == 1 && f.size == q.len,
	   "the whole is whole");
	ok(wire_open(f.body, &e) && e.type == MSG_PONG && e.generation == 7 && bytes_are(e.payload, BYTES("\xa0")),
	   "and opens");
	ok(wire_peek(BYTES("\x00\x00\x00\x04"), &f) == FRAME_BAD, "a length of 4 is bad at once");
	ok(wire_peek(BYTES("\x00\x40\x00\x01"), &f) == FRAME_BAD, "so is one of 4 MiB and one");
	ok(wire_peek(BYTES("\x00\x40\x00\x00"), &f) == FRAME_PARTIAL, "4 MiB are waited for");
	buf_free(&q);
}

static bool opens(struct span s)
{
	struct envelope e;

	return wire_open(s, &e);
}

static void envelopes(void)
{
	ok(opens(BYTES("\xa3\x61p\x40\x61t\x61x\x61v\x01")), "keys in any order");
	ok(opens(BYTES("\xa4\x61z\x82\x01\x02\x61v\x07\x61t\x61x\x61p\x40")), "an unknown key is passed over");
	ok(!opens(BYTES("\xa2\x61v\x07\x61t\x61x")), "no payload");
	ok(!opens(BYTES("\xa4\x61v\x07\x61v\x07\x61t\x61x\x61p\x40")), "v twice");
	ok(!opens(BYTES("\xa3\x61v\x07\x61t\x61x\x61p\x60")), "a payload of text");
	ok(!opens(BYTES("\xa3\x61v\x07\x61t\x61x\x61p\x40\x00")), "a byte too many");
	ok(!opens(BYTES("\xa3\x61v\x61\x37\x61t\x61x\x61p\x40")), "v as text");
	ok(!opens(BYTES("")), "nothing");
}

static void queue(void)
{
	struct buf b = { .max = 100 };
	uint8_t block[60];

	memset(block, 'x', sizeof(block));
	ok(buf_append(&b, block, 60) && !buf_append(&b, block, 60) && b.failed, "a queue holds no more than its bound");
	buf_consume(&b, 30);
	ok(buf_append(&b, "y", 1) && b.len == 31 && buf_span(&b).p[30] == 'y', "consumed from the head, appended at the tail");
	buf_consume(&b, 31);
	ok(b.len == 0 && b.head == 0, "empty again");
	buf_free(&b);

	b = (struct buf){ .max = MIB(8) };
	srand(1);
	{
		uint8_t next_in = 0, next_out = 0;
		bool good = true;

		for (int i = 0; i < 20000 && good; i++) {
			size_t n = (size_t)rand() % 5000;
			uint8_t *room = buf_reserve(&b, n);

			if (room) {
				for (size_t k = 0; k < n; k++)
					room[k] = next_in++;
				buf_commit(&b, n);
			}
			n = (size_t)rand() % (b.len < 4000 ? b.len + 1 : 5500);
			n = min_size(n, b.len);
			for (size_t k = 0; k < n; k++)
				good &= buf_span(&b).p[k] == next_out++;
			buf_consume(&b, n);
		}
		ok(good, "20,000 appends and consumes keep the order");
	}
	buf_free(&b);
}

/* Whatever the pieces in which a queue is written, what is owed always ends where its frame does. */
static void debts(void)
{
	struct buf q = { .max = KIB(64) };
	size_t ends[24], wrong = 0;
	uint64_t debt = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		static const uint8_t data[256];

		wire_append(&q, 1, MSG_EXEC_STDOUT, BYTES("head"), span_of(data, (i * 37) % sizeof(data)));
		ends[i] = q.len;
	}
	for (size_t at = 0, n, next; at < ends[ARRAY_SIZE(ends) - 1]; at += n) {
		n = min_size(1 + (size_t)rand() % 300, q.len);
		debt = wire_debt(buf_span(&q), n, debt);
		buf_consume(&q, n);
		for (next = 0; ends[next] < at + n; next++)
			;
		wrong += at + n + debt != ends[next];
	}
	ok(wrong == 0 && debt == 0, "what is owed of a frame in part");
	buf_free(&q);
}

int main(void)
{
	names();
	debts();
	framing();
	envelopes();
	queue();
	return tap_done();
}
