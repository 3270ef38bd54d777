/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FS_H
#define AGENTD_FS_H

#include <sys/types.h>

#include "flow.h"
#include "output.h"

/*
 * The guest's files, for the host: core.fs.*. Each client that asks has a
 * process of its own for it (fs_server.h), from its first request until it
 * goes; the agent itself touches no file and only carries frames.
 */
struct fs {
	struct loop *loop;
	struct buf *out;
	struct output *output;
	const struct flow *flow;
	struct fs_worker *list;
};

void fs_init(struct fs *fs, struct loop *l, struct output *o, const struct flow *flow);

/* Whether a request of this id is under way. */
bool fs_has(const struct fs *fs, uint32_t id);

/* Answered in its time; `f` is whole and has been looked at. */
void fs_request(struct fs *fs, const struct frame *f);

/* To a request that has just ended it means nothing: the two have crossed. */
void fs_data(struct fs *fs, const struct frame *f);

void fs_flow(struct fs *fs, const struct msg_id_range *range);

/* Ends what serves those clients; nothing more is sent. */
void fs_drop(struct fs *fs, const struct msg_id_range *range);

/* Asks all that serve to end. */
void fs_terminate(struct fs *fs);

/* That process is gone; whether it was one of these. */
bool fs_reaped(struct fs *fs, pid_t pid);

#endif
