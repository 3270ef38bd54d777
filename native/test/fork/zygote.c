#define _GNU_SOURCE
#include "zygote.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "orders.h"

enum { ANSWER_MS = 10000, LEASH = 3 };

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

static int number_of(pid_t pid, const char *file)
{
	char path[64], directory[32];
	struct stat wanted, seen;
	int found = -1;

	snprintf(directory, sizeof(directory), "/proc/%d/fd", pid);
	DIR *fds = opendir(directory);
	if (!fds || stat(file, &wanted) < 0)
		die("looking for %s in %d", file, pid);
	for (struct dirent *entry; found < 0 && (entry = readdir(fds));) {
		snprintf(path, sizeof(path), "%s/%.20s", directory, entry->d_name);
		if (entry->d_name[0] != '.' && stat(path, &seen) == 0 && seen.st_dev == wanted.st_dev && seen.st_ino == wanted.st_ino)
			found = atoi(entry->d_name);
	}
	closedir(fds);
	if (found < 0)
		die("%d does not have %s open", pid, file);
	return found;
}

struct numbers zygote_numbers(const struct machine *zygote, const struct files *files)
{
	return (struct numbers){ number_of(zygote->pid, files->ram), number_of(zygote->pid, files->disk) };
}

int disk_copy(const struct files *files, int id, char *path, size_t size)
{
	int from = open(files->disk, O_RDONLY | O_CLOEXEC);
	struct stat status;
	int to;

	snprintf(path, size, "%s.%d", files->disk, id);
	to = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (from < 0 || to < 0 || fstat(from, &status) < 0 || sendfile(to, from, NULL, status.st_size) != status.st_size)
		die("copying the disk");
	close(from);
	return to;
}

void zygote_must_refuse(const struct machine *zygote, const char *self, int error, const char *step)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const char *const argv[] = { self, "--relay", NULL };
	const int fds[] = { null, null, null };
	struct order_answer answer;
	int pidfd;

	order_send(zygote->fork, &(struct wish){ .argv = argv, .fds = fds, .fd_count = 3 });
	close(null);
	answer = order_hear(zygote->fork, &pidfd);
	if (answer.error != error || !strstr(answer.step, step) || pidfd >= 0)
		die("an order should fail with %s at \"%s\", not with %s at \"%s\"", strerror(error), step,
		    strerror(answer.error), answer.step);
}

void zygote_fork(const struct machine *zygote, const struct files *files, const struct numbers *numbers, const char *self,
		 int id, const char *order, struct child *child)
{
	static const char go_on[] = "{\"execute\":\"cont\"}";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log = open(files->log, O_WRONLY | O_APPEND | O_CLOEXEC);
	int ram = open(files->ram, O_RDONLY | O_CLOEXEC);
	int disk = disk_copy(files, id, child->disk, sizeof(child->disk));
	struct lines theirs;
	int leash[2];

	lines_make(&child->lines, &theirs);
	if (null < 0 || log < 0 || ram < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, leash) < 0)
		die("the descriptors of a child");
	if (write(child->lines.control, go_on, strlen(go_on)) < 0 || write(child->lines.agent, order, strlen(order)) < 0)
		die("writing ahead");

	const int32_t replaced[] = { 1, 2, BORN_AGENT, BORN_CONSOLE, BORN_CONTROL, numbers->ram, numbers->disk };
	const int fds[] = { null, log, log, leash[1], log, log, theirs.agent, theirs.console, theirs.control, ram, disk };
	const char *const argv[] = { self, "--relay", NULL };
	order_send(zygote->fork, &(struct wish){ argv, replaced, COUNT(replaced), fds, COUNT(fds) });

	child->leash = leash[0];
	close(leash[1]);
	close(null);
	close(log);
	close(ram);
	close(disk);
	lines_close(&theirs);
	const struct order_answer answer = order_hear(zygote->fork, &child->relay_pidfd);
	if (answer.error || child->relay_pidfd < 0)
		die("the order failed: %s: %s", answer.step, strerror(answer.error));
	child->relay = answer.relay;
	child->vmm = answer.vmm;
}

static void wait_until_ended(int pidfd, const char *what)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };

	if (poll(&ended, 1, ANSWER_MS) != 1)
		die("%s does not end", what);
	close(pidfd);
}

static void put_away(struct child *child)
{
	wait_until_ended(child->relay_pidfd, "a relay");
	close(child->leash);
	lines_close(&child->lines);
	unlink(child->disk);
}

struct cost child_end(struct child *child)
{
	struct cost cost;

	shutdown(child->leash, SHUT_WR);
	if (recv(child->leash, &cost, sizeof(cost), MSG_WAITALL) != sizeof(cost))
		die("no account from the relay of %d", child->vmm);
	put_away(child);
	return cost;
}

void child_must_die_with_relay(struct child *child)
{
	int vmm = syscall(SYS_pidfd_open, child->vmm, 0);

	if (vmm < 0 || syscall(SYS_pidfd_send_signal, child->relay_pidfd, SIGKILL, NULL, 0) < 0)
		die("killing a relay");
	wait_until_ended(vmm, "a machine without a relay");
	put_away(child);
}

long microseconds(const struct rusage *usage)
{
	return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000L + usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}

int relay_main(pid_t vmm)
{
	int pidfd = syscall(SYS_pidfd_open, vmm, 0);
	struct pollfd either[] = { { .fd = LEASH, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
	struct rusage usage;
	struct cost cost;
	int status;

	if (pidfd < 0)
		die("pidfd_open");
	if (poll(either, 2, -1) < 0)
		die("poll");
	if (either[1].revents)
		die("the machine has ended by itself");
	kill(vmm, SIGKILL);
	if (wait4(vmm, &status, 0, &usage) != vmm || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		die("the machine is not our child, or has ended in another way: %x", status);
	cost.vmm = microseconds(&usage);
	getrusage(RUSAGE_SELF, &usage);
	cost.relay = microseconds(&usage);
	return write(LEASH, &cost, sizeof(cost)) == sizeof(cost) ? 0 : 1;
}
