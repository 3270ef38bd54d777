/* What a child may share with its zygote, and what not. */
#ifndef FORK_TEST_INSPECTION_H
#define FORK_TEST_INSPECTION_H

#include <sys/types.h>

/*
 * Of what is open in CHILD the same numbers are open in ZYGOTE, with the same flags; nothing is behind both but /dev/null. The
 * zygote has one more: the socket for orders.
 */
void expect_own_descriptors(pid_t zygote, pid_t child);

/* As many threads, the one that ZYGOTE has for orders not counted. */
void expect_same_threads(pid_t zygote, pid_t child);

/* None that runs, and none that has ended and was not reaped. */
void expect_no_children(pid_t zygote);

#endif
