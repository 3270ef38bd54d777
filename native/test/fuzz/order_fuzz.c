/*
 * Orders to make a machine, whatever is in them: one that is taken has all its parts within the message, and every
 * descriptor that came with it is closed in the end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../fork/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #cond); \
			abort();					\
		}							\
	} while (0)

enum { SENT_MOST = ORDER_MOST_DESCRIPTORS + 2 };

static void send_it(int socket, const uint8_t *data, size_t size, int descriptors)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(SENT_MOST * sizeof(int))] = { 0 };
	struct iovec bytes = { (void *)data, size };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };

	if (descriptors > 0) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
		struct cmsghdr *part = CMSG_FIRSTHDR(&message);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
		for (int i = 0; i < descriptors; i++)
			memcpy(CMSG_DATA(part) + i * sizeof(int), &socket, sizeof(int));
	}
	PROMISE(sendmsg(socket, &message, 0) == (ssize_t)size);
}

static int lowest_free(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	close(fd);
	return fd;
}

static void promise_order(const struct order *order, size_t size)
{
	size_t used = 0;

	PROMISE(order->argument_count > 0 && order->argument_count <= ORDER_MOST_ARGUMENTS);
	for (int i = 0; i < order->argument_count; i++) {
		const char *argument = order->arguments[i];

		PROMISE(argument >= order->bytes && argument < order->bytes + size);
		used += strlen(argument) + 1;
	}
	PROMISE(!order->arguments[order->argument_count]);
	PROMISE(used + sizeof(struct order_header) + order->replacement_count * sizeof(int32_t) == size);
	PROMISE(order->relay_descriptor_count + order->replacement_count == order->descriptor_count);
}

/* The first byte: how many descriptors come with it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct order order;
	struct failure failure = { 0 };
	int before = lowest_free();
	int sockets[2];

	if (size < 2)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		abort();
	memset(&order, 0x5a, sizeof(order));
	send_it(sockets[1], data + 1, size - 1, data[0] % (SENT_MOST + 1));
	close(sockets[1]);
	switch (order_receive(sockets[0], &order, &failure)) {
	case 1:
		promise_order(&order, size - 1);
		break;
	case -1:
		PROMISE(failure.error != 0 && memchr(failure.step, '\0', sizeof(failure.step)));
		break;
	default:
		PROMISE(!"a message is no end");
	}
	order_close(&order);
	PROMISE(order_receive(sockets[0], &order, &failure) == 0);
	close(sockets[0]);
	PROMISE(lowest_free() == before);
	return 0;
}
