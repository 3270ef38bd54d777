/*
 * Forks a zygote again and again; each child runs a program, writes its own disk, and is killed. The first that does not
 * ends the soak with a failure. Beside that, the same machine by an incoming migration.
 *
 *   soak QEMU KERNEL INITRAMFS LIBRARY DIRECTORY FORKS INCOMINGS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"
#include "zygote.h"

enum { DISK_BYTES = 1 << 20, WARM_RUNS = 30, MOST_ALIVE = 4, TAG = 8 };

static const char warm[] = "d warm \n";

struct samples {
	double *values;
	int count;
};

static double now_ms(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) < 0)
		die("clock_gettime");
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static double processor_ms(pid_t pid)
{
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0)
		die("the processor time of %d", pid);
	return now_ms(clock);
}

static void keep(struct samples *samples, double value)
{
	samples->values = realloc(samples->values, (samples->count + 1) * sizeof(double));
	if (!samples->values)
		die("memory");
	samples->values[samples->count++] = value;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(const char *what, struct samples *samples, const char *unit)
{
	if (!samples->count)
		return;
	qsort(samples->values, samples->count, sizeof(double), by_size);
	double sum = 0;
	for (int i = 0; i < samples->count; i++)
		sum += samples->values[i];
	printf("  %-34s median %8.2f  mean %8.2f  p99 %8.2f  max %8.2f %s  (%d)\n", what, samples->values[samples->count / 2],
	       sum / samples->count, samples->values[samples->count * 99 / 100], samples->values[samples->count - 1], unit,
	       samples->count);
}

static double pss_mib(pid_t pid)
{
	char path[64], line[256];
	long kib = -1;
	FILE *rollup;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	rollup = fopen(path, "r");
	while (rollup && fgets(line, sizeof(line), rollup))
		if (sscanf(line, "Pss: %ld", &kib) == 1)
			break;
	if (rollup)
		fclose(rollup);
	return kib / 1024.0;
}

static void expect_tag(const char *disk, const char *tag)
{
	char seen[TAG];
	int fd = open(disk, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, seen, TAG) != TAG)
		die("reading %s", disk);
	close(fd);
	if (memcmp(seen, tag, TAG))
		die("%s holds %.8s, not %.8s", disk, seen, tag);
}

static void freeze(const struct files *files)
{
	struct machine machine;
	char answer[64];

	machine_start(&machine, files, files->disk, COLD);
	guest_hear(machine.lines.agent, answer, sizeof(answer));
	guest_ask(machine.lines.agent, "run    \n", answer, sizeof(answer));
	control_negotiate(machine.lines.control);
	machine_freeze(&machine, files);
	machine_kill(&machine);
}

static void thaw(struct machine *machine, const struct files *files, enum machine_kind kind)
{
	machine_start(machine, files, files->disk, kind);
	control_negotiate(machine->lines.control);
	machine_thaw(machine);
}

static void warm_up(struct machine *zygote)
{
	char answer[64];

	control_ask(zygote->lines.control, "{\"execute\":\"cont\"}", "\"return\"");
	for (int i = 0; i < WARM_RUNS; i++)
		guest_ask(zygote->lines.agent, warm, answer, sizeof(answer));
	control_ask(zygote->lines.control, "{\"execute\":\"stop\"}", "\"return\"");
}

struct account {
	struct samples vmm, relay, latency, pss;
};

/* As many at once as ALIVE says; all have done their work before the first is ended. */
static void one_round(const struct machine *zygote, const struct files *files, const struct numbers *numbers, const char *self,
		      int id, int alive, struct account *account)
{
	struct child children[MOST_ALIVE];
	char tags[MOST_ALIVE][TAG + 1], answer[64];
	double begin = now_ms(CLOCK_MONOTONIC);

	for (int i = 0; i < alive; i++) {
		snprintf(tags[i], sizeof(tags[i]), "d%6x\n", (unsigned)(id + i) & 0xffffff);
		zygote_fork(zygote, files, numbers, self, i, tags[i], &children[i]);
	}
	for (int i = 0; i < alive; i++) {
		guest_hear(children[i].lines.agent, answer, sizeof(answer));
		if (strncmp(answer, "done d warm ", strlen("done d warm ")))
			die("machine %d said %s", id + i, answer);
	}
	if (alive == 1)
		keep(&account->latency, now_ms(CLOCK_MONOTONIC) - begin);
	for (int i = 0; i < alive; i++) {
		expect_tag(children[i].disk, tags[i]);
		if (id % 100 < MOST_ALIVE)
			keep(&account->pss, pss_mib(children[i].vmm));
	}
	for (int i = 0; i < alive; i++) {
		struct cost cost = child_end(&children[i]);

		keep(&account->vmm, cost.vmm / 1e3);
		keep(&account->relay, cost.relay / 1e3);
	}
}

static void soak(const struct files *files, const char *self, int forks)
{
	struct account account = { 0 };
	struct machine zygote;
	int id = 0;

	thaw(&zygote, files, ZYGOTE);
	warm_up(&zygote);
	struct numbers numbers = zygote_numbers(&zygote, files);
	double processor = processor_ms(zygote.pid), begin = now_ms(CLOCK_MONOTONIC);

	for (int turn = 0; id < forks; turn++) {
		int alive = 1 + turn % MOST_ALIVE;

		one_round(&zygote, files, &numbers, self, id, alive, &account);
		id += alive;
	}
	double seconds = (now_ms(CLOCK_MONOTONIC) - begin) / 1e3;
	expect_tag(files->disk, warm);
	printf("by fork: %d machines in %.1f s, %.0f a second, none failed\n", id, seconds, id / seconds);
	print("processor time, machine", &account.vmm, "ms");
	print("processor time, relay from its birth", &account.relay, "ms");
	printf("  %-34s mean   %8.2f ms\n", "processor time, zygote", (processor_ms(zygote.pid) - processor) / id);
	print("order until done, one at a time", &account.latency, "ms");
	print("PSS when done, up to 4 alive", &account.pss, "MiB");
	machine_kill(&zygote);
}

static void incoming(const struct files *files, int count)
{
	struct samples processor = { 0 }, latency = { 0 }, pss = { 0 };

	for (int i = 0; i < count; i++) {
		struct rusage usage;
		struct machine machine;
		char answer[64];
		double begin = now_ms(CLOCK_MONOTONIC);

		thaw(&machine, files, INCOMING);
		control_ask(machine.lines.control, "{\"execute\":\"cont\"}", "\"return\"");
		guest_ask(machine.lines.agent, "run    \n", answer, sizeof(answer));
		keep(&latency, now_ms(CLOCK_MONOTONIC) - begin);
		keep(&pss, pss_mib(machine.pid));
		kill(machine.pid, SIGKILL);
		wait4(machine.pid, NULL, 0, &usage);
		keep(&processor, usage.ru_utime.tv_sec * 1e3 + usage.ru_utime.tv_usec / 1e3 + usage.ru_stime.tv_sec * 1e3 +
					 usage.ru_stime.tv_usec / 1e3);
		lines_close(&machine.lines);
	}
	printf("by an incoming migration: %d machines\n", count);
	print("processor time", &processor, "ms");
	print("start until done", &latency, "ms");
	print("PSS when done", &pss, "MiB");
}

static void place(char *path, size_t size, const char *directory, const char *name)
{
	if (snprintf(path, size, "%s/%s", directory, name) >= (int)size)
		die("a path that is too long");
}

int main(int argc, char **argv)
{
	char self[PATH_MAX] = "";

	if (argc == 3 && !strcmp(argv[1], "--relay"))
		return relay_main(atoi(argv[2]));
	if (argc != 8 || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		die("usage: soak QEMU KERNEL INITRAMFS LIBRARY DIRECTORY FORKS INCOMINGS");
	struct files files = { .qemu = argv[1], .kernel = argv[2], .initramfs = argv[3], .library = argv[4] };
	place(files.ram, sizeof(files.ram), argv[5], "ram");
	place(files.state, sizeof(files.state), argv[5], "state");
	place(files.disk, sizeof(files.disk), argv[5], "disk");
	place(files.log, sizeof(files.log), argv[5], "log");
	setvbuf(stdout, NULL, _IOLBF, 0);

	int disk = open(files.disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (disk < 0 || ftruncate(disk, DISK_BYTES) < 0)
		die("the disk");
	close(disk);
	freeze(&files);
	soak(&files, self, atoi(argv[6]));
	incoming(&files, atoi(argv[7]));
	return 0;
}
