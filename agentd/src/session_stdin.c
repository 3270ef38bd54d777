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

/* Writes what the pipe takes. Returns how much that was; closed, if the command reads no more. */
static size_t give(struct session *s, struct span data)
{
	size_t done = 0;

	while (done < data.len) {
		ssize_t n = write(s->in.fd, data.p + done, data.len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n == 0 || errno != EINTR) {
			/* It may well go on without. */
			refuse(s, errno, "the command has closed its stdin");
			session_stdin_close(s);
			break;
		}
	}
	if (done > 0)
		tell_taken(s, done);
	return done;
}

/* Writes what has waited; closes the pipe when the end has been reached. */
static void flush(struct session *s)
{
	if (s->inq.len > 0) {
		size_t done = give(s, buf_span(&s->inq));

		if (s->in.fd < 0)
			return;
		buf_consume(&s->inq, done);
	}
	if (s->in_ended && s->inq.len == 0)
		session_stdin_close(s);
}

/* Nothing is queued that can be written at once. */
static bool take(struct session *s, struct span data)
{
	size_t done = s->inq.len == 0 ? give(s, data) : 0;

	return s->in.fd < 0 || done == data.len || buf_append(&s->inq, data.p + done, data.len - done);
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
	} else if (!take(s, data)) {
		refuse(s, ENOBUFS, "the command does not read its stdin and its queue is full");
	} else {
		s->in_line = data.p[data.len - 1] != '\n' && data.p[data.len - 1] != '\r';
	}
	if (s->in.fd >= 0)
		flush(s);
}
