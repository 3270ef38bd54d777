/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_LOOP_H
#define AGENTD_LOOP_H

#include "util.h"

/* A descriptor in the loop. `fd` is -1 while it is in none. */
struct watch {
	int fd;
	void (*fn)(struct watch *w, uint32_t events);
	void *owner;		/* once retired: the memory to be freed */
	struct watch *next_dead;
};

struct timer {
	uint64_t at;		/* CLOCK_MONOTONIC, ns */
	void (*fn)(struct timer *t);
	struct timer *next;
	bool armed;
};

struct loop {
	int epfd;
	struct timer *timers;
	struct watch *dead;
};

bool loop_init(struct loop *l);
/* After a fork: an empty one in the place of the other process's, with the same timers. */
bool loop_renew(struct loop *l);
bool loop_add(struct loop *l, struct watch *w, int fd, uint32_t events);
void loop_modify(struct loop *l, struct watch *w, uint32_t events);

/* Takes the descriptor out and closes it. Events already fetched are dropped. */
void loop_close(struct loop *l, struct watch *w);

/*
 * Frees `owner`, of which the closed `w` is a part, once no fetched event can
 * point into it any more.
 */
void loop_retire(struct loop *l, struct watch *w, void *owner);

void loop_arm(struct loop *l, struct timer *t, uint64_t at);
void loop_disarm(struct loop *l, struct timer *t);

/* Waits (not at all if `busy`), then serves what is ready and what is due. */
void loop_turn(struct loop *l, bool busy);

#endif
