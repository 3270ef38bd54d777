/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_ENV_H
#define AGENTD_ENV_H

#include "util.h"

/* An environment under construction: a NULL-terminated array of "KEY=VALUE". */
struct env {
	char **v;
	size_t n;
	size_t max;
};

/* Puts in an entry or replaces the one of the same key. False: no key, or full. */
bool env_put(struct env *e, char *entry);
const char *env_get(const struct env *e, const char *key);

#endif
