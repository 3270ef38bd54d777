/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comes before everything else of the sources that agent_fuzz.c runs, the
 * system's headers too: what in them would reach the host is declared, and
 * called, by names that are world.c's. And the bounds are smaller.
 */
#ifndef AGENTD_FUZZ_FENCE_H
#define AGENTD_FUZZ_FENCE_H

#include "bounds.h"

/* Bounds that a short input can reach. Each is the code's own in kind, and smaller. */
#undef OUTPUT_READ_SIZE
#undef FS_WORTH_PASSING
#undef OUTQ_HIGH
#undef OUTQ_INPUT_STOP
#undef OUTQ_MAX
#undef SESSIONS_MAX
#undef DISCARD_MAX
#undef STDIN_QUEUE_MAX
#undef TCP_MAX
#undef TCP_QUEUE_MAX
#undef TAKEN_STEP
#undef FS_QUEUE_MAX
#undef FS_PENDING_MAX
#undef FLOW_RANGES_MAX
#undef ARGS_MAX
#undef ENV_MAX
#define OUTPUT_READ_SIZE KIB(16)
#define FS_WORTH_PASSING 64
#define OUTQ_HIGH KIB(48)
#define OUTQ_INPUT_STOP KIB(96)
#define OUTQ_MAX KIB(384)
#define SESSIONS_MAX 12
#define DISCARD_MAX 3
#define STDIN_QUEUE_MAX KIB(96)
#define TCP_MAX 8
#define TCP_QUEUE_MAX KIB(64)
#define TAKEN_STEP KIB(8)
#define FS_QUEUE_MAX KIB(64)
#define FS_PENDING_MAX 4
#define FLOW_RANGES_MAX 4
#define ARGS_MAX 6
#define ENV_MAX 6

#define kill fenced_kill
#define fork fenced_fork
#define waitpid fenced_waitpid
#define socket fenced_socket
#define socketpair fenced_socketpair
#define pipe2 fenced_pipe2
#define connect fenced_connect
#define getsockopt fenced_getsockopt
#define _exit fenced_exit

#endif
