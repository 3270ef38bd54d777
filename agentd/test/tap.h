/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_TEST_TAP_H
#define AGENTD_TEST_TAP_H

#include <stdio.h>
#include <string.h>

#include "util.h"

/* One TAP line per check; main returns tap_done(). */
static int tap_count, tap_failed;

#define ok(cond, ...)							\
	do {								\
		int tap_ok_ = (cond) ? 1 : 0;				\
		tap_failed += !tap_ok_;					\
		printf("%sok %d - ", tap_ok_ ? "" : "not ", ++tap_count);	\
		printf(__VA_ARGS__);					\
		printf("\n");						\
		if (!tap_ok_)						\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
	} while (0)

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed > 0;
}

/* A literal's bytes, NULs and all. */
#define BYTES(lit) span_of(lit, sizeof(lit) - 1)

static inline bool bytes_are(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

#endif
