/*
 * The guest of the soak. Each order is one line of eight bytes on the port; each answer is one line, too.
 *
 *   "run    \n"   runs a program to its end                            -> "done\n"
 *   "spin   \n"   computes for three seconds first                        -> "done\n"
 *   "d TAG  \n"   the same, then leaves TAG on the disk past all caches -> "done WHAT-WAS-THERE-BEFORE\n"
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "../../../test/guest/early.h"

enum { ORDER = 8, SECTOR = 512 };

static char sector[SECTOR] __attribute__((aligned(4096)));

static int run_true(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/init", "init", "true", (char *)0);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void spin(void)
{
	time_t end = time(0) + 3;

	while (time(0) < end)
		;
}

static int swap_tag(int disk, const char *tag, char *before)
{
	if (pread(disk, sector, SECTOR, 0) != SECTOR)
		return 0;
	memcpy(before, sector, ORDER);
	memcpy(sector, tag, ORDER);
	return pwrite(disk, sector, SECTOR, 0) == SECTOR && fsync(disk) == 0;
}

static int read_order(int port, char *order)
{
	for (int got = 0; got < ORDER;) {
		ssize_t n = read(port, order + got, ORDER - got);

		if (n <= 0)
			return 0;
		got += n;
	}
	return 1;
}

int main(int argc, char **argv)
{
	char order[ORDER], before[ORDER + 1] = "", answer[32];
	int port, disk;

	if (argc > 1 && !strcmp(argv[1], "true"))
		return 0;
	early_boot();
	port = open_port();
	disk = open("/dev/vda", O_RDWR | O_DIRECT);
	if (write(port, "up\n", 3) != 3)
		return 1;
	while (read_order(port, order)) {
		int good;

		if (order[0] == 's')
			spin();
		good = run_true();
		if (order[0] == 'd')
			good = good && swap_tag(disk, order, before);
		else
			before[0] = '\0';
		before[strcspn(before, "\n")] = '\0';
		snprintf(answer, sizeof(answer), good ? "done%s%s\n" : "failed\n", before[0] ? " " : "", before);
		if (write(port, answer, strlen(answer)) < 0)
			return 1;
	}
	return 1;
}
