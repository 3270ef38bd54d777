/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_WARDEN_H
#define AGENTD_WARDEN_H

#include <sys/types.h>

struct agent;

/*
 * What is left of PID 1 when it has handed off: waits for the end of the init,
 * or of the agent's part of a shutdown, makes sure that nobody runs any more,
 * makes the file systems read-only, tells the host, and powers off.
 *
 * `a` is the agent as it was at the fork; `link` reads end of file when the
 * agent is gone.
 */
_Noreturn void warden_run(struct agent *a, pid_t init, const char *path, int link);

#endif
