/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FS_SERVER_H
#define AGENTD_FS_SERVER_H

/*
 * Serves one client's core.fs.* requests, which come from `from` and are
 * answered to `to`, in frames as the port carries them, until `from` ends. For
 * a process of its own: a
 * file system may take its time, hang, or be somebody's FUSE, and the agent
 * waits for nobody. Requests are served one after the other; reads and writes
 * of contents take turns with them.
 */
_Noreturn void fs_serve(int from, int to);

#endif
