// SPDX-License-Identifier: Apache-2.0
#include "cbor.h"

#include "bounds.h"

enum major {
	MAJOR_UINT,
	MAJOR_NEGATIVE,
	MAJOR_BYTES,
	MAJOR_TEXT,
	MAJOR_ARRAY,
	MAJOR_MAP,
	MAJOR_TAG,
	MAJOR_SIMPLE,
};

enum simple {
	SIMPLE_FALSE = 20,
	SIMPLE_TRUE = 21,
	SIMPLE_NULL = 22,
	SIMPLE_UNDEFINED = 23,
};

#define INFO_ONE_BYTE 24
#define INFO_EIGHT_BYTES 27

static size_t left(const struct cbor_reader *r)
{
	return (size_t)(r->end - r->p);
}

/*
 * Reads an item's head. `arg` is the value, the length or the count; of a
 * float it is the bits, which nobody looks at.
 */
static bool read_head(struct cbor_reader *r, enum major *major, uint64_t *arg)
{
	uint8_t first, info;
	size_t extra;

	if (left(r) < 1)
		return false;
	first = *r->p++;
	*major = (enum major)(first >> 5);
	info = first & 0x1f;
	if (info < INFO_ONE_BYTE) {
		*arg = info;
		return true;
	}
	/* 28 to 30 are reserved, 31 is an indefinite length or a break. */
	if (info > INFO_EIGHT_BYTES)
		return false;

	extra = (size_t)1 << (info - INFO_ONE_BYTE);
	if (left(r) < extra)
		return false;
	*arg = 0;
	for (size_t i = 0; i < extra; i++)
		*arg = *arg << 8 | *r->p++;
	/* RFC 8949, 3.3: a simple value below 32 in two bytes is not well-formed. */
	if (*major == MAJOR_SIMPLE && info == INFO_ONE_BYTE && *arg < 32)
		return false;
	return true;
}

static bool read_major(struct cbor_reader *r, enum major want, uint64_t *arg)
{
	enum major major;

	return read_head(r, &major, arg) && major == want;
}

bool cbor_read_uint(struct cbor_reader *r, uint64_t *v)
{
	return read_major(r, MAJOR_UINT, v);
}

bool cbor_read_int(struct cbor_reader *r, int64_t *v)
{
	enum major major;
	uint64_t arg;

	if (!read_head(r, &major, &arg) || arg > INT64_MAX)
		return false;
	if (major == MAJOR_UINT)
		*v = (int64_t)arg;
	else if (major == MAJOR_NEGATIVE)
		*v = -1 - (int64_t)arg;
	else
		return false;
	return true;
}

/* A simple value in its one-byte form, as true, false and null always are. */
static bool peek_simple(const struct cbor_reader *r, enum simple want)
{
	return left(r) >= 1 && *r->p == (uint8_t)(MAJOR_SIMPLE << 5 | want);
}

bool cbor_read_bool(struct cbor_reader *r, bool *v)
{
	*v = peek_simple(r, SIMPLE_TRUE);
	if (!*v && !peek_simple(r, SIMPLE_FALSE))
		return false;
	r->p++;
	return true;
}

bool cbor_take_null(struct cbor_reader *r)
{
	if (!peek_simple(r, SIMPLE_NULL) && !peek_simple(r, SIMPLE_UNDEFINED))
		return false;
	r->p++;
	return true;
}

static bool read_string(struct cbor_reader *r, enum major major, struct span *s)
{
	uint64_t len;

	if (!read_major(r, major, &len) || len > left(r))
		return false;
	*s = span_of(r->p, (size_t)len);
	r->p += len;
	return true;
}

/*
 * How many bytes the first character of `s` has; 0 if it is none. Overlong
 * forms, surrogates and code points past U+10FFFF are no UTF-8.
 */
static size_t utf8_length(struct span s)
{
	static const uint32_t smallest[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t lead = s.p[0];
	uint32_t point;
	size_t more;

	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		more = 1;
	else if (lead >= 0xe0 && lead < 0xf0)
		more = 2;
	else if (lead >= 0xf0 && lead < 0xf5)
		more = 3;
	else
		return 0;
	if (s.len - 1 < more)
		return 0;
	point = lead & (0x3fu >> more);
	for (size_t k = 1; k <= more; k++) {
		if ((s.p[k] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s.p[k] & 0x3f);
	}
	if (point < smallest[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	return more + 1;
}

static bool valid_utf8(struct span s)
{
	while (s.len > 0) {
		size_t n = utf8_length(s);

		if (n == 0)
			return false;
		s = span_of(s.p + n, s.len - n);
	}
	return true;
}

bool cbor_read_bytes(struct cbor_reader *r, struct span *s)
{
	return read_string(r, MAJOR_BYTES, s);
}

bool cbor_read_text(struct cbor_reader *r, struct span *s)
{
	return read_string(r, MAJOR_TEXT, s) && valid_utf8(*s);
}

bool cbor_read_array(struct cbor_reader *r, size_t *n)
{
	uint64_t count;

	/* An element is a byte at least, so a greater count is a lie. */
	if (!read_major(r, MAJOR_ARRAY, &count) || count > left(r))
		return false;
	*n = (size_t)count;
	return true;
}

bool cbor_read_map(struct cbor_reader *r, size_t *pairs)
{
	uint64_t count;

	if (!read_major(r, MAJOR_MAP, &count) || count > left(r) / 2)
		return false;
	*pairs = (size_t)count;
	return true;
}

bool cbor_skip(struct cbor_reader *r)
{
	uint64_t pending[CBOR_MAX_DEPTH + 1] = { 1 };
	size_t depth = 0;

	for (;;) {
		enum major major;
		uint64_t arg;
		uint64_t inner = 0;

		while (pending[depth] == 0) {
			if (depth == 0)
				return true;
			depth--;
		}
		pending[depth]--;
		if (!read_head(r, &major, &arg))
			return false;
		switch (major) {
		case MAJOR_BYTES:
		case MAJOR_TEXT:
			if (arg > left(r))
				return false;
			r->p += arg;
			break;
		case MAJOR_ARRAY:
			if (arg > left(r))
				return false;
			inner = arg;
			break;
		case MAJOR_MAP:
			if (arg > left(r) / 2)
				return false;
			inner = arg * 2;
			break;
		case MAJOR_TAG:
			inner = 1;
			break;
		case MAJOR_UINT:
		case MAJOR_NEGATIVE:
		case MAJOR_SIMPLE:
			break;
		}
		if (inner > 0) {
			if (++depth > CBOR_MAX_DEPTH)
				return false;
			pending[depth] = inner;
		}
	}
}

static void put(struct cbor_writer *w, const void *data, size_t len)
{
	if (w->overflow || w->cap - w->len < len) {
		w->overflow = true;
		return;
	}
	memcpy(w->buf + w->len, data, len);
	w->len += len;
}

static void put_head(struct cbor_writer *w, enum major major, uint64_t arg)
{
	uint8_t head[9];
	size_t extra;

	if (arg < INFO_ONE_BYTE) {
		head[0] = (uint8_t)(major << 5 | arg);
		put(w, head, 1);
		return;
	}
	if (arg <= UINT8_MAX)
		extra = 1;
	else if (arg <= UINT16_MAX)
		extra = 2;
	else if (arg <= UINT32_MAX)
		extra = 4;
	else
		extra = 8;
	/* extra is 1, 2, 4 or 8; the head says 24, 25, 26 or 27. */
	head[0] = (uint8_t)(major << 5 | (INFO_ONE_BYTE + __builtin_ctz((unsigned)extra)));
	for (size_t i = 0; i < extra; i++)
		head[1 + i] = (uint8_t)(arg >> (8 * (extra - 1 - i)));
	put(w, head, 1 + extra);
}

void cbor_put_uint(struct cbor_writer *w, uint64_t v)
{
	put_head(w, MAJOR_UINT, v);
}

void cbor_put_int(struct cbor_writer *w, int64_t v)
{
	if (v < 0)
		put_head(w, MAJOR_NEGATIVE, (uint64_t)(-1 - v));
	else
		put_head(w, MAJOR_UINT, (uint64_t)v);
}

void cbor_put_bool(struct cbor_writer *w, bool v)
{
	put_head(w, MAJOR_SIMPLE, v ? SIMPLE_TRUE : SIMPLE_FALSE);
}

void cbor_put_text(struct cbor_writer *w, const char *s)
{
	size_t len = strlen(s);

	put_head(w, MAJOR_TEXT, len);
	put(w, s, len);
}

void cbor_put_lossy(struct cbor_writer *w, struct span s)
{
	static const char unknown[] = "\xef\xbf\xbd";
	size_t len = 0;

	for (size_t i = 0, n; i < s.len; i += n ? n : 1) {
		n = utf8_length(span_of(s.p + i, s.len - i));
		len += n ? n : sizeof(unknown) - 1;
	}
	put_head(w, MAJOR_TEXT, len);
	for (size_t i = 0, n; i < s.len; i += n ? n : 1) {
		n = utf8_length(span_of(s.p + i, s.len - i));
		put(w, n ? s.p + i : (const uint8_t *)unknown, n ? n : sizeof(unknown) - 1);
	}
}

void cbor_put_array(struct cbor_writer *w, size_t n)
{
	put_head(w, MAJOR_ARRAY, n);
}

void cbor_put_map(struct cbor_writer *w, size_t pairs)
{
	put_head(w, MAJOR_MAP, pairs);
}

void cbor_put_bytes_head(struct cbor_writer *w, size_t len)
{
	put_head(w, MAJOR_BYTES, len);
}
