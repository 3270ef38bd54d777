// SPDX-License-Identifier: Apache-2.0
#include "fs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bounds.h"
#include "fs_messages.h"
#include "fs_slots.h"
#include "fs_spawn.h"
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
	struct fs_slots *to, *from;	/* for what files hold; the other side of its own */
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

/* One that is lent stays until it is given. */
static void drop_slots(struct transit *t, struct fs_slots *s)
{
	if (t && t->given && t->lender == s)
		t->given = fs_slots_free;
	else
		fs_slots_free(s);
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
	drop_slots(fs->output->transit, w->from);
	drop_slots(NULL, w->to);
	loop_retire(fs->loop, &w->w, w);
}

/* What it was asked and has not answered, it never will. */
static void fail(struct fs_worker *w, int err, const char *what)
{
	for (size_t i = 0; i < w->npending; i++)
		fs_send_failed(w->all->out, w->pending[i], err, what);
	destroy(w);
}

static void on_given(void *slots)
{
	fs_slots_give_back(slots);
}

/* What a slot holds goes on as it is; of less, or where there is no transit, a copy goes. */
static void pass_slot(struct fs_worker *w, uint32_t id, struct span data)
{
	struct output *o = w->all->output;
	struct transit *t = o->transit;

	if (data.len >= FS_WORTH_A_SLOT && t && t->left == 0 && msg_send_data_head(o->out, id, MSG_FS_DATA, data.len)) {
		t->before = o->out->len;
		transit_lend(t, data, on_given, w->from);
		return;
	}
	if (msg_send_data_head(o->out, id, MSG_FS_DATA, data.len))
		buf_append(o->out, data.p, data.len);
	fs_slots_give_back(w->from);
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

/* The frame that has come. False with EBADMSG. */
static bool pass_frame(struct fs_worker *w)
{
	struct frame f;

	wire_peek(buf_span(&w->inq), &f);
	if (fs_slots_is_told(&f)) {
		struct span data = fs_slots_take(w->from, &f);

		errno = EBADMSG;
		if (data.len == 0)
			return false;
		pass_slot(w, f.id, data);
	} else {
		buf_append(w->all->out, buf_span(&w->inq).p, f.size);
	}
	buf_consume(&w->inq, f.size);
	return true;
}

/* The shortest that is said, which tells of a slot. No more than that is read at first: what follows it stays in the pipe. */
#define LEAST_FRAME (FRAME_HEAD_LEN + 4)

/* One frame, or what there is of it. -1 with EBADMSG: it does not speak as it should. */
static ssize_t pull_frame(struct source *src)
{
	struct fs_worker *w = src->owner;
	uint32_t *pending;
	struct frame f;
	ssize_t n = 0;

	if (w->inq.len < LEAST_FRAME) {
		n = pull_some(w, src->w.fd, LEAST_FRAME - w->inq.len);
		if (n <= 0 || w->inq.len < LEAST_FRAME)
			return n;
	}
	errno = EBADMSG;
	if (wire_peek_head(buf_span(&w->inq), &f) == FRAME_BAD || f.size < LEAST_FRAME)
		return -1;
	pending = find_pending(w, f.id);
	if (!pending)
		return -1;
	if (w->inq.len < f.size) {
		n = pull_some(w, src->w.fd, min_size(f.size - w->inq.len, FS_READ_SIZE));
		if (n <= 0 || w->inq.len < f.size)
			return n;
	}
	if (!pass_frame(w))
		return -1;
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

static struct fs_worker *start(struct fs *fs, uint32_t id)
{
	struct fs_worker *w = calloc(1, sizeof(*w));
	const uint32_t first = (id - 1) / CLIENT_ID_STEP * CLIENT_ID_STEP + 1;
	struct fs_peer peer;
	int saved;

	if (!w)
		return NULL;
	fs_spawn(&peer);
	saved = errno;
	*w = (struct fs_worker){
		.all = fs,
		.next = fs->list,
		.client = { .start = first, .end = first + CLIENT_ID_STEP },
		.pid = peer.pid,
		.to = peer.in,
		.from = peer.out,
		.inq.max = 4 + FRAME_MAX_LEN + FS_READ_SIZE,
		.w = { .fd = -1, .fn = on_writable },
		.outq.max = FS_QUEUE_MAX,
	};
	fs->list = w;
	if (w->pid > 0) {
		w->in = source_open(fs->output, peer.from, w, on_source_ended, id, MSG_FS_RESPONSE);
		saved = errno;
		if (!w->in || !loop_add(fs->loop, &w->w, peer.to, EPOLLOUT | EPOLLET)) {
			saved = errno;
			close(peer.to);
		}
	}
	if (w->w.fd < 0) {
		destroy(w);
		errno = saved;
		return NULL;
	}
	w->in->pull = pull_frame;
	source_hold(w->in, flow_holds(fs->flow, id));
	return w;
}

/* The port is everybody's and cannot wait for one; a host that counts what is taken never has what is said not fit. */
static void said(struct fs_worker *w, bool fits)
{
	if (fits)
		flush(w);
	else
		fail(w, ENOBUFS, "its file system is slower than what is written");
}

static void forward(struct fs_worker *w, const struct frame *f)
{
	said(w, buf_append(&w->outq, f->body.p - FRAME_HEAD_LEN, f->size));
}

/* False: nothing was sent. */
static bool send_slot(struct fs_worker *w, const struct frame *f)
{
	struct envelope e;
	struct span data;
	uint8_t *room;

	if (!wire_open(f->body, &e) || !msg_read_data(e.payload, &data) || data.len < FS_WORTH_A_SLOT ||
	    data.len > FS_SLOT_SIZE)
		return false;
	room = fs_slots_room(w->to);
	if (!room)
		return false;
	memcpy(room, data.p, data.len);
	said(w, fs_slots_send(w->to, &w->outq, f->id, data.len));
	return true;
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

	if (w && find_pending(w, f->id) && !send_slot(w, f))
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
