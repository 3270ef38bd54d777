// SPDX-License-Identifier: Apache-2.0
/*
 * Mutations that know what a frame is. A random byte hardly ever survives four
 * lengths around it; so a frame is taken apart, changed in one place, and put
 * together again with its lengths right. Now and then it is left broken.
 */
#include "bounds.h"
#include "cbor.h"
#include "events.h"
#include "fuzz.h"

#define FRAMES_MAX 64
#define ITEMS_MAX 128
#define SCRATCH_MAX KIB(16)

static uint32_t state;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

size_t frame_put(uint8_t *out, size_t cap, uint32_t id, uint8_t flags, struct span name, struct span payload)
{
	char text[96];
	struct cbor_writer w;
	size_t head = 4 + FRAME_MIN_LEN;
	uint32_t len;

	if (cap < head || name.len >= sizeof(text))
		return 0;
	if (name.len)
		memcpy(text, name.p, name.len);
	text[name.len] = '\0';
	w = cbor_writer(out + head, cap - head);
	cbor_put_map(&w, 3);
	cbor_put_text(&w, "v");
	cbor_put_uint(&w, PROTOCOL_GENERATION);
	cbor_put_text(&w, "t");
	cbor_put_text(&w, text);
	cbor_put_text(&w, "p");
	cbor_put_bytes_head(&w, payload.len);
	if (w.overflow || cap - head - w.len < payload.len)
		return 0;
	if (payload.len)
		memcpy(out + head + w.len, payload.p, payload.len);
	len = (uint32_t)(FRAME_MIN_LEN + w.len + payload.len);
	for (int i = 0; i < 4; i++) {
		out[i] = (uint8_t)(len >> (24 - 8 * i));
		out[4 + i] = (uint8_t)(id >> (24 - 8 * i));
	}
	out[8] = flags;
	return 4 + (size_t)len;
}

struct part {
	struct span whole;
	struct frame f;
	struct envelope e;
	bool open;
};

/* The frames at the head of the stream; what is no frame ends it, as a part of its own. */
static size_t split(struct span in, struct part parts[FRAMES_MAX])
{
	size_t n = 0;

	while (in.len > 0 && n < FRAMES_MAX) {
		struct part *p = &parts[n++];

		*p = (struct part){ .whole = in };
		if (n < FRAMES_MAX && wire_peek(in, &p->f) == FRAME_WHOLE) {
			p->whole.len = p->f.size;
			p->open = wire_open(p->f.body, &p->e);
		}
		in = span_of(in.p + p->whole.len, in.len - p->whole.len);
	}
	return n;
}

/* Where the items of a payload begin and end, those within others as well. */
static size_t items_of(struct span in, struct span items[ITEMS_MAX])
{
	size_t n = 0;

	for (size_t at = 0; at < in.len && n < ITEMS_MAX;) {
		struct cbor_reader r = cbor_reader(span_of(in.p + at, in.len - at));
		struct cbor_reader inner = r;
		size_t count;

		if (!cbor_skip(&r))
			break;
		items[n++] = span_of(in.p + at, (size_t)(r.p - (in.p + at)));
		/* Into a map or an array: its first item follows its head. */
		if ((in.p[at] >> 5 == 4 && cbor_read_array(&inner, &count)) || (in.p[at] >> 5 == 5 && cbor_read_map(&inner, &count)))
			at = (size_t)(inner.p - in.p);
		else
			at = (size_t)(r.p - in.p);
	}
	return n;
}

/* Another value in an item's place: the ends of every range, and what is of the wrong kind. */
static size_t odd_item(uint8_t *out, size_t cap)
{
	static const struct {
		const char *bytes;
		size_t len;
	} odd[] = {
#define ODD(lit) { lit, sizeof(lit) - 1 }
		ODD("\x00"), ODD("\x17"), ODD("\x18\xff"), ODD("\x19\xff\xff"), ODD("\x1a\xff\xff\xff\xff"),
		ODD("\x1a\xff\xff\xff\xfe"), ODD("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"),
		ODD("\x1b\x7f\xff\xff\xff\xff\xff\xff\xff"), ODD("\x20"), ODD("\x3a\x7f\xff\xff\xff"),
		ODD("\x3b\xff\xff\xff\xff\xff\xff\xff\xff"), ODD("\x40"), ODD("\x60"), ODD("\x61\x00"), ODD("\x62\xc3\xa9"),
		ODD("\x62\xed\xa0"), ODD("\x80"), ODD("\xa0"), ODD("\xa1\x60\x60"), ODD("\xf4"), ODD("\xf5"), ODD("\xf6"), ODD("\xf7"),
		ODD("\xf8\x20"), ODD("\xf9\x7e\x00"), ODD("\xfb\x00\x00\x00\x00\x00\x00\x00\x00"), ODD("\xc1\x00"), ODD("\xff"),
		ODD("\x5b\xff\xff\xff\xff\xff\xff\xff\xff"), ODD("\x7f"), ODD("\x9b\x00\x00\x00\x01\x00\x00\x00\x00"),
		ODD("\xbb\x80\x00\x00\x00\x00\x00\x00\x00"), ODD("\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x00"),
	};
	size_t i = draw(ARRAY_SIZE(odd));

	if (odd[i].len > cap)
		return 0;
	memcpy(out, odd[i].bytes, odd[i].len);
	return odd[i].len;
}

static size_t copy(uint8_t *out, size_t cap, struct span s)
{
	if (s.len == 0 || s.len > cap)
		return 0;
	memcpy(out, s.p, s.len);
	return s.len;
}

static size_t replace(uint8_t *out, size_t cap, struct span in, struct span old, const uint8_t *new, size_t len)
{
	size_t before = (size_t)(old.p - in.p);
	size_t after = in.len - before - old.len;

	if (before + len + after > cap)
		return 0;
	copy(out, before, span_of(in.p, before));
	copy(out + before, len, span_of(new, len));
	copy(out + before + len, after, span_of(old.p + old.len, after));
	return before + len + after;
}

static size_t mutate_payload(struct span payload, uint8_t *out, size_t cap)
{
	struct span items[ITEMS_MAX];
	size_t n = items_of(payload, items);
	uint8_t value[64];
	struct span old;

	if (n == 0 || draw(3) == 0) {
		size_t len = copy(out, cap, payload);

		return LLVMFuzzerMutate(out, len, cap);
	}
	old = items[draw((uint32_t)n)];
	switch (draw(4)) {
	case 0: {	/* another item of the same payload */
		struct span other = items[draw((uint32_t)n)];

		return replace(out, cap, payload, old, other.p, other.len);
	}
	case 1:		/* its insides at random, its length as it was */
		if (!copy(out, cap, payload))
			return 0;
		LLVMFuzzerMutate(out + (old.p - payload.p), old.len, old.len);
		return payload.len;
	case 2: {	/* a text or bytes, with other contents and a head that fits */
		struct cbor_reader r = cbor_reader(old);
		uint8_t insides[48], head[64];
		struct cbor_writer w = cbor_writer(head, sizeof(head));
		bool text = (old.p[0] & 0xe0) == 0x60;
		struct span s;
		size_t len;

		if (!(text ? cbor_read_text(&r, &s) : cbor_read_bytes(&r, &s)) || s.len > sizeof(insides))
			break;
		copy(insides, sizeof(insides), s);
		len = LLVMFuzzerMutate(insides, s.len, sizeof(insides));
		cbor_put_bytes_head(&w, len);
		if (text)
			head[0] |= 0x20;
		memcpy(head + w.len, insides, min_size(len, sizeof(head) - w.len));
		return replace(out, cap, payload, old, head, min_size(w.len + len, sizeof(head)));
	}
	default:
		break;
	}
	return replace(out, cap, payload, old, value, odd_item(value, sizeof(value)));
}

static const char *some_name(void)
{
	uint32_t i = draw(MSG_TYPE_COUNT - 1 + EVENT_COUNT);

	return i < MSG_TYPE_COUNT - 1 ? wire_name((enum msg_type)(i + 1)) : event_names[i - (MSG_TYPE_COUNT - 1)];
}

/* One frame, changed in one place. 0: it does not fit. */
static size_t mutate_frame(const struct part *p, uint8_t *out, size_t cap)
{
	static const uint32_t ids[] = { 0, 1, 2, 3, 4, 1000, 33554432, 33554433, 0xfffffffe, 0xffffffff };
	static uint8_t payload[SCRATCH_MAX];
	struct span name = p->e.name, body = p->e.payload;
	uint32_t id = p->f.id;
	uint8_t flags = p->f.flags;

	switch (draw(8)) {
	case 0:
		id = ids[draw(ARRAY_SIZE(ids))];
		break;
	case 1: {
		const char *other = some_name();

		name = span_of(other, strlen(other));
		flags = wire_flags(wire_type(name));
		break;
	}
	case 2:
		flags = (uint8_t)draw(8);
		break;
	default:
		body = span_of(payload, mutate_payload(body, payload, sizeof(payload)));
	}
	return frame_put(out, cap, id, flags, name, body);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	static struct part parts[FRAMES_MAX];
	uint8_t *in, *out;
	size_t n, len = 0, chosen;
	uint32_t how;

	state = seed | 1;
	how = draw(16);
	if (size == 0 || how == 0)
		return LLVMFuzzerMutate(data, size, max);
	in = exact(data, size);
	out = malloc(max);
	n = split(span_of(in, size), parts);
	chosen = draw((uint32_t)n);
	if (!out)
		abort();
	for (size_t i = 0; i < n; i++) {
		const struct part *p = &parts[i];
		bool here = i == chosen;

		if (here && how == 1)
			continue;			/* left out */
		if (here && how == 2)			/* twice */
			len += copy(out + len, max - len, p->whole);
		if (here && how == 3)			/* before one from elsewhere */
			len += copy(out + len, max - len, parts[draw((uint32_t)n)].whole);
		if (here && how == 4) {			/* a new one before it */
			const char *name = some_name();
			struct span s = span_of(name, strlen(name));

			len += frame_put(out + len, max - len, 1 + draw(3), wire_flags(wire_type(s)), s, parts[draw((uint32_t)n)].e.payload);
		}
		if (here && how > 4 && p->open) {
			len += mutate_frame(p, out + len, max - len);
		} else if (here && how > 4) {
			size_t at = len;

			len += copy(out + len, max - len, p->whole);
			if (len > at)
				len = at + LLVMFuzzerMutate(out + at, len - at, max - at);
		} else {
			len += copy(out + len, max - len, p->whole);
		}
	}
	memcpy(data, out, len);
	free(out);
	free(in);
	return len;
}

/* The head of one stream and the tail of another, cut between frames. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb,
				 uint8_t *out, size_t max, unsigned int seed)
{
	static struct part first[FRAMES_MAX], second[FRAMES_MAX];
	size_t n = split(span_of(a, na), first);
	size_t m = split(span_of(b, nb), second);
	size_t len = 0;

	state = seed | 1;
	for (size_t i = 0, end = draw((uint32_t)n + 1); i < end; i++)
		len += copy(out + len, max - len, first[i].whole);
	for (size_t i = draw((uint32_t)m + 1); i < m; i++)
		len += copy(out + len, max - len, second[i].whole);
	return len;
}
