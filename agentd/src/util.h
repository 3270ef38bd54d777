/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_UTIL_H
#define AGENTD_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Bytes that somebody else owns; never NUL-terminated. */
struct span {
	const uint8_t *p;
	size_t len;
};

static inline bool span_eq(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static inline struct span span_of(const void *p, size_t len)
{
	return (struct span){ p, len };
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The names that every directory has for itself and for the one above it. */
static inline bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/*
 * How much of `s` to print when `max` bytes are enough: never half a
 * character, for the text goes out as UTF-8.
 */
static inline int span_clip(struct span s, size_t max)
{
	size_t len = min_size(s.len, max);

	while (len > 0 && len < s.len && (s.p[len] & 0xc0) == 0x80)
		len--;
	return (int)len;
}

static inline int text_clip(const char *s, size_t max)
{
	return span_clip(span_of(s, strlen(s)), max);
}

#endif
