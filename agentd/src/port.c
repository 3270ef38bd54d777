// SPDX-License-Identifier: Apache-2.0
#include "port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bounds.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "uevent.h"

#define PORT_CLASS "/sys/class/virtio-ports"

static bool has_name(const char *port, const char *name)
{
	char path[sizeof(PORT_CLASS) + NAME_LEN_MAX + 8];
	size_t len;
	char *text;
	bool same;

	snprintf(path, sizeof(path), PORT_CLASS "/%.*s/name", NAME_LEN_MAX, port);
	/* Missing until the host has told it; an event follows when it has. */
	text = file_read(AT_FDCWD, path, KIB(4), &len);
	if (!text)
		return false;
	text[strcspn(text, "\n")] = '\0';
	same = strcmp(text, name) == 0;
	free(text);
	return same;
}

static int open_named(const char *name)
{
	DIR *dir = opendir(PORT_CLASS);
	char path[NAME_LEN_MAX + 8];
	struct dirent *e;
	int fd = -1;

	errno = ENOENT;
	if (!dir)
		return -1;
	while (fd < 0 && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || !has_name(e->d_name, name))
			continue;
		snprintf(path, sizeof(path), "/dev/%.*s", NAME_LEN_MAX, e->d_name);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	closedir(dir);
	return fd;
}

int port_find(const char *name, int uevent_fd, uint64_t deadline_mono_ns)
{
	int fd;

	while ((fd = open_named(name)) < 0)
		if (uevent_wait(uevent_fd, deadline_mono_ns) < 0)
			return -1;
	return fd;
}

void port_init(struct port *p)
{
	*p = (struct port){
		.w.fd = -1,
		.in.max = 4 + FRAME_MAX_LEN + PORT_READ_SIZE,
		.out.max = OUTQ_MAX,
	};
	transit_open(&p->transit);
}

void port_share_debt(struct port *p, volatile uint64_t *told)
{
	p->debt_told = told;
	if (told)
		*told = p->debt;
}

/* One read. Bytes, 0 for nothing now, -1 with errno (EPIPE: no host). */
static ssize_t read_some(struct port *p, int fd)
{
	uint8_t *room = buf_reserve(&p->in, PORT_READ_SIZE);
	ssize_t n;

	if (!room) {
		errno = ENOMEM;
		return -1;
	}
	n = read(fd, room, PORT_READ_SIZE);
	if (n > 0)
		buf_commit(&p->in, (size_t)n);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == 0) {
		errno = EPIPE;
		return -1;
	}
	return n;
}

int port_first_frame(struct port *p, int fd, struct frame *f, uint64_t deadline_mono_ns)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int epfd = epoll_create1(EPOLL_CLOEXEC);
	int result = -1;

	if (epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		goto out;
	for (;;) {
		ssize_t n = read_some(p, fd);
		enum frame_status status = wire_peek(buf_span(&p->in), f);
		int ready;

		if (status == FRAME_WHOLE) {
			result = 0;
			break;
		}
		if (status == FRAME_BAD) {
			errno = EBADMSG;
			break;
		}
		if (n > 0)
			continue;
		if (n < 0 && (errno != EPIPE || p->in.len > 0))
			break;
		/* Edge-triggered: the hang-up that lasts until the host connects is told once. */
		ready = epoll_wait(epfd, &ev, 1, clock_timeout_ms(deadline_mono_ns));
		if (ready == 0)
			errno = ETIMEDOUT;
		if (ready == 0 || (ready < 0 && errno != EINTR))
			break;
	}
out:
	if (epfd >= 0) {
		int saved = errno;

		close(epfd);
		errno = saved;
	}
	return result;
}

void port_read(struct port *p)
{
	for (int i = 0; i < PORT_READS_PER_TURN && !p->lost; i++) {
		ssize_t n;

		/* What has come is looked at first, then there is room again. */
		if (p->in.max - p->in.len < PORT_READ_SIZE)
			return;
		n = read_some(p, p->w.fd);
		if (n == 0)
			return;
		if (n < 0) {
			if (errno != EPIPE)
				log_err("read from the port: %m");
			p->lost = true;
		}
	}
}

/* Keeps account of what the host has been given. */
static void given(struct port *p, uint64_t debt)
{
	p->debt = debt;
	if (p->debt_told)
		*p->debt_told = debt;
}

static ssize_t give_queued(struct port *p, size_t most)
{
	struct span wait = buf_span(&p->out);
	ssize_t n = write(p->w.fd, wait.p, min_size(most, PORT_WRITE_SIZE));

	if (n > 0) {
		given(p, wire_debt(wait, (size_t)n, p->debt));
		buf_consume(&p->out, (size_t)n);
	}
	return n;
}

static ssize_t give_transit(struct port *p)
{
	ssize_t n = transit_give(&p->transit, p->w.fd);

	if (n > 0)
		given(p, p->debt - (uint64_t)n);
	return n;
}

/* One write, of what is next. */
static ssize_t give(struct port *p)
{
	struct transit *t = &p->transit;
	ssize_t n;

	if (t->left == 0)
		return give_queued(p, p->out.len);
	if (t->before == 0)
		return give_transit(p);
	n = give_queued(p, t->before);
	if (n > 0)
		t->before -= (size_t)n;
	return n;
}

void port_write(struct port *p)
{
	while (port_waits(p) && !p->lost) {
		ssize_t n = give(p);

		if (n > 0)
			continue;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN && errno != ENOMEM) {
			log_err("write to the port: %m");
			p->lost = true;
		}
		/* Of ENOMEM: the driver copies; the guest's memory may be short for a moment. */
		return;
	}
}

bool port_waits(const struct port *p)
{
	return p->out.len > 0 || p->transit.left > 0;
}
