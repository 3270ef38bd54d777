#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

enum { ANSWER_MS = 30000, MOST_ARGUMENTS = 64, MEMORY_MIB = 256 };

void die(const char *format, ...)
{
	va_list arguments;
	int error = errno;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, " (errno: %s)\n", strerror(error));
	exit(1);
}

static void make_pair(int *ours, int *theirs, int type)
{
	int fds[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) < 0)
		die("socketpair");
	*ours = fds[0];
	*theirs = fds[1];
}

void lines_make(struct lines *ours, struct lines *theirs)
{
	make_pair(&ours->agent, &theirs->agent, SOCK_STREAM);
	make_pair(&ours->console, &theirs->console, SOCK_STREAM);
	make_pair(&ours->control, &theirs->control, SOCK_STREAM);
}

void lines_close(struct lines *lines)
{
	close(lines->agent);
	close(lines->console);
	close(lines->control);
}

/* The guest's clock is the host's; by itself it would measure it against an emulated timer. */
static long tsc_khz(void)
{
	const long long wanted_ns = 20000000;
	struct timespec begin, now;
	long long ns;
	uint64_t first;

	clock_gettime(CLOCK_MONOTONIC_RAW, &begin);
	first = __rdtsc();
	do {
		clock_gettime(CLOCK_MONOTONIC_RAW, &now);
		ns = (now.tv_sec - begin.tv_sec) * 1000000000LL + now.tv_nsec - begin.tv_nsec;
	} while (ns < wanted_ns);
	return (long)((__rdtsc() - first) * 1000000.0 / ns);
}

/* All processes of a run must be told the same, for the state is one machine's. */
static const char *kernel_command_line(void)
{
	static char line[256];

	if (!line[0])
		snprintf(line, sizeof(line),
			 "console=ttyS0 quiet loglevel=4 panic=-1 reboot=t no_timer_check tsc=reliable tsc_early_khz=%ld",
			 tsc_khz());
	return line;
}

struct command {
	const char *argv[MOST_ARGUMENTS];
	char text[MOST_ARGUMENTS][512];
	int count;
};

static void add(struct command *command, const char *format, ...)
{
	va_list arguments;

	if (command->count == MOST_ARGUMENTS - 1)
		die("a command line that is too long");
	va_start(arguments, format);
	vsnprintf(command->text[command->count], sizeof(command->text[0]), format, arguments);
	va_end(arguments);
	command->argv[command->count] = command->text[command->count];
	command->argv[++command->count] = NULL;
}

static void describe(struct command *command, const struct files *files, const char *disk, enum machine_kind kind)
{
	static const char *const plain[] = {
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
		"-accel", "tcg", "-cpu", "qemu64", "-smp", "1",
		"-global", "virtio-mmio.force-legacy=false",
		"-chardev", "socket,id=console,fd=4", "-serial", "chardev:console",
		"-chardev", "socket,id=agent,fd=3", "-device", "virtio-serial-device",
		"-device", "virtserialport,chardev=agent,name=agent",
		"-chardev", "socket,id=control,fd=5", "-mon", "chardev=control,mode=control",
		"-device", "virtio-blk-device,drive=disk",
	};

	add(command, "%s", files->qemu);
	add(command, "-object");
	add(command, "memory-backend-file,id=ram,size=%dM,mem-path=%s,share=%s", MEMORY_MIB, files->ram,
	    kind == COLD ? "on" : "off");
	add(command, "-machine");
	add(command, "microvm,acpi=on,rtc=on,isa-serial=on,pcie=off,usb=off,memory-backend=ram");
	add(command, "-m");
	add(command, "%dM", MEMORY_MIB);
	add(command, "-kernel");
	add(command, "%s", files->kernel);
	add(command, "-initrd");
	add(command, "%s", files->initramfs);
	add(command, "-append");
	add(command, "%s", kernel_command_line());
	add(command, "-drive");
	add(command, "if=none,id=disk,format=raw,file=%s,file.locking=off,werror=report,rerror=report", disk);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		add(command, "%s", plain[i]);
	if (kind != COLD) {
		add(command, "-S");
		add(command, "-incoming");
		add(command, "defer");
	}
}

static void become(const struct command *command, const struct files *files, enum machine_kind kind,
		   int (*born_with)[BORN_WITH])
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < BORN_WITH; i++)
		(*born_with)[i] = fcntl((*born_with)[i], F_DUPFD_CLOEXEC, BORN_WITH);
	for (int i = 0; i < BORN_WITH; i++)
		if ((*born_with)[i] >= 0)
			dup2((*born_with)[i], i);
	close_range(BORN_WITH, ~0U, 0);
	if (kind == ZYGOTE) {
		setenv("LD_PRELOAD", files->preload, 1);
		setenv("MSB_FORK_FD", "6", 1);
	}
	execv(command->argv[0], (char **)command->argv);
	_exit(127);
}

void machine_start(struct machine *machine, const struct files *files, const char *disk, enum machine_kind kind)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log = open(files->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int state = open(files->state, O_RDWR | O_CREAT | (kind == COLD ? O_TRUNC : 0) | O_CLOEXEC, 0600);
	struct command command = { .count = 0 };
	struct lines theirs;
	int fork_theirs = -1;

	if (null < 0 || log < 0 || state < 0)
		die("the files of a machine");
	describe(&command, files, disk, kind);
	lines_make(&machine->lines, &theirs);
	machine->fork = -1;
	if (kind == ZYGOTE)
		make_pair(&machine->fork, &fork_theirs, SOCK_SEQPACKET);

	machine->pid = fork();
	if (machine->pid < 0)
		die("fork");
	if (machine->pid == 0) {
		int born_with[BORN_WITH] = { null, log, log, theirs.agent, theirs.console, theirs.control, fork_theirs, state };

		become(&command, files, kind, &born_with);
	}
	close(null);
	close(log);
	close(state);
	if (fork_theirs >= 0)
		close(fork_theirs);
	lines_close(&theirs);
}

void machine_kill(struct machine *machine)
{
	kill(machine->pid, SIGKILL);
	waitpid(machine->pid, NULL, 0);
	lines_close(&machine->lines);
	if (machine->fork >= 0)
		close(machine->fork);
}

/* One line, without its end, and nothing of the next. */
static void hear_line(int fd, char *line, size_t size)
{
	size_t length = 0;

	for (;;) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		char got[256];
		ssize_t n;

		if (poll(&readable, 1, ANSWER_MS) != 1)
			die("no answer on descriptor %d; so far: %.*s", fd, (int)length, line);
		n = recv(fd, got, sizeof(got), MSG_PEEK);
		if (n <= 0)
			die("descriptor %d has ended", fd);
		char *end = memchr(got, '\n', n);
		ssize_t take = end ? end - got + 1 : n;

		if (length + take >= size)
			die("a line that is too long");
		n = recv(fd, line + length, take, 0);
		length += n;
		if (end)
			break;
	}
	line[length - 1] = '\0';
}

static void say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		die("descriptor %d takes nothing", fd);
}

static void control_hear(int control, const char *until)
{
	char line[16384];

	do {
		hear_line(control, line, sizeof(line));
		if (strstr(line, "\"error\""))
			die("QEMU: %s", line);
	} while (!strstr(line, until));
}

void control_ask(int control, const char *command, const char *until)
{
	say(control, command);
	control_hear(control, until);
}

void control_negotiate(int control)
{
	control_hear(control, "\"QMP\"");
	control_ask(control, "{\"execute\":\"qmp_capabilities\"}", "\"return\"");
}

void guest_hear(int agent, char *answer, size_t size)
{
	hear_line(agent, answer, size);
}

void guest_ask(int agent, const char *order, char *answer, size_t size)
{
	say(agent, order);
	hear_line(agent, answer, size);
}

/* The memory is in its file; all else goes through the stream. */
static void only_the_rest(int control)
{
	control_ask(control,
		    "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":["
		    "{\"capability\":\"x-ignore-shared\",\"state\":true},{\"capability\":\"events\",\"state\":true}]}}",
		    "\"return\"");
}

void machine_freeze(struct machine *machine, const struct files *files)
{
	char migrate[4608];

	control_ask(machine->lines.control, "{\"execute\":\"stop\"}", "\"return\"");
	only_the_rest(machine->lines.control);
	/* By way of a shell, because an outgoing stream cannot be told a descriptor that was inherited. */
	snprintf(migrate, sizeof(migrate), "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"exec:cat > '%s'\"}}", files->state);
	control_ask(machine->lines.control, migrate, "\"completed\"");
}

void machine_thaw(struct machine *machine)
{
	only_the_rest(machine->lines.control);
	control_ask(machine->lines.control, "{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"fd:7\"}}", "\"completed\"");
}
