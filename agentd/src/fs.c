// SPDX-License-Identifier: Apache-2.0
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
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

/* The rest of a frame, which is in the pipe, goes on as it is; what does not fit the transit follows as a copy. */
static void pass_rest(struct fs_worker *w, int from, size_t left)
{
	struct output *o = w->all->output;
	ssize_t n = transit_take(o->transit, from, left);

	buf_append(o->out, buf_span(&w->inq).p, w->inq.len);
	buf_consume(&w->inq, w->inq.len);
	o->transit->before = o->out->len;
	for (left -= n > 0 ? (size_t)n : 0; left > 0; left -= (size_t)n) {
		uint8_t *room = buf_reserve(o->out, left);

		n = room ? read(from, room, left) : -1;
		if (n <= 0)
			fatal(EPIPE, "somebody has taken what a file server said");
		buf_commit(o->out, (size_t)n);
	}
}

/* Whether it is worth it, and all of it is there. */
static bool can_pass(const struct fs_worker *w, int from, size_t left)
{
	const struct transit *t = w->all->output->transit;
	int there;

	return left >= FS_WORTH_PASSING && left <= TRANSIT_SIZE - KIB(16) && t && transit_is_free(t) &&
	       ioctl(from, FIONREAD, &there) == 0 && (size_t)there >= left;
}

/* Reads as read() does, of the frame that has begun. */
static ssize_t pull_some(struct fs_worker *w, int fd, size_t most)
{
	uint8_t *room = buf_reserve(&w->inq, most);
	ssize_t n;

	errno = ENOMEM;
	n = room ? read(fd, room, most) : -1;
	if (n > 0)
		buf_commit(&w->inq, (size_t)n);
	return n;
}

/* One frame, or what there is of it. -1 with EBADMSG: it does not speak as it should. */
static ssize_t pull_frame(struct source *src)
{
	struct fs_worker *w = src->owner;
	const int from = src->w.fd;
	uint32_t *pending;
	struct frame f;
	ssize_t n;

	if (w->inq.len < FRAME_HEAD_LEN) {
		n = pull_some(w, from, FRAME_HEAD_LEN - w->inq.len);
		if (n <= 0 || w->inq.len < FRAME_HEAD_LEN)
			return n;
	}
	errno = EBADMSG;
	if (wire_peek_head(buf_span(&w->inq), &f) == FRAME_BAD || f.size == FRAME_HEAD_LEN)
		return -1;
	pending = find_pending(w, f.id);
	if (!pending)
		return -1;
	n = (ssize_t)(f.size - w->inq.len);
	if (w->inq.len == FRAME_HEAD_LEN && can_pass(w, from, (size_t)n)) {
		pass_rest(w, from, (size_t)n);
	} else {
		n = pull_some(w, from, min_size((size_t)n, FS_PULL_SIZE));
		if (n <= 0 || w->inq.len < f.size)
			return n;
		buf_append(w->all->out, buf_span(&w->inq).p, f.size);
		buf_consume(&w->inq, f.size);
	}
	if (f.flags & FLAG_TERMINAL)
		*pending = w->pending[--w->npending];
	return n;
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

/* Between the two: requests go down a socket, for SIGPIPE's sake; answers come up a pipe, out of which they can go on uncopied. */
struct lines {
	int down[2], up[2];
};

/* In the child: of the agent's it keeps its ends of the lines, and nothing else. */
static _Noreturn void become_server(const struct lines *l)
{
	sigset_t none;
	int from = fcntl(l->down[1], F_DUPFD, 5), to = fcntl(l->up[1], F_DUPFD, 5);

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	if (from < 0 || to < 0 || dup2(from, 3) < 0 || dup2(to, 4) < 0)
		_exit(1);
	/* Where the kernel has no such call, nothing was to be closed that it could misuse. */
	syscall(SYS_close_range, 5, ~0U, 0);
	/* It runs nothing of the guest's, but is led about by its links and its file systems. */
	if (harden_child() < 0)
		_exit(1);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fs_serve(3, 4);
}

static bool open_lines(struct lines *l)
{
	*l = (struct lines){ { -1, -1 }, { -1, -1 } };
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, l->down) == 0 && pipe2(l->up, O_CLOEXEC) == 0 &&
	       fcntl(l->up[0], F_SETPIPE_SZ, (int)PIPE_SIZE) >= 0 && fcntl(l->down[0], F_SETFL, O_NONBLOCK) == 0 &&
	       fcntl(l->up[0], F_SETFL, O_NONBLOCK) == 0;
}

static void close_lines(struct lines *l, int which)
{
	if (l->down[which] >= 0)
		close(l->down[which]);
	if (l->up[which] >= 0)
		close(l->up[which]);
	l->down[which] = l->up[which] = -1;
}

/* Its process; 0 with errno. The agent's ends are the caller's to close. */
static pid_t spawn_server(struct lines *l)
{
	pid_t pid = open_lines(l) ? fork() : -1;
	int saved = errno;

	if (pid == 0)
		become_server(l);
	close_lines(l, 1);
	errno = saved;
	return pid > 0 ? pid : 0;
}

static struct fs_worker *start(struct fs *fs, uint32_t id)
{
	struct fs_worker *w = calloc(1, sizeof(*w));
	const uint32_t first = (id - 1) / CLIENT_ID_STEP * CLIENT_ID_STEP + 1;
	struct lines l;
	int saved;

	if (!w)
		return NULL;
	*w = (struct fs_worker){
		.all = fs,
		.next = fs->list,
		.client = { .start = first, .end = first + CLIENT_ID_STEP },
		.pid = spawn_server(&l),
		.inq.max = 4 + FRAME_MAX_LEN + FS_PULL_SIZE,
		.w = { .fd = -1, .fn = on_writable },
		.outq.max = FS_QUEUE_MAX,
	};
	fs->list = w;
	if (w->pid > 0) {
		w->in = source_open(fs->output, l.up[0], w, on_source_ended, id, MSG_FS_RESPONSE);
		l.up[0] = -1;
	}
	if (!w->in || !loop_add(fs->loop, &w->w, l.down[0], EPOLLOUT | EPOLLET)) {
		saved = errno;
		close_lines(&l, 0);
		destroy(w);
		errno = saved;
		return NULL;
	}
	w->in->pull = pull_frame;
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
