/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_CBOR_H
#define AGENTD_CBOR_H

#include "util.h"

/*
 * The part of CBOR (RFC 8949) that the protocol speaks. The reader takes
 * definite lengths only; an indefinite length, a reserved head or a length
 * that goes past the end is refused. It never allocates, never recurses, and
 * hands out spans of the input. After a refusal the position is meaningless.
 */
struct cbor_reader {
	const uint8_t *p;
	const uint8_t *end;
};

static inline struct cbor_reader cbor_reader(struct span s)
{
	return (struct cbor_reader){ s.p, s.p + s.len };
}

static inline bool cbor_done(const struct cbor_reader *r)
{
	return r->p == r->end;
}

bool cbor_read_uint(struct cbor_reader *r, uint64_t *v);
bool cbor_read_int(struct cbor_reader *r, int64_t *v);
bool cbor_read_bool(struct cbor_reader *r, bool *v);
bool cbor_read_bytes(struct cbor_reader *r, struct span *s);
bool cbor_read_text(struct cbor_reader *r, struct span *s);	/* valid UTF-8 */

/* Counts are checked against what the input can still hold. */
bool cbor_read_array(struct cbor_reader *r, size_t *n);
bool cbor_read_map(struct cbor_reader *r, size_t *pairs);

/* Takes a null (or undefined) if that is what comes next. */
bool cbor_take_null(struct cbor_reader *r);

/* Passes over one well-formed value nested CBOR_MAX_DEPTH deep at most. */
bool cbor_skip(struct cbor_reader *r);

/*
 * The writer uses the shortest heads. Past the end of its buffer it only sets
 * `overflow`, so that a caller checks once, at the end.
 */
struct cbor_writer {
	uint8_t *buf;
	size_t cap;
	size_t len;
	bool overflow;
};

static inline struct cbor_writer cbor_writer(uint8_t *buf, size_t cap)
{
	return (struct cbor_writer){ .buf = buf, .cap = cap };
}

void cbor_put_uint(struct cbor_writer *w, uint64_t v);
void cbor_put_int(struct cbor_writer *w, int64_t v);
void cbor_put_bool(struct cbor_writer *w, bool v);
void cbor_put_text(struct cbor_writer *w, const char *s);
void cbor_put_lossy(struct cbor_writer *w, struct span s);	/* a text; what is not UTF-8 becomes U+FFFD */
void cbor_put_array(struct cbor_writer *w, size_t n);
void cbor_put_map(struct cbor_writer *w, size_t pairs);
void cbor_put_bytes_head(struct cbor_writer *w, size_t len);	/* bytes follow */

#endif
