/*
 * The descriptors of a child. Fork shares what is behind them with the parent, so in the child each is replaced by the
 * order, or made anew by its kind, or is of a kind that holds nothing which one of the two could change.
 */
#ifndef MSB_FORK_DESCRIPTORS_H
#define MSB_FORK_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"

enum { MOST_DESCRIPTORS = 128 };

/* In a child, NUMBER becomes what is behind WITH. */
struct replacement {
	int number;
	int with;
};

struct descriptor {
	enum { SHARED, REPLACED, EVENT_COUNTER, SIGNAL_READER } kind;
	int number;
	int status_flags;
	int descriptor_flags;
	int with;           /* REPLACED */
	bool semaphore;     /* EVENT_COUNTER */
	unsigned count_id;  /* EVENT_COUNTER: the same for those that share a count */
	uint64_t value;     /* EVENT_COUNTER: the count; SIGNAL_READER: the mask */
};

struct descriptors {
	int count;
	struct descriptor list[MOST_DESCRIPTORS];
};

/*
 * Looks at what this process has, but for the IGNORED, and fails where there is something of which a child could not have
 * its own. Uses no allocator: other threads may stand still.
 */
int descriptors_survey(struct descriptors *descriptors, const struct replacement *replacements, int replacement_count,
		       const int *ignored, int ignored_count, struct failure *failure);

/* In the child, before any thread runs. */
int descriptors_renew(const struct descriptors *descriptors, struct failure *failure);

#endif
