/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_BUF_H
#define AGENTD_BUF_H

#include "util.h"

/*
 * A byte queue in one piece of memory: appended at the tail, consumed at the
 * head, grown up to `max` and given back when it runs empty.
 */
struct buf {
	uint8_t *mem;
	size_t head;
	size_t len;
	size_t cap;
	size_t max;
	bool failed;	/* something did not fit, or there was no memory */
};

static inline struct span buf_span(const struct buf *b)
{
	/* An empty one has no memory: not even 0 may be added to that. */
	return (struct span){ b->len ? b->mem + b->head : NULL, b->len };
}

/* Room for `n` bytes at the tail; NULL past `max` or without memory. */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
bool buf_append(struct buf *b, const void *data, size_t n);
void buf_consume(struct buf *b, size_t n);
void buf_free(struct buf *b);

#endif
