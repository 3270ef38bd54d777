// SPDX-License-Identifier: Apache-2.0
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bounds.h"
#include "fs_messages.h"
#include "fs_server.h"
#include "hardening.h"
#include "log.h"

/* What serves one client's files. */
struct fs_worker {
	struct fs *all;
	struct fs_worker *next;
	struct msg_id_range client;
	pid_t pid;		/* 0: it is gone */
	struct source *in;	/* what it says; NULL once it says nothing more */
	struct buf inq;		/* the frame that it has begun */
	struct watch w;		/* for writing to it */
	struct buf outq;	/* what it has not read yet */
	uint32_t pending[FS_PENDING_MAX];	/* requests that it has not answered */
	size_t npending;
};

void fs_init(struct fs *fs, struct loop *l, struct output *o, const struct flow *flow)
{
	*fs = (struct fs){ .loop = l, .out = o->out, .output = o, .flow = flow };
}

static struct fs_worker *worker_of(const struct fs *fs, uint32_t id)
{
	struct fs_worker *w = fs->list;

	while (w && !id_in_range(&w->client, id))
		w = w->next;
	return w;
}

static uint32_t *find_pending(struct fs_worker *w, uint32_t id)
{
	for (size_t i = 0; i < w->npending; i++)
		if (w->pending[i] == id)
			return &w->pending[i];
	return NULL;
}

bool fs_has(const struct fs *fs, uint32_t id)
{
	struct fs_worker *w = worker_of(fs, id);

	return w && find_pending(w, id);
}

static void destroy(struct fs_worker *w)
{
	struct fs *fs = w->all;
	struct fs_worker **at = &fs->list;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	/* It may hang in a file system, and would be at it for ever. */
	if (w->pid > 0)
		kill(w->pid, SIGKILL);
	if (w->in)
		source_close(w->in);
	loop_close(fs->loop, &w->w);
	buf_free(&w->inq);
	buf_free(&w->outq);
	loop_retire(fs->loop, &w->w, w);
}

/* What it was asked and has not answered, it never will. */
static void fail(struct fs_worker *w, int err, const char *what)
{
	for (size_t i = 0; i < w->npending; i++)
		fs_send_failed(w->all->out, w->pending[i], err, what);
	destroy(w);
}

/* Passes on the frames that are whole. False: it does not speak as it should. */
static bool pass_frames(struct fs_worker *w)
{
	struct frame f;

	for (;;) {
		uint32_t *pending;

		switch (wire_peek(buf_span(&w->inq), &f)) {
		case FRAME_PARTIAL:
			return true;
		case FRAME_BAD:
			return false;
		case FRAME_WHOLE:
			break;
		}
		pending = find_pending(w, f.id);
		if (!pending)
			return false;
		if (f.flags & FLAG_TERMINAL)
			*pending = w->pending[--w->npending];
		buf_append(w->all->out, buf_span(&w->inq).p, f.size);
		buf_consume(&w->inq, f.size);
	}
}

static ssize_t pull_frames(struct source *src)
{
	struct fs_worker *w = src->owner;
	uint8_t *room = buf_reserve(&w->inq, FS_PULL_SIZE);
	ssize_t n;

	errno = ENOMEM;
	n = room ? read(src->w.fd, room, FS_PULL_SIZE) : -1;
	if (n <= 0)
		return n;
	buf_commit(&w->inq, (size_t)n);
	if (pass_frames(w))
		return n;
	errno = EBADMSG;
	return -1;
}

static void on_source_ended(struct source *src)
{
	struct fs_worker *w = src->owner;

	w->in = NULL;
	fail(w, src->error ? src->error : EIO, "the process that serves files has ended");
}

/* That it does not listen any more, its end will tell. */
static void flush(struct fs_worker *w)
{
	while (w->outq.len > 0) {
		struct span wait = buf_span(&w->outq);
		ssize_t n = send(w->w.fd, wait.p, wait.len, MSG_NOSIGNAL);

		if (n > 0)
			buf_consume(&w->outq, (size_t)n);
		else if (n < 0 && errno != EINTR)
			return;
	}
}

static void on_writable(struct watch *watch, uint32_t events)
{
	(void)events;
	flush(container_of(watch, struct fs_worker, w));
}

/* In the child: of the agent's it keeps its end of the line, and nothing else. */
static _Noreturn void become_server(int fd)
{
	sigset_t none;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	if (fd != 3 && dup2(fd, 3) < 0)
		_exit(1);
	/* Where the kernel has no such call, nothing was to be closed that it could misuse. */
	syscall(SYS_close_range, 4, ~0U, 0);
	/* It runs nothing of the guest's, but is led about by its links and its file systems. */
	if (harden_child() < 0)
		_exit(1);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fs_serve(3);
}

/* The agent's end, or -1 with errno. */
static int spawn_server(pid_t *pid)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) {
		*pid = fork();
		if (*pid == 0)
			become_server(ends[1]);
		close(ends[1]);
		if (*pid > 0)
			return ends[0];
	}
	close(ends[0]);
	return -1;
}

static struct fs_worker *start(struct fs *fs, uint32_t id)
{
	struct fs_worker *w = calloc(1, sizeof(*w));
	const uint32_t first = (id - 1) / CLIENT_ID_STEP * CLIENT_ID_STEP + 1;
	int fd = w ? spawn_server(&w->pid) : -1;
	int reading = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (!w)
		return NULL;
	*w = (struct fs_worker){
		.all = fs,
		.next = fs->list,
		.client = { .start = first, .end = first + CLIENT_ID_STEP },
		.pid = w->pid,
		.inq.max = 4 + FRAME_MAX_LEN + FS_PULL_SIZE,
		.w = { .fd = -1, .fn = on_writable },
		.outq.max = FS_QUEUE_MAX,
	};
	fs->list = w;
	if (reading >= 0)
		w->in = source_open(fs->output, reading, w, on_source_ended, id, MSG_FS_RESPONSE);
	if (!w->in || !loop_add(fs->loop, &w->w, fd, EPOLLOUT | EPOLLET)) {
		int saved = errno;

		if (fd >= 0 && w->w.fd < 0)
			close(fd);
		destroy(w);
		errno = saved;
		return NULL;
	}
	w->in->pull = pull_frames;
	source_hold(w->in, flow_holds(fs->flow, id));
	return w;
}

static void forward(struct fs_worker *w, const struct frame *f)
{
	/* The port is everybody's and cannot wait for one; a host that counts what is taken never comes here. */
	if (!buf_append(&w->outq, f->body.p - 4 - FRAME_MIN_LEN, f->size)) {
		fail(w, ENOBUFS, "its file system is slower than what is written");
		return;
	}
	flush(w);
}

void fs_request(struct fs *fs, const struct frame *f)
{
	struct fs_worker *w = worker_of(fs, f->id);

	if (!w)
		w = start(fs, f->id);
	if (!w) {
		fs_send_failed(fs->out, f->id, errno, "no process to serve files");
	} else if (w->npending == FS_PENDING_MAX) {
		fs_send_failed(fs->out, f->id, EAGAIN, "too many requests are under way");
	} else {
		w->pending[w->npending++] = f->id;
		forward(w, f);
	}
}

void fs_data(struct fs *fs, const struct frame *f)
{
	struct fs_worker *w = worker_of(fs, f->id);

	if (w && find_pending(w, f->id))
		forward(w, f);
}

void fs_flow(struct fs *fs, const struct msg_id_range *range)
{
	for (struct fs_worker *w = fs->list; w; w = w->next)
		if (id_in_range(range, w->client.start) && w->in)
			source_hold(w->in, range->paused);
}

void fs_drop(struct fs *fs, const struct msg_id_range *range)
{
	struct fs_worker *w = fs->list;

	while (w) {
		struct fs_worker *next = w->next;

		if (id_in_range(range, w->client.start))
			destroy(w);
		w = next;
	}
}

void fs_terminate(struct fs *fs)
{
	for (struct fs_worker *w = fs->list; w; w = w->next)
		if (w->pid > 0)
			kill(w->pid, SIGTERM);
}

bool fs_reaped(struct fs *fs, pid_t pid)
{
	struct fs_worker *w = fs->list;

	while (w && w->pid != pid)
		w = w->next;
	if (w)
		w->pid = 0;	/* its number may be another's from now on */
	return w != NULL;
}
