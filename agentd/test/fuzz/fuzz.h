/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FUZZ_H
#define AGENTD_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "util.h"
#include "wire.h"

/* What libFuzzer calls, and what it offers. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb,
				 uint8_t *out, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* A promise of the code under test. One that is broken is a crash, with the input beside it. */
#define PROMISE(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #cond); \
			abort();					\
		}							\
	} while (0)

/* In memory of just its size, so that the sanitizer sees a byte too far. The caller frees it. */
static inline uint8_t *exact(const void *p, size_t len)
{
	uint8_t *mem = malloc(len ? len : 1);

	if (!mem)
		abort();
	if (len)
		memcpy(mem, p, len);
	return mem;
}

/* The same as a string. */
static inline char *exact_text(const void *p, size_t len)
{
	char *text = malloc(len + 1);

	if (!text)
		abort();
	if (len)
		memcpy(text, p, len);
	text[len] = '\0';
	return text;
}

static inline void promise_within(struct span in, struct span s)
{
	PROMISE(!s.p || (s.p >= in.p && s.len <= in.len && s.p + s.len <= in.p + in.len));
}

/* The rest of an input; what is taken past its end is nought. */
struct input {
	const uint8_t *p;
	size_t len;
};

static inline struct span take(struct input *in, size_t n)
{
	struct span s = span_of(in->p, min_size(n, in->len));

	in->p += s.len;
	in->len -= s.len;
	return s;
}

static inline uint8_t take_u8(struct input *in)
{
	struct span s = take(in, 1);

	return s.len ? s.p[0] : 0;
}

static inline uint16_t take_u16(struct input *in)
{
	uint8_t high = take_u8(in);

	return (uint16_t)(high << 8 | take_u8(in));
}

/* What stands before the next `sep`, which is passed over; all of it where there is none. */
static inline struct span take_until(struct input *in, uint8_t sep)
{
	const uint8_t *at = in->len ? memchr(in->p, sep, in->len) : NULL;
	struct span s = take(in, at ? (size_t)(at - in->p) : in->len);

	take(in, 1);
	return s;
}

/* A frame of any type, also of one that is none of the protocol's. 0: it does not fit. */
size_t frame_put(uint8_t *out, size_t cap, uint32_t id, uint8_t flags, struct span name, struct span payload);

#endif
