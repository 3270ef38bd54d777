/*
 * An order to make a machine, and its answer: one message each way on a socket that keeps messages whole
 * (SOCK_SEQPACKET). An order is a header, the numbers to be replaced, and the relay's arguments, each with its NUL. With it
 * come descriptors: first those that the relay is born with, from 0 on, then one for each number.
 */
#ifndef MSB_FORK_ORDER_H
#define MSB_FORK_ORDER_H

#include <stdint.h>

#include "descriptors.h"
#include "failure.h"

enum {
	ORDER_VERSION = 1,
	ORDER_MOST_BYTES = 32768,
	ORDER_MOST_ARGUMENTS = 64,
	ORDER_MOST_DESCRIPTORS = 32,
};

struct order_header {
	uint32_t version;
	uint32_t arguments;
	uint32_t relay_descriptors;
	uint32_t replacements;
};

/* With an answer of error 0 comes a pidfd of the relay. */
struct order_answer {
	int32_t error;
	int32_t relay;
	int32_t vmm;
	char step[60];
};

struct order {
	/* One more argument than was ordered: the VMM's pid, for which there is room; then NULL. */
	char *arguments[ORDER_MOST_ARGUMENTS + 2];
	int argument_count;
	int relay_descriptor_count;
	int replacement_count;
	struct replacement replacements[ORDER_MOST_DESCRIPTORS];
	/* All that came, the relay's first. They are closed by order_close. */
	int descriptors[ORDER_MOST_DESCRIPTORS];
	int descriptor_count;
	char bytes[ORDER_MOST_BYTES + 1];
};

/* Waits for one. 1; or 0 when the other side has gone; or -1 for one that is no order. */
int order_receive(int socket, struct order *order, struct failure *failure);
void order_close(struct order *order);

/* What is said about a machine that was made. */
void order_answer_made(int socket, int relay, int relay_pidfd, int vmm);
void order_answer_failed(int socket, const struct failure *failure);

#endif
