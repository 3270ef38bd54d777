// SPDX-License-Identifier: Apache-2.0
#include "clock.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#include "bounds.h"

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts = { 0 };

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * SEC_NS + (uint64_t)ts.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void clock_prove(void)
{
	struct timespec rest = { .tv_nsec = MSEC_NS };

	while (nanosleep(&rest, &rest) < 0 && errno == EINTR)
		;
}

int clock_set_wall(uint64_t unix_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(unix_ns / SEC_NS),
		.tv_nsec = (long)(unix_ns % SEC_NS),
	};

	return clock_settime(CLOCK_REALTIME, &ts);
}

int clock_timeout_ms(uint64_t deadline_mono_ns)
{
	uint64_t now = clock_mono_ns();
	uint64_t ms;

	if (deadline_mono_ns <= now)
		return 0;
	/* Rounded up: waking a fraction early would spin until it is due. */
	ms = (deadline_mono_ns - now + MSEC_NS - 1) / MSEC_NS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}
