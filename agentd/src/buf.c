// SPDX-License-Identifier: Apache-2.0
#include "buf.h"

#include <stdlib.h>

#include "bounds.h"

#define FIRST_CAP KIB(8)
#define KEEP_CAP KIB(512)

static uint8_t *reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	uint8_t *mem;

	if (n > b->max || b->len > b->max - n)
		return NULL;
	if (b->cap - b->head - b->len >= n && b->mem)
		return b->mem + b->head + b->len;

	/* Sliding costs a copy of what waits: worth it once that is the lesser part. */
	if (b->mem && b->cap - b->len >= n && b->len <= b->head) {
		memmove(b->mem, b->mem + b->head, b->len);
		b->head = 0;
		return b->mem + b->len;
	}
	while (cap < b->len + n)
		cap *= 2;
	mem = malloc(cap);
	if (!mem)
		return NULL;
	if (b->len)
		memcpy(mem, b->mem + b->head, b->len);
	free(b->mem);
	b->mem = mem;
	b->cap = cap;
	b->head = 0;
	return b->mem + b->len;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
	uint8_t *room = reserve(b, n);

	if (!room)
		b->failed = true;
	return room;
}

void buf_commit(struct buf *b, size_t n)
{
	b->len += n;
}

bool buf_append(struct buf *b, const void *data, size_t n)
{
	uint8_t *room = buf_reserve(b, n);

	if (!room)
		return false;
	memcpy(room, data, n);
	buf_commit(b, n);
	return true;
}

void buf_consume(struct buf *b, size_t n)
{
	b->head += n;
	b->len -= n;
	if (b->len > 0)
		return;
	b->head = 0;
	/* A burst must not be paid for by the rest of the machine's life. */
	if (b->cap > KEEP_CAP)
		buf_free(b);
}

void buf_free(struct buf *b)
{
	free(b->mem);
	b->mem = NULL;
	b->head = b->len = b->cap = 0;
}
