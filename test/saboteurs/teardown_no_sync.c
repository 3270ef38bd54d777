// SPDX-License-Identifier: Apache-2.0
/*
 * A teardown that is wrong on purpose: it says that everything is on the disk,
 * and cuts the power without having written anything back. Whoever only reads
 * what msb.halted says believes it; who looks at the disk does not.
 *
 * make -C agentd TEARDOWN=../test/saboteurs/teardown_no_sync.c OUT=build/agentd-no-sync
 */
#include <sys/reboot.h>
#include <unistd.h>

#include "teardown.h"

int teardown_sync(const struct teardown *t)
{
	(void)t;
	return 0;
}

int teardown_settle(const struct teardown *t)
{
	(void)t;
	return 0;
}

void teardown_power_off(void)
{
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
