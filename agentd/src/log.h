/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_LOG_H
#define AGENTD_LOG_H

#include "util.h"

/*
 * Opens what the log is written to. Before the first call, and where a device
 * cannot be had, lines are dropped rather than waited for.
 */
void log_init(void);

/* To the kernel log; errors reach the console too. `%m` is preserved. */
void log_info(const char *fmt, ...) PRINTF(1, 2);
void log_warn(const char *fmt, ...) PRINTF(1, 2);
void log_err(const char *fmt, ...) PRINTF(1, 2);

/*
 * The machine cannot go on: "agentd: fatal: WHAT: STRERROR" on the console,
 * then power-off, so that the host sees the machine end and finds the reason.
 */
_Noreturn void fatal(int err, const char *fmt, ...) PRINTF(2, 3);

/* The line alone, for who ends the machine by himself. `err` may be 0. */
void last_words(int err, const char *fmt, ...) PRINTF(2, 3);

/* Set by fatal(), for who outlives us and must not take our end for a proper one. */
void fatal_tell(volatile bool *mark);

#endif
