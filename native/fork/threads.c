#define _GNU_SOURCE
#include "threads.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "directory.h"

enum {
	MOST_THREADS = 128,
	PATIENCE_MS = 1000,
	/* How long to wait for a thread until it is asked whether it still exists. */
	LOOK_AGAIN_MS = 20,
	/* What the x86-64 ABI lets a function use below its stack pointer. */
	RED_ZONE = 128,
	RSEQ_AREA = 32,
};

/* How far a thread has come on the way to a stand in the present round. */
enum phase { ASKED, ARRIVING, STANDING, GONE };

struct stand {
	/* The round, times 4, and a phase: a signal that comes late finds another round, and is no order any more. */
	atomic_uint state;
	pid_t tid;
	/* The frame that the kernel made for the signal: all registers, the mask, the floating point state. */
	ucontext_t *context;
	void *pointer;
	pid_t *tid_address;
	void *robust_list;
	size_t robust_list_size;
};

static struct stand stands[MOST_THREADS];
static int count;
/* The main thread's, once all stand. */
static const struct stand *first;
/* Odd while threads stand or are asked to. Those that stand wait for it to change. */
static atomic_uint current_round;
static atomic_uint arrivals;

int threads_signal(void)
{
	return SIGRTMAX - 1;
}

static long futex(atomic_uint *word, int operation, unsigned value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, timeout, NULL, 0);
}

static unsigned state(unsigned in_round, enum phase phase)
{
	return in_round * 4 + phase;
}

static void stand_still(int number, siginfo_t *info, void *context)
{
	unsigned mine = (uintptr_t)info->si_value.sival_ptr / MOST_THREADS;
	struct stand *stand = &stands[(uintptr_t)info->si_value.sival_ptr % MOST_THREADS];
	unsigned asked = state(mine, ASKED);
	int error = errno;

	(void)number;
	if (!atomic_compare_exchange_strong(&stand->state, &asked, state(mine, ARRIVING)))
		return;
	stand->context = context;
	stand->pointer = (void *)pthread_self();
	prctl(PR_GET_TID_ADDRESS, &stand->tid_address);
	syscall(SYS_get_robust_list, 0, &stand->robust_list, &stand->robust_list_size);
	atomic_store(&stand->state, state(mine, STANDING));
	atomic_fetch_add(&arrivals, 1);
	futex(&arrivals, FUTEX_WAKE, 1, NULL);
	while (atomic_load(&current_round) == mine)
		futex(&current_round, FUTEX_WAIT, mine, NULL);
	errno = error;
}

int threads_prepare(void)
{
	/* Without SA_RESTART, so that a wait which was broken off can be told from anything else. */
	struct sigaction action = { .sa_sigaction = stand_still, .sa_flags = SA_SIGINFO };
	pid_t *tid_address = NULL;

	/* The C library keeps each thread's number where the kernel is to clear it. */
	if (prctl(PR_GET_TID_ADDRESS, &tid_address) < 0)
		return -1;
	if (!tid_address || *tid_address != gettid() || __rseq_size > RSEQ_AREA) {
		errno = ENOSYS;
		return -1;
	}
	sigfillset(&action.sa_mask);
	return sigaction(threads_signal(), &action, NULL);
}

static struct timespec until_deadline(const struct timespec *deadline, long most_ms)
{
	struct timespec now, left;
	long long ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (deadline->tv_sec - now.tv_sec) * 1000000000LL + deadline->tv_nsec - now.tv_nsec;
	if (ns > most_ms * 1000000LL)
		ns = most_ms * 1000000LL;
	left.tv_sec = 0;
	left.tv_nsec = ns > 0 ? ns : 0;
	return left;
}

static int ask(int slot, unsigned mine)
{
	siginfo_t info = {
		.si_code = SI_QUEUE,
		.si_pid = getpid(),
		.si_value.sival_ptr = (void *)((uintptr_t)mine * MOST_THREADS + slot),
	};

	atomic_store(&stands[slot].state, state(mine, ASKED));
	return syscall(SYS_rt_tgsigqueueinfo, getpid(), stands[slot].tid, threads_signal(), &info);
}

/* Asks a thread that has not been asked yet; ends the walk with -1 when that cannot be. */
static int ask_if_new(int tid, void *data)
{
	unsigned mine = atomic_load(&current_round);
	int *asked = data;

	if (tid == gettid())
		return 0;
	for (int i = 0; i < count; i++)
		if (stands[i].tid == tid && atomic_load(&stands[i].state) != state(mine, GONE))
			return 0;
	if (count == MOST_THREADS) {
		errno = E2BIG;
		return -1;
	}
	stands[count].tid = tid;
	if (ask(count, mine) < 0)
		return errno == ESRCH ? 0 : -1;
	count++;
	++*asked;
	return 0;
}

static int ask_all_new(int *asked)
{
	int directory = open_directory("/proc/self/task");
	int result, error;

	*asked = 0;
	result = each_number(directory, ask_if_new, asked);
	error = errno;
	close(directory);
	errno = error;
	return result;
}

/* Whether all that were asked stand; those that have ended meanwhile are forgotten. */
static int all_stand(unsigned mine, int look_who_lives)
{
	for (int i = 0; i < count; i++) {
		unsigned seen = atomic_load(&stands[i].state);

		if (seen == state(mine, STANDING) || seen == state(mine, GONE))
			continue;
		if (!look_who_lives || syscall(SYS_tgkill, getpid(), stands[i].tid, 0) == 0)
			return 0;
		atomic_store(&stands[i].state, state(mine, GONE));
	}
	return 1;
}

static int wait_for_all(unsigned mine, const struct timespec *deadline)
{
	int look_who_lives = 0;

	for (;;) {
		unsigned seen = atomic_load(&arrivals);
		struct timespec left = until_deadline(deadline, LOOK_AGAIN_MS);

		if (all_stand(mine, look_who_lives))
			return 0;
		if (left.tv_nsec == 0)
			return -1;
		look_who_lives = futex(&arrivals, FUTEX_WAIT, seen, &left) < 0 && errno == ETIMEDOUT;
	}
}

/* Whether the signal has broken off a wait in the kernel: behind a system call, whose result says so. */
static int waited(const ucontext_t *context)
{
	static const unsigned char syscall_instruction[] = { 0x0f, 0x05 };
	const greg_t *registers = context->uc_mcontext.gregs;

	return registers[REG_RAX] == -EINTR &&
	       !memcmp((const void *)(registers[REG_RIP] - 2), syscall_instruction, sizeof(syscall_instruction));
}

static int is_gone(const struct stand *stand)
{
	return atomic_load(&stand->state) % 4 == GONE;
}

static const struct stand *find_main(void)
{
	for (int i = 0; i < count; i++)
		if (stands[i].tid == getpid() && !is_gone(&stands[i]))
			return &stands[i];
	return NULL;
}

/* One attempt: 0, or 1 where some thread was not in a wait, or -1. */
static int try_to_stop(const struct timespec *deadline, struct failure *failure)
{
	unsigned mine = atomic_fetch_add(&current_round, 1) + 1;
	int asked;

	count = 0;
	/* A thread can have been made by one that was asked only then. */
	do {
		if (ask_all_new(&asked) < 0)
			return fail(failure, errno, "asking the threads");
		if (wait_for_all(mine, deadline) < 0)
			return fail(failure, ETIMEDOUT, "waiting for the threads");
	} while (asked);

	for (int i = 0; i < count; i++)
		if (!is_gone(&stands[i]) && !waited(stands[i].context))
			return 1;
	first = find_main();
	if (!first)
		return fail(failure, ESRCH, "the main thread has ended");
	return 0;
}

static void let_go(void)
{
	unsigned mine = atomic_fetch_add(&current_round, 1);

	futex(&current_round, FUTEX_WAKE, MOST_THREADS, NULL);
	/* Who has not begun to arrive will not; who has must be out of its stand's fields before they are used again. */
	for (int i = 0; i < count; i++) {
		unsigned asked = state(mine, ASKED);

		atomic_compare_exchange_strong(&stands[i].state, &asked, state(mine, GONE));
		while (atomic_load(&stands[i].state) == state(mine, ARRIVING))
			sched_yield();
	}
}

int threads_stop(struct failure *failure)
{
	const struct timespec moment = { .tv_nsec = 200000 };
	struct timespec deadline;
	int result;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += PATIENCE_MS / 1000;
	while ((result = try_to_stop(&deadline, failure)) == 1) {
		let_go();
		if (until_deadline(&deadline, PATIENCE_MS).tv_nsec == 0)
			return fail(failure, ETIMEDOUT, "waiting for the threads");
		nanosleep(&moment, NULL);
	}
	if (result < 0)
		let_go();
	return result;
}

void *threads_main_pointer(void)
{
	return first->pointer;
}

/* What the kernel keeps of a thread and the C library believes it to keep. */
static int register_thread(const struct stand *stand)
{
	struct rseq *rseq = (struct rseq *)((char *)stand->pointer + __rseq_offset);

	if (syscall(SYS_set_robust_list, stand->robust_list, stand->robust_list_size) < 0)
		return -1;
	if (__rseq_size == 0)
		return 0;
	rseq->rseq_cs = 0;
	return syscall(SYS_rseq, rseq, RSEQ_AREA, 0, RSEQ_SIG);
}

/* Returns from the signal as if its handler had. */
static void __attribute__((noreturn)) return_to(const ucontext_t *context)
{
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "mov %1, %%eax\n\t"
			 "syscall\n\t"
			 "hlt"
			 :
			 : "r"(context), "i"(SYS_rt_sigreturn)
			 : "memory");
	__builtin_unreachable();
}

static int resume(void *data)
{
	const struct stand *stand = data;

	if (register_thread(stand) < 0)
		__builtin_trap();
	return_to(stand->context);
}

static int remake(struct stand *stand)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
			  CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	/* Of its stack, what is below the signal's frame belongs to the handler, to which nobody returns. */
	uintptr_t stack = ((uintptr_t)stand->context - sizeof(void *) - RED_ZONE) & ~(uintptr_t)15;

	return clone(resume, (void *)stack, flags, stand, stand->tid_address, stand->pointer, stand->tid_address);
}

int threads_remake(struct failure *failure)
{
	*first->tid_address = getpid();
	syscall(SYS_set_tid_address, first->tid_address);
	if (register_thread(first) < 0)
		return fail(failure, errno, "registering the main thread");
	for (int i = 0; i < count; i++)
		if (&stands[i] != first && !is_gone(&stands[i]) && remake(&stands[i]) < 0)
			return fail(failure, errno, "making a thread");
	return 0;
}

void threads_become_main(void)
{
	return_to(first->context);
}
