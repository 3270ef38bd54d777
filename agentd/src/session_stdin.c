// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bounds.h"
#include "pty.h"
#include "session.h"

static void refuse(struct session *s, int err, const char *message)
{
	s->in_error = err;
	msg_send_stdin_error(s->all->out, s->id, err, message);
}

void session_stdin_close(struct session *s)
{
	loop_close(s->all->loop, &s->in);
	buf_free(&s->inq);
}

/* Told in portions: a frame for each write would be as many again as carry data. */
static void tell_taken(struct session *s, size_t n)
{
	s->in_taken += n;
	if (s->in_taken < TAKEN_STEP)
		return;
	msg_send_taken(s->all->out, s->id, s->in_taken);
	s->in_taken = 0;
}

/* Writes what the pipe takes; closes it when the end has been reached. */
static void flush(struct session *s)
{
	while (s->inq.len > 0) {
		struct span wait = buf_span(&s->inq);
		ssize_t n = write(s->in.fd, wait.p, wait.len);

		if (n > 0) {
			buf_consume(&s->inq, (size_t)n);
			tell_taken(s, (size_t)n);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		/* The command reads no more. It may well go on without. */
		refuse(s, errno, "the command has closed its stdin");
		session_stdin_close(s);
		return;
	}
	if (s->in_ended)
		session_stdin_close(s);
}

static void on_writable(struct watch *w, uint32_t events)
{
	(void)events;
	flush(container_of(w, struct session, in));
}

bool session_stdin_open(struct session *s, int fd)
{
	s->in = (struct watch){ .fd = -1, .fn = on_writable };
	if (loop_add(s->all->loop, &s->in, fd, EPOLLOUT | EPOLLET))
		return true;
	close(fd);
	return false;
}

/* A terminal cannot be closed for reading only, but it has a character that says so. */
static void type_eof(struct session *s)
{
	uint8_t typed[2];
	size_t n = pty_eof(s->in.fd, s->in_line, typed);

	s->in_line = false;
	if (!buf_append(&s->inq, typed, n))
		refuse(s, ENOBUFS, "the command does not read its terminal and its queue is full");
}

/*
 * Takes data for stdin, or the end of it (no data). The queue has a bound, and
 * what does not fit is refused, for the port is everybody's and cannot wait for
 * one. A stream with a hole in it is worse than a short one: after a refusal no
 * more data is taken.
 */
void session_stdin_data(struct session *s, struct span data)
{
	if (data.len == 0 && s->tty) {
		if (s->in.fd >= 0 && !s->in_error)
			type_eof(s);
	} else if (data.len == 0) {
		s->in_ended = true;
	} else if (s->in_error == ENOBUFS) {
		refuse(s, ENOBUFS, "dropped: earlier data for stdin did not fit");
	} else if (s->in_error) {
		return;		/* told once */
	} else if (s->in.fd < 0 || s->in_ended) {
		refuse(s, EBADF, "stdin is not open");
	} else if (!buf_append(&s->inq, data.p, data.len)) {
		refuse(s, ENOBUFS, "the command does not read its stdin and its queue is full");
	} else {
		s->in_line = data.p[data.len - 1] != '\n' && data.p[data.len - 1] != '\r';
	}
	if (s->in.fd >= 0)
		flush(s);
}
