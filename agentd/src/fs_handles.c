// SPDX-License-Identifier: Apache-2.0
#include "fs_handles.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static struct fs_handle *take_free(struct fs_handles *hs)
{
	for (size_t i = 0; i < ARRAY_SIZE(hs->all); i++)
		if (hs->all[i].number == 0)
			return &hs->all[i];
	errno = EMFILE;
	return NULL;
}

uint64_t fs_handles_add_file(struct fs_handles *hs, int fd, bool append)
{
	struct fs_handle *h = take_free(hs);

	if (!h) {
		close(fd);
		errno = EMFILE;
		return 0;
	}
	*h = (struct fs_handle){ .number = ++hs->last, .fd = fd, .append = append };
	return h->number;
}

uint64_t fs_handles_add_dir(struct fs_handles *hs, DIR *dir, const char *path)
{
	struct fs_handle *h = take_free(hs);
	char *copy = h ? strdup(path) : NULL;

	if (!copy) {
		int saved = errno;

		closedir(dir);
		errno = saved;
		return 0;
	}
	*h = (struct fs_handle){ .number = ++hs->last, .fd = dirfd(dir), .dir = dir, .path = copy };
	return h->number;
}

struct fs_handle *fs_handles_find(struct fs_handles *hs, uint64_t number)
{
	for (size_t i = 0; number != 0 && i < ARRAY_SIZE(hs->all); i++)
		if (hs->all[i].number == number)
			return &hs->all[i];
	errno = EBADF;
	return NULL;
}

int fs_handles_close(struct fs_handles *hs, uint64_t number)
{
	struct fs_handle *h = fs_handles_find(hs, number);

	if (!h)
		return -1;
	h->number = 0;
	free(h->path);
	return h->dir ? closedir(h->dir) : close(h->fd);
}
