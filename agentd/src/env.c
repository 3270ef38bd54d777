// SPDX-License-Identifier: Apache-2.0
#include "env.h"

bool env_put(struct env *e, char *entry)
{
	const char *eq = strchr(entry, '=');
	size_t key;

	if (!eq || eq == entry)
		return false;
	key = (size_t)(eq - entry) + 1;
	for (size_t i = 0; i < e->n; i++)
		if (strncmp(e->v[i], entry, key) == 0) {
			e->v[i] = entry;
			return true;
		}
	if (e->n == e->max)
		return false;
	e->v[e->n++] = entry;
	e->v[e->n] = NULL;
	return true;
}

const char *env_get(const struct env *e, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < e->n; i++)
		if (strncmp(e->v[i], key, len) == 0 && e->v[i][len] == '=')
			return e->v[i] + len + 1;
	return NULL;
}
