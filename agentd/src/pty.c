// SPDX-License-Identifier: Apache-2.0
#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "plan.h"

static int dir_fd = -1;

void pty_init(const char *dir)
{
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void pty_explain(int err, const char *stage, struct failure *f)
{
	failure_set(f, "pty_setup_failed", err, stage, "no terminal for the command: %s: %s", stage, strerror(err));
}

static struct winsize winsize_of(const struct msg_window *w)
{
	return (struct winsize){ .ws_row = (unsigned short)w->rows, .ws_col = (unsigned short)w->cols };
}

/* The step that failed, with errno, or NULL. */
static const char *set_up(struct pty *t, const struct msg_window *w, uid_t owner)
{
	const struct winsize size = winsize_of(w);
	struct termios modes;
	int locked = 0;

	/* Not by way of a path and the terminal's number: those names are the guest's to change. */
	t->ours = openat(dir_fd, "ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (t->ours < 0)
		return "open(ptmx)";
	if (ioctl(t->ours, TIOCSPTLCK, &locked) < 0)
		return "ioctl(TIOCSPTLCK)";
	t->theirs = ioctl(t->ours, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->theirs < 0)
		return "ioctl(TIOCGPTPEER)";
	if (ioctl(t->ours, TIOCSWINSZ, &size) < 0)
		return "ioctl(TIOCSWINSZ)";
	/* So that one backspace takes a whole character away, however many bytes it has. */
	if (tcgetattr(t->theirs, &modes) < 0)
		return "tcgetattr";
	modes.c_iflag |= IUTF8;
	if (tcsetattr(t->theirs, TCSANOW, &modes) < 0)
		return "tcsetattr";
	/* The file is root's, and a program may open its terminal anew: by name, or as /dev/stdout. */
	if (fchown(t->theirs, owner, (gid_t)-1) < 0)
		return "fchown";
	return NULL;
}

bool pty_open(struct pty *t, const struct msg_window *w, uid_t owner, struct failure *f)
{
	const char *failed;

	*t = (struct pty){ .ours = -1, .theirs = -1 };
	failed = set_up(t, w, owner);
	if (!failed)
		return true;
	pty_explain(errno, failed, f);
	if (t->theirs >= 0)
		close(t->theirs);
	if (t->ours >= 0)
		close(t->ours);
	return false;
}

void pty_resize(int ours, const struct msg_window *w)
{
	const struct winsize size = winsize_of(w);

	/* Cannot fail: the descriptor is a terminal's, and the size has been checked. */
	ioctl(ours, TIOCSWINSZ, &size);
}

size_t pty_eof(int ours, bool within_line, uint8_t typed[2])
{
	struct termios modes;

	if (tcgetattr(ours, &modes) < 0 || modes.c_cc[VEOF] == _POSIX_VDISABLE)
		return 0;
	typed[0] = typed[1] = modes.c_cc[VEOF];
	return within_line && modes.c_lflag & ICANON ? 2 : 1;
}

pid_t pty_foreground(int ours, pid_t session)
{
	pid_t group = tcgetpgrp(ours);

	return group > 0 && getsid(group) == session ? group : 0;
}
