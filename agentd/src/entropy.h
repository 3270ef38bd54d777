/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_ENTROPY_H
#define AGENTD_ENTROPY_H

#include "util.h"

/*
 * The host's randomness for the kernel's generator. An object of its own
 * behind this interface, so that the build can put another in its place
 * (make ENTROPY=...).
 */

/* Opens the generator, before the guest can take its device away. */
void entropy_init(void);

/*
 * Credits ENTROPY_MIN to ENTROPY_MAX bytes, and has the generator start anew
 * from them at once: nobody gets a number any more that the state before
 * would have given. -1 with errno.
 */
int entropy_credit(struct span bytes);

#endif
