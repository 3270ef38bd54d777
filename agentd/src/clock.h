/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_CLOCK_H
#define AGENTD_CLOCK_H

#include <stdint.h>

uint64_t clock_boot_ns(void);
uint64_t clock_mono_ns(void);
/*
 * Returns when a timer has fired. A kernel whose timer does not work would run
 * on, and never wake anybody who sleeps; the host can tell by our silence.
 */
void clock_prove(void);

int clock_set_wall(uint64_t unix_ns);

/* What poll() and epoll_wait() want: milliseconds until then, rounded up. */
int clock_timeout_ms(uint64_t deadline_mono_ns);

#endif
