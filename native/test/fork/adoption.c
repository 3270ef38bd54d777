#define _GNU_SOURCE
#include "adoption.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "orders.h"

enum { ANSWER_MS = 10000 };

/* A frame to the relay; to the guest two orders, to which it says what is no frame. */
static const char bootstrap_frame[16] = { 0, 0, 0, 12 };

static void path_in(char *path, size_t size, const char *directory, const char *name)
{
	if (snprintf(path, size, "%s/%s", directory, name) >= (int)size)
		die("a path that is too long");
}

static int file_in(const char *directory, const char *name)
{
	char path[4096];
	int fd;

	path_in(path, sizeof(path), directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		die("%s", path);
	return fd;
}

static void expect_account(const char *sandbox, pid_t vmm)
{
	char account[4096] = "", pid[32];
	int fd = file_in(sandbox, "exit.json");

	if (read(fd, account, sizeof(account) - 1) < 0)
		die("exit.json");
	close(fd);
	snprintf(pid, sizeof(pid), "\"pid\": %d,", vmm);
	if (!strstr(account, "\"agent-protocol\"") || !strstr(account, pid) || !strstr(account, "\"signal\": 9"))
		die("exit.json says: %s", account);
	if (kill(vmm, 0) == 0)
		die("the machine outlives its relay");
}

void adoption(const struct machine *zygote, const struct files *files, const struct numbers *numbers, const char *relay,
	      const char *directory)
{
	static const char go_on[] = "{\"execute\":\"cont\"}";
	char sandbox[4096], socket_path[4096], disk_path[4200];
	struct lines ours, theirs;
	int leash[2], output[2], pidfd;

	path_in(sandbox, sizeof(sandbox), directory, "sandbox");
	path_in(socket_path, sizeof(socket_path), directory, "run/agent.sock");
	if (mkdir(sandbox, 0700) < 0)
		die("%s", sandbox);
	lines_make(&ours, &theirs);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, leash) < 0 || pipe2(output, O_CLOEXEC) < 0)
		die("the lines of a relay");
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), ram = open(files->ram, O_RDONLY | O_CLOEXEC);
	int log = file_in(sandbox, "vmm.log"), lock = file_in(sandbox, "lock"), bootstrap = file_in(sandbox, "bootstrap");
	int disk = disk_copy(files, 0, disk_path, sizeof(disk_path));
	if (flock(lock, LOCK_EX) < 0 || write(bootstrap, bootstrap_frame, sizeof(bootstrap_frame)) < 0 ||
	    write(ours.control, go_on, strlen(go_on)) < 0)
		die("what a relay is born with");

	const char *const argv[] = { relay, "--sandbox-dir", sandbox, "--socket", socket_path, "--adopt", NULL };
	const int32_t replaced[] = { 1, 2, BORN_AGENT, BORN_CONSOLE, BORN_CONTROL, numbers->ram, numbers->disk };
	const int fds[] = { null, log, log, leash[1], lock, bootstrap, output[0], ours.agent, ours.console,
			    output[1], output[1], theirs.agent, theirs.console, theirs.control, ram, disk };
	order_send(zygote->fork, &(struct wish){ argv, replaced, sizeof(replaced) / sizeof(replaced[0]), fds, sizeof(fds) / sizeof(fds[0]) });
	const struct order_answer answer = order_hear(zygote->fork, &pidfd);
	if (answer.error || pidfd < 0)
		die("the order failed: %s: %s", answer.step, strerror(answer.error));

	/* While we have a copy of an end, nobody sees it end. */
	const int given[] = { null, log, leash[1], lock, bootstrap, output[0], output[1], ours.agent, ours.console, ram, disk };
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		close(given[i]);
	lines_close(&theirs);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	if (poll(&ended, 1, ANSWER_MS) != 1)
		die("the relay does not end");
	expect_account(sandbox, answer.vmm);
	close(pidfd);
	close(leash[0]);
	close(ours.control);
	unlink(disk_path);
}
