/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FS_SLOTS_H
#define AGENTD_FS_SLOTS_H

#include "wire.h"

/*
 * Memory that the agent and one file server share, for what files hold on its
 * way in one direction: through a pipe or a socket it would be copied twice
 * more. The slots are used in turn. Whoever sends fills one and says so by a
 * frame on the line, so that nothing overtakes anything else; whoever receives
 * gives it back. Each side has one of these.
 */
struct fs_slots {
	uint8_t *mem;
	int free;		/* a semaphore: how many are */
	unsigned int turn;	/* the next that is filled, here or there */
	bool reserved;		/* that one is ours to fill */
};

/* `waits`: whoever fills them waits until one is free. NULL with errno. */
struct fs_slots *fs_slots_new(bool waits);

/* Each side for itself; nothing, for NULL. */
void fs_slots_free(void *slots);

/* What is forked from now on does not get the memory. */
void fs_slots_keep(struct fs_slots *s);

/* Where FS_SLOT_SIZE bytes may be put; the same again until they are sent. NULL with errno: none is free. */
uint8_t *fs_slots_room(struct fs_slots *s);

/* Sends so much of it, for a request. False: no room in the queue. */
bool fs_slots_send(struct fs_slots *s, struct buf *q, uint32_t id, size_t len);

/* Whether a frame says that a slot has been filled. No frame of the protocol looks like it. */
bool fs_slots_is_told(const struct frame *f);

/* What that frame tells of; it stays until it is given back. Empty: it tells of what cannot be. */
struct span fs_slots_take(struct fs_slots *s, const struct frame *f);

/* The one that was taken first of those that have not been given back. */
void fs_slots_give_back(const struct fs_slots *s);

#endif
