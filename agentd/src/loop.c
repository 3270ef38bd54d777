// SPDX-License-Identifier: Apache-2.0
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bounds.h"
#include "clock.h"
#include "log.h"

bool loop_init(struct loop *l)
{
	*l = (struct loop){ .epfd = epoll_create1(EPOLL_CLOEXEC) };
	return l->epfd >= 0;
}

bool loop_renew(struct loop *l)
{
	close(l->epfd);
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	return l->epfd >= 0;
}

bool loop_add(struct loop *l, struct watch *w, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return false;
	w->fd = fd;
	return true;
}

void loop_modify(struct loop *l, struct watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (epoll_ctl(l->epfd, EPOLL_CTL_MOD, w->fd, &ev) < 0)
		log_err("epoll_ctl(MOD): %m");
}

void loop_close(struct loop *l, struct watch *w)
{
	if (w->fd < 0)
		return;
	/* Explicitly: a forked child may hold the same file for a moment yet. */
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	close(w->fd);
	w->fd = -1;
}

void loop_retire(struct loop *l, struct watch *w, void *owner)
{
	w->owner = owner;
	w->next_dead = l->dead;
	l->dead = w;
}

void loop_arm(struct loop *l, struct timer *t, uint64_t at)
{
	t->at = at;
	if (t->armed)
		return;
	t->armed = true;
	t->next = l->timers;
	l->timers = t;
}

void loop_disarm(struct loop *l, struct timer *t)
{
	struct timer **at = &l->timers;

	if (!t->armed)
		return;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->armed = false;
}

/* Without timers there is no time-out: an idle machine does not wake up. */
static int timeout(const struct loop *l)
{
	uint64_t first = UINT64_MAX;

	for (const struct timer *t = l->timers; t; t = t->next)
		if (t->at < first)
			first = t->at;
	return first == UINT64_MAX ? -1 : clock_timeout_ms(first);
}

/* A timer's function may arm and disarm any, so each search starts anew. */
static void run_due(struct loop *l)
{
	uint64_t now = clock_mono_ns();
	struct timer *t;

	do {
		for (t = l->timers; t && t->at > now; t = t->next)
			;
		if (t) {
			loop_disarm(l, t);
			t->fn(t);
		}
	} while (t);
}

void loop_turn(struct loop *l, bool busy)
{
	struct epoll_event events[EPOLL_BATCH];
	int n = epoll_wait(l->epfd, events, EPOLL_BATCH, busy ? 0 : timeout(l));

	if (n < 0 && errno != EINTR)
		log_err("epoll_wait: %m");
	for (int i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;

		/* An earlier event of this batch may have closed it. */
		if (w->fd >= 0)
			w->fn(w, events[i].events);
	}
	if (l->timers)
		run_due(l);
	while (l->dead) {
		struct watch *w = l->dead;

		l->dead = w->next_dead;
		free(w->owner);
	}
}
