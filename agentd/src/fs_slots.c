// SPDX-License-Identifier: Apache-2.0
#include "fs_slots.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bounds.h"

#define ALL_SLOTS (FS_SLOTS * FS_SLOT_SIZE)
#define TOLD_FLAG 0x80

struct fs_slots *fs_slots_new(bool waits)
{
	struct fs_slots *s = malloc(sizeof(*s));
	void *mem;
	int saved;

	if (!s)
		return NULL;
	*s = (struct fs_slots){ .free = eventfd(FS_SLOTS, EFD_SEMAPHORE | EFD_CLOEXEC | (waits ? 0 : EFD_NONBLOCK)) };
	mem = s->free < 0 ? MAP_FAILED : mmap(NULL, ALL_SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mem != MAP_FAILED) {
		s->mem = mem;
		return s;
	}
	saved = errno;
	fs_slots_free(s);
	errno = saved;
	return NULL;
}

void fs_slots_free(void *slots)
{
	struct fs_slots *s = slots;

	if (!s)
		return;
	if (s->mem)
		munmap(s->mem, ALL_SLOTS);
	if (s->free >= 0)
		close(s->free);
	free(s);
}

void fs_slots_keep(struct fs_slots *s)
{
	madvise(s->mem, ALL_SLOTS, MADV_DONTFORK);
}

static uint8_t *next_slot(const struct fs_slots *s)
{
	return s->mem + s->turn % FS_SLOTS * FS_SLOT_SIZE;
}

uint8_t *fs_slots_room(struct fs_slots *s)
{
	uint64_t one;

	while (!s->reserved) {
		s->reserved = read(s->free, &one, sizeof(one)) == (ssize_t)sizeof(one);
		if (!s->reserved && errno != EINTR)
			return NULL;
	}
	return next_slot(s);
}

bool fs_slots_send(struct fs_slots *s, struct buf *q, uint32_t id, size_t len)
{
	const uint32_t told = (uint32_t)len;

	if (!wire_append_bare(q, id, TOLD_FLAG, span_of(&told, sizeof(told))))
		return false;
	s->reserved = false;
	s->turn++;
	return true;
}

bool fs_slots_is_told(const struct frame *f)
{
	return f->flags == TOLD_FLAG;
}

struct span fs_slots_take(struct fs_slots *s, const struct frame *f)
{
	struct span filled = span_of(next_slot(s), 0);
	uint32_t told = 0;

	if (f->body.len == sizeof(told))
		memcpy(&told, f->body.p, sizeof(told));
	if (told > FS_SLOT_SIZE)
		told = 0;
	filled.len = told;
	s->turn += told > 0;
	return filled;
}

void fs_slots_give_back(const struct fs_slots *s)
{
	const uint64_t one = 1;

	(void)!write(s->free, &one, sizeof(one));
}
