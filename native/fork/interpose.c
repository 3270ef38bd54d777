/*
 * What QEMU must not do in a process that is to be forked. A definition in a preloaded library comes before the C
 * library's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pages.h"
#include "threads.h"

#define EXPORTED __attribute__((visibility("default")))

/* QEMU blocks all signals in its threads; the one that stops them must get through. */
EXPORTED int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t without;

	if (set && how != SIG_UNBLOCK) {
		without = *set;
		sigdelset(&without, threads_signal());
		set = &without;
	}
	return sigprocmask(how, set, old) < 0 ? errno : 0;
}

/* QEMU keeps the guest's memory from its children, which are helpers to it. Ours need nothing more. */
EXPORTED int madvise(void *address, size_t length, int advice)
{
	if (advice == MADV_DONTFORK) {
		pages_note(address, length);
		return 0;
	}
	return syscall(SYS_madvise, address, length, advice);
}
