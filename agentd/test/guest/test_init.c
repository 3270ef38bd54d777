// SPDX-License-Identifier: Apache-2.0
/*
 * An init for tests: reaps whatever becomes its child, and goes down on
 * SIGRTMIN+4, SIGTERM and SIGINT in the way that its first argument says.
 *
 *	exit		exits, at once and without a sync; also without an argument
 *	power-off	ends all others and powers off, without a sync
 *	restart		the same, but restarts
 *	kill-all	SIGKILL to all others, then writes FILE, then powers off
 *	service FILE	has a service, which writes FILE when it is told to end; exits once it has
 *	deaf		takes the signals and does nothing
 *	ignore		ignores them
 *
 * SIGUSR1 has it exit with status 3, SIGUSR2 die of SIGSEGV. /run/reaped has a
 * line with the PID of each orphan that it has reaped.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

/* With glibc's SIGRTMIN, as systemd counts, whatever this is compiled with. */
#define SIG_POWER_OFF (34 + 4)

#define SERVICE_BYTES (8 << 20)

static const char *mode = "exit";
static const char *file;
static pid_t service;

static int is(const char *name)
{
	return strcmp(mode, name) == 0;
}

static void write_file(const char *path, size_t size)
{
	static char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	memset(block, 's', sizeof(block));
	for (size_t done = 0; done < size; done += sizeof(block))
		if (write(fd, block, sizeof(block)) < 0)
			_exit(9);
	close(fd);
}

static void run_service(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigwait(&set, &sig);
	write_file(file, SERVICE_BYTES);
	_exit(0);
}

static void note_reaped(pid_t pid)
{
	int fd = open("/run/reaped", O_WRONLY | O_CREAT | O_APPEND, 0644);

	dprintf(fd, "%d\n", (int)pid);
	close(fd);
}

static void reap(void)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		note_reaped(pid);
}

static void go_down(void)
{
	if (is("deaf"))
		return;
	if (is("service")) {
		kill(service, SIGTERM);
		while (waitpid(service, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (is("power-off") || is("restart")) {
		kill(-1, SIGTERM);
		kill(-1, SIGCONT);
		while (wait(NULL) > 0)
			;
		reboot(is("restart") ? RB_AUTOBOOT : RB_POWER_OFF);
	}
	if (is("kill-all")) {
		kill(-1, SIGKILL);
		while (wait(NULL) > 0)
			;
		write_file(file, SERVICE_BYTES);
		reboot(RB_POWER_OFF);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	sigset_t set;
	int sig;

	if (argc > 1)
		mode = argv[1];
	if (argc > 2)
		file = argv[2];
	sigfillset(&set);
	if (is("ignore")) {
		signal(SIG_POWER_OFF, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		signal(SIGINT, SIG_IGN);
		sigdelset(&set, SIG_POWER_OFF);
		sigdelset(&set, SIGTERM);
		sigdelset(&set, SIGINT);
	}
	sigprocmask(SIG_SETMASK, &set, NULL);
	printf("test-init: %s\n", mode);
	fflush(stdout);
	if (is("service")) {
		service = fork();
		if (service == 0)
			run_service();
	}
	for (;;) {
		if (sigwait(&set, &sig) != 0)
			continue;
		if (sig == SIGCHLD)
			reap();
		else if (sig == SIGUSR1)
			exit(3);
		else if (sig == SIGUSR2)
			__builtin_trap();
		else if (sig == SIG_POWER_OFF || sig == SIGTERM || sig == SIGINT)
			go_down();
	}
}
