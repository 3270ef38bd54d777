// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "messages.h"

static uint8_t discarded[OUTPUT_READ_SIZE];

static void enqueue(struct source *src)
{
	struct output *o = src->output;

	if (src->queued || src->held || !src->ready)
		return;
	src->queued = true;
	src->next = NULL;
	if (o->tail)
		o->tail->next = src;
	else
		o->head = src;
	o->tail = src;
}

static struct source *dequeue(struct output *o)
{
	struct source *src = o->head;

	o->head = src->next;
	if (!o->head)
		o->tail = NULL;
	src->queued = false;
	return src;
}

static void unqueue(struct source *src)
{
	struct source *turn = src->output->head;

	/* Passing everything once keeps the order of those that stay. */
	if (!src->queued)
		return;
	src->output->head = src->output->tail = NULL;
	while (turn) {
		struct source *next = turn->next;

		turn->queued = false;
		if (turn != src)
			enqueue(turn);
		turn = next;
	}
}

/* Edge-triggered: said once, remembered until a read finds nothing. */
static void on_ready(struct watch *w, uint32_t events)
{
	struct source *src = container_of(w, struct source, w);

	(void)events;
	src->ready = true;
	enqueue(src);
}

struct source *source_open(struct output *o, int fd, void *owner, void (*ended)(struct source *src),
			   uint32_t id, enum msg_type type)
{
	struct source *src = calloc(1, sizeof(*src));

	if (!src) {
		close(fd);
		return NULL;
	}
	*src = (struct source){
		.w = { .fd = -1, .fn = on_ready },
		.output = o,
		.owner = owner,
		.ended = ended,
		.id = id,
		.type = type,
		.held = true,
	};
	if (!loop_add(o->loop, &src->w, fd, EPOLLIN | EPOLLET)) {
		close(fd);
		free(src);
		return NULL;
	}
	return src;
}

void source_hold(struct source *src, bool held)
{
	src->held = held;
	if (held)
		unqueue(src);
	else
		enqueue(src);
}

void source_close(struct source *src)
{
	unqueue(src);
	if (!src->ended)
		src->output->discarding--;
	loop_close(src->output->loop, &src->w);
	loop_retire(src->output->loop, &src->w, src);
}

void source_orphan(struct source *src)
{
	if (src->output->discarding == DISCARD_MAX) {
		source_close(src);
		return;
	}
	src->output->discarding++;
	src->ended = NULL;
	source_hold(src, false);
}

static void end(struct source *src)
{
	if (src->ended)
		src->ended(src);
	source_close(src);
}

static bool is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static ssize_t copy_data(struct source *src)
{
	struct buf *out = src->output->out;
	uint8_t *room = src->ended ? msg_data_room(out, src->type, OUTPUT_READ_SIZE) : discarded;
	ssize_t n;

	errno = ENOBUFS;
	n = room ? read(src->w.fd, room, OUTPUT_READ_SIZE) : -1;
	if (n > 0 && src->ended)
		msg_send_data(out, src->id, src->type, room, OUTPUT_READ_SIZE, (size_t)n);
	src->bulk = n == (ssize_t)OUTPUT_READ_SIZE && is_pipe(src->w.fd);
	return n;
}

static ssize_t pass_data(struct source *src)
{
	struct output *o = src->output;
	ssize_t n = transit_take(o->transit, src->w.fd, TRANSIT_SIZE);

	if (n > 0 && msg_send_data_head(o->out, src->id, src->type, (size_t)n))
		o->transit->before = o->out->len;
	src->bulk = n >= (ssize_t)OUTPUT_READ_SIZE;
	return n;
}

static ssize_t pull_data(struct source *src)
{
	const struct transit *t = src->output->transit;

	return src->bulk && src->ended && t && transit_is_free(t) ? pass_data(src) : copy_data(src);
}

bool output_is_full(const struct output *o)
{
	return o->out->len >= OUTQ_HIGH || (o->transit && o->transit->left > 0);
}

/*
 * One read. Returns the bytes moved; 0 means that there is no more for now,
 * and that the source may be gone.
 */
static size_t move(struct source *src)
{
	ssize_t n = src->pull ? src->pull(src) : pull_data(src);

	if (n > 0)
		return (size_t)n;
	if (n < 0 && errno == EINTR)
		return move(src);
	src->ready = false;
	if (n == 0 || errno != EAGAIN) {
		src->error = n < 0 ? errno : 0;
		end(src);
	}
	return 0;
}

void source_drain(struct source *src, size_t budget)
{
	size_t done = 0;

	unqueue(src);
	while (src->ready && done < budget) {
		size_t n = move(src);

		if (n == 0)
			return;
		done += n;
	}
}

bool output_waits(const struct output *o)
{
	return o->head && !output_is_full(o);
}

void output_pump(struct output *o)
{
	/* Bounded, so that requests are looked at in between. */
	for (int i = 0; i < EPOLL_BATCH && o->head && !output_is_full(o); i++) {
		struct source *src = dequeue(o);

		if (move(src) > 0)
			enqueue(src);
	}
}
