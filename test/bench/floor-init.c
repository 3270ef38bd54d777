/*
 * The least that an agent can do: load the modules that the port needs, and do what each byte from the port says.
 *   !  run a program to its end
 *   <  take 64 MiB from the port, in pieces of 32 KiB, and throw them away, as `dd of=/dev/null` would
 *   >  write as much to it, of `dd if=/dev/zero`
 *   )  as `>`, but out of a pipe, which somebody else writes
 *   w  as `<`, but into a file in memory
 *   r  as `>`, but out of that file
 * When it is done it says so, but after `>`, `)` and `r`, which need no more words.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/wait.h>

#include "../guest/early.h"

enum { PIECE = 32 << 10, BULK = 64 << 20, PIPE = 256 << 10 };

static char piece[PIECE];

static void run(void)
{
	if (fork() == 0) {
		execl("/init", "init", "true", (char *)0);
		_exit(127);
	}
	wait(0);
}

static int move(int port, ssize_t (*some)(int, size_t))
{
	for (size_t left = BULK; left > 0;) {
		ssize_t n = some(port, left < PIECE ? left : PIECE);

		if (n <= 0)
			return -1;
		left -= (size_t)n;
	}
	return 0;
}

static int zero, null, pipe_end, file;

static ssize_t pass(int from, int to, size_t len)
{
	ssize_t n = read(from, piece, len);

	return n > 0 ? write(to, piece, (size_t)n) : n;
}

static ssize_t take(int port, size_t len)
{
	return pass(port, null, len);
}

static ssize_t give(int port, size_t len)
{
	return pass(zero, port, len);
}

static ssize_t give_from_pipe(int port, size_t len)
{
	struct pollfd there = { .fd = pipe_end, .events = POLLIN };

	(void)len;
	/* The port takes an empty pipe for an ended one. */
	poll(&there, 1, -1);
	return splice(pipe_end, 0, port, 0, PIPE, 0);
}

static ssize_t take_to_file(int port, size_t len)
{
	return pass(port, file, len);
}

static ssize_t give_from_file(int port, size_t len)
{
	return pass(file, port, len);
}

/* What is at the other end of the pipe does what a command would. */
static int move_piped(int port)
{
	int ends[2], failed;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	fcntl(ends[0], F_SETPIPE_SZ, PIPE);
	if (fork() == 0)
		_exit(move(ends[1], give) < 0);
	pipe_end = ends[0];
	close(ends[1]);
	failed = move(port, give_from_pipe);
	close(pipe_end);
	wait(0);
	return failed;
}

/* Of a file that has been there before, as one that is read has been. */
static int move_file(int port, int into)
{
	lseek(file, 0, SEEK_SET);
	if (into && ftruncate(file, 0) < 0)
		return -1;
	return move(port, into ? take_to_file : give_from_file);
}

static int work(int port, char what)
{
	switch (what) {
	case '!':
		run();
		return 0;
	case '<':
		return move(port, take);
	case '>':
		return move(port, give);
	case ')':
		return move_piped(port);
	case 'w':
	case 'r':
		return move_file(port, what == 'w');
	}
	return -1;
}

int main(int argc, char **argv)
{
	int port;
	char byte;

	if (argc > 1 && !strcmp(argv[1], "true"))
		return 0;
	early_boot();
	port = open_port();
	zero = open("/dev/zero", O_RDONLY);
	null = open("/dev/null", O_WRONLY);
	file = open("/bulk", O_RDWR | O_CREAT, 0600);
	while (read(port, &byte, 1) == 1) {
		if (work(port, byte) < 0)
			return 1;
		if (!strchr(">)r", byte) && write(port, "done\n", 5) < 0)
			return 1;
	}
	return 1;
}
