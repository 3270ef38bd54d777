#define _GNU_SOURCE
#include "birth.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptors.h"
#include "pages.h"
#include "threads.h"

enum { STACK = 128 * 1024, BIRTH_FAILED = 127 };

extern char **environ;

/* What the relay's beginning works on; it shares our memory, so here is also what it leaves to us. */
struct plan {
	struct order *order;
	int socket;
	struct descriptors descriptors;
	pid_t vmm;
	struct failure *failure;
};

static char stack[STACK] __attribute__((aligned(16)));

/* Dies with its parent, also with one that was gone before this was asked for. */
static int die_with(pid_t parent, struct failure *failure)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail(failure, errno, "the parent's death signal");
	return getppid() == parent ? 0 : fail(failure, ESRCH, "the relay");
}

/* The end of REPORT, unused, is the word that the machine runs. */
static void __attribute__((noreturn)) become_machine(const struct plan *plan, pid_t relay, int report)
{
	struct failure failure = { 0 };

	pages_leave();
	signal(SIGCHLD, SIG_DFL);
	if (die_with(relay, &failure) < 0 || descriptors_renew(&plan->descriptors, &failure) < 0)
		goto failed;
	order_close(plan->order);
	close(plan->socket);
	if (threads_remake(&failure) < 0)
		goto failed;
	close(report);
	threads_become_main();
failed:
	(void)!write(report, &failure, sizeof(failure));
	_exit(BIRTH_FAILED);
}

static int make_machine(struct plan *plan)
{
	struct failure failure;
	pid_t self = getpid();
	int report[2];
	ssize_t got;

	if (pipe2(report, O_CLOEXEC) < 0)
		return fail(plan->failure, errno, "pipe");
	plan->vmm = syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, NULL, NULL, NULL, threads_main_pointer());
	if (plan->vmm < 0)
		return fail(plan->failure, errno, "fork");
	if (plan->vmm == 0) {
		close(report[0]);
		become_machine(plan, self, report[1]);
	}
	close(report[1]);
	got = read(report[0], &failure, sizeof(failure));
	close(report[0]);
	if (got == sizeof(failure))
		return fail(plan->failure, failure.error, "%s", failure.step);
	return 0;
}

/* As any program expects to be started: no signal blocked, none ignored, and nothing open but what is its own. */
static int become_ordinary(const struct order *order)
{
	const int count = order->relay_descriptor_count;
	int sources[ORDER_MOST_DESCRIPTORS];
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Out of the way first, so that no target overwrites a source that is still needed. */
	for (int i = 0; i < count; i++) {
		sources[i] = fcntl(order->descriptors[i], F_DUPFD_CLOEXEC, count);
		if (sources[i] < 0)
			return -1;
	}
	for (int i = 0; i < count; i++)
		if (dup2(sources[i], i) < 0)
			return -1;
	return close_range(count, ~0U, 0);
}

static int relay_begins(void *data)
{
	struct plan *plan = data;
	char **arguments = plan->order->arguments;
	char vmm[16];

	if (setsid() < 0) {
		fail(plan->failure, errno, "setsid");
		return BIRTH_FAILED;
	}
	if (make_machine(plan) == 0) {
		snprintf(vmm, sizeof(vmm), "%d", plan->vmm);
		arguments[plan->order->argument_count] = vmm;
		arguments[plan->order->argument_count + 1] = NULL;
		if (become_ordinary(plan->order) < 0)
			fail(plan->failure, errno, "the relay's descriptors");
		else
			execve(arguments[0], arguments, environ);
		fail(plan->failure, errno, "executing the relay");
	}
	/* The machine dies with us. */
	return BIRTH_FAILED;
}

int birth(struct birth *born, struct order *order, int socket, struct failure *failure)
{
	static struct plan plan;
	int ignored[ORDER_MOST_DESCRIPTORS + 1];

	memcpy(ignored, order->descriptors, order->descriptor_count * sizeof(int));
	ignored[order->descriptor_count] = socket;
	plan = (struct plan){ .order = order, .socket = socket, .failure = failure };
	if (descriptors_survey(&plan.descriptors, order->replacements, order->replacement_count, ignored,
			       order->descriptor_count + 1, failure) < 0)
		return -1;

	/* Returns when the relay's program runs, or has come to nothing. */
	born->relay = clone(relay_begins, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &born->relay_pidfd);
	if (born->relay < 0)
		return fail(failure, errno, "making the relay");
	born->vmm = plan.vmm;
	if (!failure->error)
		return 0;
	close(born->relay_pidfd);
	return -1;
}
