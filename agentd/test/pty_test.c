// SPDX-License-Identifier: Apache-2.0
// uses: pty.c failure.c
/* On terminals of this machine, where it has any to give. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "pty.h"
#include "tap.h"

static const struct msg_window window = { .rows = 33, .cols = 65535 };

/* What is typed, up to a second later, as the command reads it. */
static ssize_t read_line(const struct pty *t, char *line, size_t size)
{
	struct pollfd p = { .fd = t->theirs, .events = POLLIN };

	return poll(&p, 1, 1000) == 1 ? read(t->theirs, line, size) : -1;
}

static bool types(const struct pty *t, const void *text, size_t n)
{
	return write(t->ours, text, n) == (ssize_t)n;
}

static void size_and_modes(const struct pty *t)
{
	const struct msg_window other = { .rows = 1, .cols = 2 };
	struct winsize size;
	struct termios modes;

	ok(ioctl(t->theirs, TIOCGWINSZ, &size) == 0 && size.ws_row == 33 && size.ws_col == 65535, "it has the size that was asked for");
	pty_resize(t->ours, &other);
	ok(ioctl(t->theirs, TIOCGWINSZ, &size) == 0 && size.ws_row == 1 && size.ws_col == 2, "and can be given another");
	ok(tcgetattr(t->theirs, &modes) == 0 && modes.c_iflag & IUTF8, "a character may have many bytes");
	ok(isatty(t->theirs) && fcntl(t->theirs, F_GETFD) == FD_CLOEXEC && fcntl(t->ours, F_GETFD) == FD_CLOEXEC, "nobody inherits it by chance");
	ok(read(t->ours, &size, 1) < 0 && errno == EAGAIN, "our end never waits");
}

static void end_of_file(const struct pty *t)
{
	struct termios modes;
	uint8_t eof[2];
	char line[16];

	ok(pty_eof(t->ours, false, eof) == 1 && eof[0] == 4 && types(t, eof, 1) && read_line(t, line, sizeof(line)) == 0, "one character is the end of file");
	ok(types(t, "ab", 2) && pty_eof(t->ours, true, eof) == 2 && types(t, eof, 2) && read_line(t, line, sizeof(line)) == 2 &&
	   read_line(t, line, sizeof(line)) == 0, "within a line it takes two");
	tcgetattr(t->theirs, &modes);
	modes.c_lflag &= ~(tcflag_t)ICANON;
	tcsetattr(t->theirs, TCSANOW, &modes);
	ok(pty_eof(t->ours, true, eof) == 1, "one for whoever reads it character by character");
	modes.c_cc[VEOF] = 'x';
	tcsetattr(t->theirs, TCSANOW, &modes);
	ok(pty_eof(t->ours, false, eof) == 1 && eof[0] == 'x', "it is what the terminal says that it is");
	modes.c_cc[VEOF] = _POSIX_VDISABLE;
	tcsetattr(t->theirs, TCSANOW, &modes);
	ok(pty_eof(t->ours, true, eof) == 0, "where it has none, none is typed");
}

/* Gives a child the terminal; its exit status says at which step it failed. */
static void session(struct pty *t)
{
	char echoed[16];
	pid_t group = 0;
	pid_t leader;
	int status;

	while (read(t->ours, echoed, sizeof(echoed)) > 0)
		;
	leader = fork();
	if (leader == 0) {
		char go;

		if (setsid() < 0 || ioctl(t->theirs, TIOCSCTTY, 0) < 0 || write(t->theirs, "x", 1) != 1)
			_exit(1);
		_exit(read(t->theirs, &go, 1) == 1 ? 0 : 2);
	}
	close(t->theirs);
	t->theirs = -1;
	if (poll(&(struct pollfd){ .fd = t->ours, .events = POLLIN }, 1, 1000) == 1)
		group = pty_foreground(t->ours, leader);
	ok(group == leader, "who has it as the controlling terminal is in its foreground");
	ok(pty_foreground(t->ours, 1) == 0, "and is of no other session");
	ok(types(t, "\n", 1) && waitpid(leader, &status, 0) == leader && status == 0, "the command ends");
	ok(pty_foreground(t->ours, leader) == 0, "nobody is in the foreground any more");
}

int main(void)
{
	struct failure f;
	struct pty t;

	ok(!pty_open(&t, &window, getuid(), &f) && !strcmp(f.kind, "pty_setup_failed") && f.err == EBADF &&
	   !strcmp(f.stage, "open(ptmx)") && t.ours == -1 && t.theirs == -1, "without devpts there is none, and it is said where");
	/* Its ptmx is everybody's, the one in /dev/pts need not be. */
	pty_init("/dev");
	if (!pty_open(&t, &window, getuid(), &f)) {
		ok(true, "terminals # SKIP %s", f.message);
		return tap_done();
	}
	size_and_modes(&t);
	end_of_file(&t);
	session(&t);
	close(t.ours);
	return tap_done();
}
