/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FS_SERVER_H
#define AGENTD_FS_SERVER_H

/*
 * Serves one client's core.fs.* requests over `fd`, a stream socket that
 * carries frames as the port does, until it ends. For a process of its own: a
 * file system may take its time, hang, or be somebody's FUSE, and the agent
 * waits for nobody. Requests are served one after the other; reads and writes
 * of contents take turns with them.
 */
_Noreturn void fs_serve(int fd);

#endif
