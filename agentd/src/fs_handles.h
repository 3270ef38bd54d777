/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FS_HANDLES_H
#define AGENTD_FS_HANDLES_H

#include <dirent.h>

#include "bounds.h"
#include "util.h"

/* A file, or a directory, that a client has open. */
struct fs_handle {
	uint64_t number;	/* never given twice; 0: free */
	int fd;
	DIR *dir;		/* NULL: a file */
	char *path;		/* of a directory */
	bool append;
};

struct fs_handles {
	struct fs_handle all[FS_HANDLES_MAX];
	uint64_t last;
};

/* Each takes over what it is given, also when it fails: 0 with errno. */
uint64_t fs_handles_add_file(struct fs_handles *hs, int fd, bool append);
uint64_t fs_handles_add_dir(struct fs_handles *hs, DIR *dir, const char *path);

/* NULL with errno: EBADF if it is none. */
struct fs_handle *fs_handles_find(struct fs_handles *hs, uint64_t number);

/* -1 with errno: what was written before may have failed only now. */
int fs_handles_close(struct fs_handles *hs, uint64_t number);

#endif
