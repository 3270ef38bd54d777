/*
 * Preloaded into a QEMU, makes it a zygote: a machine that stands still and is copied, threads and all, by order of whoever
 * holds the other end of the socket that MSB_FORK_FD names. Without that variable it does nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "birth.h"
#include "failure.h"
#include "order.h"
#include "pages.h"
#include "threads.h"

/*
 * From the first order on that finds the threads at rest they stay so. What they would do between two orders is of use to
 * nobody, and each page that they write is a page to be copied, since a child may share it.
 */
static int bring_to_rest(struct failure *failure)
{
	static bool at_rest;

	if (at_rest)
		return 0;
	if (threads_stop(failure) < 0)
		return -1;
	at_rest = true;
	pages_look();
	return 0;
}

static void carry_out(int socket, struct order *order)
{
	struct failure failure = { 0 };
	struct birth born;

	if (bring_to_rest(&failure) < 0 || birth(&born, order, socket, &failure) < 0) {
		order_answer_failed(socket, &failure);
		return;
	}
	order_answer_made(socket, born.relay, born.relay_pidfd, born.vmm);
	close(born.relay_pidfd);
}

/* A zygote is of no use to anybody else, so it ends with its owner. */
static void *serve(void *data)
{
	static struct order order;
	int socket = (intptr_t)data;

	for (;;) {
		struct failure failure = { 0 };
		int received = order_receive(socket, &order, &failure);

		if (received == 0)
			_exit(0);
		if (received < 0)
			order_answer_failed(socket, &failure);
		else
			carry_out(socket, &order);
		order_close(&order);
	}
	return NULL;
}

static int start(int socket)
{
	sigset_t all, old;
	pthread_t thread;
	int error;

	if (fcntl(socket, F_SETFD, FD_CLOEXEC) < 0 || threads_prepare() < 0)
		return errno;
	/* Relays end at any time, and nobody here asks how: the kernel shall reap them. */
	signal(SIGCHLD, SIG_IGN);
	sigfillset(&all);
	/* All of them, ours too: this thread is the one that never has to stand still. */
	sigprocmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&thread, NULL, serve, (void *)(intptr_t)socket);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return error;
}

__attribute__((constructor)) static void begin(void)
{
	const char *number = getenv("MSB_FORK_FD");
	int error;

	if (!number)
		return;
	error = start(atoi(number));
	if (error) {
		fprintf(stderr, "msb-fork: %s\n", strerror(error));
		_exit(1);
	}
	/* Neither is for the programs that are started from here. */
	unsetenv("MSB_FORK_FD");
	unsetenv("LD_PRELOAD");
}
