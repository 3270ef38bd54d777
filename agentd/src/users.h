/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_USERS_H
#define AGENTD_USERS_H

#include <sys/types.h>

#include "bounds.h"
#include "util.h"

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[GROUPS_MAX];
	size_t ngroups;
	char home[NAME_LEN_MAX];
};

/*
 * Resolves "NAME|UID[:NAME|GID]" against the text of /etc/passwd and
 * /etc/group, as OCI runtimes do: a uid without an entry is taken with gid 0,
 * a name without one is refused, supplementary groups come with a user that is
 * named alone. NULL on success, else what could not be found.
 */
const char *user_resolve(const char *spec, const char *passwd, const char *group, struct user *u);

/* The same against the files of the root that the agent stands in. */
const char *user_lookup(const char *spec, struct user *u);

#endif
