/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_OUTPUT_H
#define AGENTD_OUTPUT_H

#include <sys/types.h>

#include "loop.h"
#include "transit.h"
#include "wire.h"

/* The reading end of a command's stdout or stderr, or of a connection. */
struct source {
	struct watch w;
	struct output *output;
	void *owner;
	void (*ended)(struct source *src);	/* NULL: what comes is thrown away */
	ssize_t (*pull)(struct source *src);	/* reads as read() does, and passes it on; NULL: as data of its session */
	int error;			/* why it has ended, if not by its end */
	uint32_t id;
	enum msg_type type;
	bool held;			/* not to be read for now */
	bool ready;			/* has, or may have, something to read */
	bool bulk;			/* a pipe that had as much as is read at once */
	bool queued;
	struct source *next;
};

/*
 * Moves what the commands write into the port's queue. Sources that have
 * something wait in one line, each gets one read per turn, and none is read
 * while enough waits for the host already.
 */
struct output {
	struct loop *loop;
	struct buf *out;
	struct transit *transit;	/* NULL: everything is copied */
	struct source *head, *tail;
	size_t discarding;
};

/*
 * Takes over `fd`, also when it fails (NULL). Held until told otherwise.
 * `ended` is told when it has reached its end; the source is gone after that.
 */
struct source *source_open(struct output *o, int fd, void *owner, void (*ended)(struct source *src),
			   uint32_t id, enum msg_type type);

/* Holds a source back, or lets it go on. */
void source_hold(struct source *src, bool held);

/* Sends what can be read at once, up to `budget` bytes. */
void source_drain(struct source *src, size_t budget);

/*
 * Forgets the owner. A pipe that somebody still writes to is read to its end
 * and thrown away, so that a background process does not die of SIGPIPE; but
 * only so many of them.
 */
void source_orphan(struct source *src);
void source_close(struct source *src);

/* Whether enough waits for the host, of which what is in transit goes first. */
bool output_is_full(const struct output *o);

/* One turn. */
void output_pump(struct output *o);

/* Whether another could be taken right now: no event tells that there is room again. */
bool output_waits(const struct output *o);

#endif
