/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FS_TRANSFERS_H
#define AGENTD_FS_TRANSFERS_H

#include "buf.h"
#include "fs_handles.h"
#include "fs_messages.h"
#include "fs_slots.h"

struct fs_transfer;

/* The reads and writes of files' contents that are under way, and where they are answered. */
struct fs_transfers {
	struct fs_handles *handles;
	struct buf *out;
	struct fs_slots *slots;	/* for what files hold */
	struct fs_transfer *list;
};

/* One that cannot begin is answered at once. */
void fs_transfers_begin(struct fs_transfers *ts, uint32_t id, const struct fs_request *q);

/* Sends the next piece of the read whose turn it is. False: nobody reads. */
bool fs_transfers_read(struct fs_transfers *ts);

/* Writes the next piece; no data is the end. */
void fs_transfers_write(struct fs_transfers *ts, uint32_t id, struct span data);

#endif
