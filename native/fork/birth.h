/*
 * A machine is born in two steps, so that its relay is its parent. The zygote makes the relay, which shares its memory until
 * it executes its program; before it does that, it makes the machine as its own child, a copy of that memory.
 */
#ifndef MSB_FORK_BIRTH_H
#define MSB_FORK_BIRTH_H

#include <sys/types.h>

#include "failure.h"
#include "order.h"

struct birth {
	pid_t relay;
	int relay_pidfd;
	pid_t vmm;
};

/* While all other threads stand still. SOCKET is what the child must not have, beside what came with the order. */
int birth(struct birth *born, struct order *order, int socket, struct failure *failure);

#endif
