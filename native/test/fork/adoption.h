/* One fork with the real relay, which adopts it. */
#ifndef FORK_TEST_ADOPTION_H
#define FORK_TEST_ADOPTION_H

#include "zygote.h"

/*
 * RELAY is msb-relay; DIRECTORY is ours to make the sandbox in. The guest speaks no frames: the relay must hear that, end the
 * machine for it, and leave the account that says so.
 */
void adoption(const struct machine *zygote, const struct files *files, const struct numbers *numbers, const char *relay,
	      const char *directory);

#endif
