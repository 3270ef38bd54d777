/*
 * Forks a zygote again and again; each child runs a program, writes its own disk, and is killed. The first that does not
 * ends the soak with a failure. Beside that, the same machine by an incoming migration.
 *
 *   fork-soak QEMU KERNEL INITRAMFS LIBRARY RELAY DIRECTORY FORKS COMPARED
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
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "adoption.h"
#include "inspection.h"
#include "machine.h"
#include "zygote.h"

enum { DISK_BYTES = 1 << 20, WARM_RUNS = 30, MOST_ALIVE = 4, TAG = 8 };

static const char warm[] = "d warm \n", run[] = "run    \n";

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
	printf("  %-36s median %8.2f  mean %8.2f  p99 %8.2f  max %8.2f %s  (%d)\n", what, samples->values[samples->count / 2],
	       sum / samples->count, samples->values[samples->count * 99 / 100], samples->values[samples->count - 1], unit,
	       samples->count);
}

/* A sum over all of a process's memory, by the kernel's name for it. */
static double memory_mib(pid_t pid, const char *name)
{
	char path[64], line[256];
	long kib = -1;
	FILE *rollup;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	rollup = fopen(path, "r");
	while (rollup && kib < 0 && fgets(line, sizeof(line), rollup))
		if (!strncmp(line, name, strlen(name)))
			kib = atol(line + strlen(name));
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
	guest_ask(machine.lines.agent, run, answer, sizeof(answer));
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
	struct samples vmm, relay, latency, pss, own;
	double zygote, seconds;
};

struct zygote {
	struct machine machine;
	const struct files *files;
	struct numbers numbers;
	const char *self;
};

/* As many at once as ALIVE says; all have done their work, and written their disk, before the first is ended. */
static void one_round(const struct zygote *zygote, int id, int alive, struct account *account)
{
	struct child children[MOST_ALIVE];
	char tags[MOST_ALIVE][TAG + 1], answer[64];
	double begin = now_ms(CLOCK_MONOTONIC);

	for (int i = 0; i < alive; i++) {
		snprintf(tags[i], sizeof(tags[i]), "d%6x\n", (unsigned)(id + i) & 0xffffff);
		zygote_fork(&zygote->machine, zygote->files, &zygote->numbers, zygote->self, i, tags[i], &children[i]);
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
		if (id % 100 < MOST_ALIVE) {
			keep(&account->pss, memory_mib(children[i].vmm, "Pss:"));
			keep(&account->own, memory_mib(children[i].vmm, "Private_Dirty:"));
		}
	}
	for (int i = 0; i < alive; i++) {
		struct cost cost = child_end(&children[i]);

		keep(&account->vmm, cost.vmm / 1e3);
		keep(&account->relay, cost.relay / 1e3);
	}
}

/* What the incoming migration is to be compared with: one machine at a time, which does no more than run a program. */
static void one_run(const struct zygote *zygote, struct account *account)
{
	struct child child;
	char answer[64];
	double begin = now_ms(CLOCK_MONOTONIC);

	zygote_fork(&zygote->machine, zygote->files, &zygote->numbers, zygote->self, 0, run, &child);
	guest_hear(child.lines.agent, answer, sizeof(answer));
	if (strcmp(answer, "done"))
		die("a machine said %s", answer);
	keep(&account->latency, now_ms(CLOCK_MONOTONIC) - begin);
	struct cost cost = child_end(&child);
	keep(&account->vmm, cost.vmm / 1e3);
	keep(&account->relay, cost.relay / 1e3);
}

static void print_account(const char *what, struct account *account)
{
	int count = account->vmm.count;

	printf("%s: %d machines in %.1f s, %.0f a second, none failed\n", what, count, account->seconds, count / account->seconds);
	print("processor time, machine", &account->vmm, "ms");
	print("processor time, relay from its birth", &account->relay, "ms");
	printf("  %-36s mean   %8.2f ms\n", "processor time, zygote", account->zygote / count);
	print("order until done, one at a time", &account->latency, "ms");
	print("PSS when done, up to 4 alive", &account->pss, "MiB");
	print("of it written by itself", &account->own, "MiB");
}

static void start_clocks(struct account *account, const struct zygote *zygote)
{
	account->zygote = -processor_ms(zygote->machine.pid);
	account->seconds = -now_ms(CLOCK_MONOTONIC) / 1e3;
}

static void stop_clocks(struct account *account, const struct zygote *zygote)
{
	account->zygote += processor_ms(zygote->machine.pid);
	account->seconds += now_ms(CLOCK_MONOTONIC) / 1e3;
}

static void refusals(const struct zygote *zygote)
{
	const struct machine *machine = &zygote->machine;
	char answer[64];

	/* While the guest computes, its processor's thread does not wait. */
	control_ask(machine->lines.control, "{\"execute\":\"cont\"}", "\"return\"");
	if (send(machine->lines.agent, "spin   \n", TAG, MSG_NOSIGNAL) != TAG)
		die("asking the guest to spin");
	zygote_must_refuse(machine, zygote->self, ETIMEDOUT, "waiting for the threads");
	guest_hear(machine->lines.agent, answer, sizeof(answer));
	control_ask(machine->lines.control, "{\"execute\":\"stop\"}", "\"return\"");
	/* Nothing is given in place of the agent's line, which two machines must not share. */
	zygote_must_refuse(machine, zygote->self, EOPNOTSUPP, "descriptor");
}

/* A look at one machine before it has begun to do anything, and then the end of its relay, which must be its own. */
static void look_at_one(const struct zygote *zygote)
{
	struct child child;
	char answer[64];

	zygote_fork(&zygote->machine, zygote->files, &zygote->numbers, zygote->self, 0, run, &child);
	expect_own_descriptors(zygote->machine.pid, child.vmm);
	expect_same_threads(zygote->machine.pid, child.vmm);
	guest_hear(child.lines.agent, answer, sizeof(answer));
	child_must_die_with_relay(&child);
}

static void soak(const struct files *files, const char *self, const char *relay, const char *directory, int forks, int compared)
{
	struct account all = { 0 }, single = { 0 };
	struct zygote zygote = { .files = files, .self = self };

	thaw(&zygote.machine, files, ZYGOTE);
	warm_up(&zygote.machine);
	zygote.numbers = zygote_numbers(&zygote.machine, files);
	refusals(&zygote);
	look_at_one(&zygote);
	adoption(&zygote.machine, files, &zygote.numbers, relay, directory);

	start_clocks(&single, &zygote);
	for (int i = 0; i < compared; i++)
		one_run(&zygote, &single);
	stop_clocks(&single, &zygote);

	start_clocks(&all, &zygote);
	for (int id = 0, alive = 1; id < forks; id += alive, alive = 1 + alive % MOST_ALIVE)
		one_round(&zygote, id, alive, &all);
	stop_clocks(&all, &zygote);

	expect_tag(files->disk, warm);
	expect_no_children(zygote.machine.pid);
	print_account("forks that write their disk, up to 4 alive", &all);
	print_account("forks, one at a time", &single);
	machine_kill(&zygote.machine);
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
		guest_ask(machine.lines.agent, run, answer, sizeof(answer));
		keep(&latency, now_ms(CLOCK_MONOTONIC) - begin);
		keep(&pss, memory_mib(machine.pid, "Pss:"));
		kill(machine.pid, SIGKILL);
		wait4(machine.pid, NULL, 0, &usage);
		keep(&processor, microseconds(&usage) / 1e3);
		lines_close(&machine.lines);
	}
	printf("incoming migrations, one at a time: %d machines\n", count);
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
	if (argc != 9 || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		die("usage: fork-soak QEMU KERNEL INITRAMFS LIBRARY RELAY DIRECTORY FORKS COMPARED");
	struct files files = { .qemu = argv[1], .kernel = argv[2], .initramfs = argv[3], .preload = argv[4] };
	place(files.ram, sizeof(files.ram), argv[6], "ram");
	place(files.state, sizeof(files.state), argv[6], "state");
	place(files.disk, sizeof(files.disk), argv[6], "disk");
	place(files.log, sizeof(files.log), argv[6], "log");
	setvbuf(stdout, NULL, _IOLBF, 0);

	int disk = open(files.disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (disk < 0 || ftruncate(disk, DISK_BYTES) < 0)
		die("the disk");
	close(disk);
	freeze(&files);
	soak(&files, self, argv[5], argv[6], atoi(argv[7]), atoi(argv[8]));
	incoming(&files, atoi(argv[8]));
	return 0;
}
