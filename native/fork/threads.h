/*
 * The threads of the process: brought to a stand at a safe point, and made anew in a child that fork has left without them.
 *
 * A safe point is a wait in the kernel: the signal that stops a thread must have broken off a system call. A thread that
 * waits runs no code of the allocator, of the loader or of QEMU, so a child's copy of what that code keeps is whole. Until
 * all threads are known to stand there, the caller must take no lock that one of them could hold: no malloc, no stdio.
 */
#ifndef MSB_FORK_THREADS_H
#define MSB_FORK_THREADS_H

#include <signal.h>

#include "failure.h"

/* The signal that stops a thread; nobody else may use it, and no thread may block it. */
int threads_signal(void);

/* Before there is a second thread. -1 with errno when this C library or kernel is not one that we know. */
int threads_prepare(void);

/* Every thread but the caller stands at a safe point, for good, when this returns 0. Else, after a second at most, all go on. */
int threads_stop(struct failure *failure);

/* The thread pointer of the main thread, which a child has to be made with. */
void *threads_main_pointer(void);

/*
 * In a child made while all stood still, by its only thread, which has the main thread's pointer: makes the others, each
 * where it stood. They run at once.
 */
int threads_remake(struct failure *failure);

/* In the same child, last: the caller goes on as the main thread. */
void threads_become_main(void) __attribute__((noreturn));

#endif
