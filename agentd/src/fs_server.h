/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FS_SERVER_H
#define AGENTD_FS_SERVER_H

#include "fs_slots.h"

/* How the agent and a file server speak: in frames as the port carries them, but that much of what files hold is in slots. */
struct fs_lines {
	int from, to;
	struct fs_slots in, out;
};

/*
 * Serves one client's core.fs.* requests until that line ends. For a process of
 * its own: a file system may take its time, hang, or be somebody's FUSE, and
 * the agent waits for nobody. Requests are served one after the other; reads
 * and writes of contents take turns with them.
 */
_Noreturn void fs_serve(const struct fs_lines *lines);

#endif
