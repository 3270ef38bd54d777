/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FS_SPAWN_H
#define AGENTD_FS_SPAWN_H

#include <sys/types.h>

#include "fs_slots.h"

/* A file server, as the agent has it: its process, and the agent's side of what is between the two. */
struct fs_peer {
	pid_t pid;	/* 0: there is none, and no lines */
	int to;		/* what it is asked */
	int from;	/* what it answers */
	struct fs_slots *in, *out;	/* what files are to hold, and what they hold; NULL, or to be freed even so */
};

/* False with errno. */
bool fs_spawn(struct fs_peer *p);

#endif
