// SPDX-License-Identifier: Apache-2.0
/*
 * An agent that takes the host's randomness when it boots and when its machine
 * is renewed before it is frozen, and never again: a clone of that machine
 * cannot be renewed. Such a clone must end itself and say why; one that goes on
 * has the random numbers of all its siblings.
 *
 * make -C agentd ENTROPY=../test/saboteurs/entropy_fails_in_clones.c OUT=build/agentd-unrenewable
 */
#include <errno.h>

#define entropy_credit credit_truly
#include "entropy.c"
#undef entropy_credit

int entropy_credit(struct span bytes);

int entropy_credit(struct span bytes)
{
	static int credits;

	if (credits == 2) {
		errno = EPERM;
		return -1;
	}
	credits++;
	return credit_truly(bytes);
}
