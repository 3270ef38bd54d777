/*
 * The least that an agent can do: load the modules that the port needs, and do what each byte from the port says.
 *   !  run a program to its end
 *   <  take 64 MiB from the port, in pieces of 32 KiB, and throw them away, as `dd of=/dev/null` would
 *   >  write as much to it, of `dd if=/dev/zero`
 * When it is done it says so, but after `>`, which needs no more words.
 */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "../guest/early.h"

enum { PIECE = 32 << 10, BULK = 64 << 20 };

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

static int zero, null;

static ssize_t take(int port, size_t len)
{
	ssize_t n = read(port, piece, len);

	return n > 0 ? write(null, piece, (size_t)n) : n;
}

static ssize_t give(int port, size_t len)
{
	ssize_t n = read(zero, piece, len);

	return n > 0 ? write(port, piece, (size_t)n) : n;
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
	while (read(port, &byte, 1) == 1) {
		if (byte == '!')
			run();
		if (byte == '<' && move(port, take) < 0)
			return 1;
		if (byte == '>' && move(port, give) < 0)
			return 1;
		if (byte != '>' && write(port, "done\n", 5) < 0)
			return 1;
	}
	return 1;
}
