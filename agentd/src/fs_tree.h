/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FS_TREE_H
#define AGENTD_FS_TREE_H

#include <sys/types.h>

/*
 * Work on trees of files, for a process of its own: it may take long, and it
 * goes by descriptors, so nobody who changes the tree meanwhile can lead it
 * out of it by a symbolic link. Each gives 0, or -1 with errno: ENAMETOOLONG
 * for trees deeper than TREE_DEPTH_MAX.
 */

/* A directory with those above it that are missing; `mode` is the last one's. */
int tree_make_dirs(const char *path, mode_t mode);

/* What is at `path`, and all in it; a symbolic link itself. */
int tree_remove(const char *path);

/*
 * A file, or a directory with all in it: kinds, modes, owners, links and
 * holes. A symbolic link is followed if it is `from` itself, and only then.
 * Of what is there already, files are overwritten and directories added to.
 */
int tree_copy(const char *from, const char *to);

#endif
