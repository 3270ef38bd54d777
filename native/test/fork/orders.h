/* The owner's side of native/fork/order.h. */
#ifndef FORK_TEST_ORDERS_H
#define FORK_TEST_ORDERS_H

#include <stdint.h>

#include "../../fork/order.h"

struct wish {
	const char *const *argv; /* ends with NULL */
	const int32_t *replaced;
	int replaced_count;
	/* The relay's, then one for each that is replaced. */
	const int *fds;
	int fd_count;
};

void order_send(int socket, const struct wish *wish);

/* The answer, and the pidfd that came with it, or -1. */
struct order_answer order_hear(int socket, int *pidfd);

#endif
