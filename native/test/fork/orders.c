#define _GNU_SOURCE
#include "orders.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "machine.h"

enum { ANSWER_MS = 10000, MOST_BYTES = 32768 };

static size_t append(char *message, size_t at, const void *bytes, size_t size)
{
	if (at + size > MOST_BYTES)
		die("an order that is too long");
	memcpy(message + at, bytes, size);
	return at + size;
}

void order_send(int socket, const struct wish *wish)
{
	struct order_header header = { ORDER_VERSION, 0, wish->fd_count - wish->replaced_count, wish->replaced_count };
	char control[CMSG_SPACE(ORDER_MOST_DESCRIPTORS * sizeof(int))] = { 0 };
	char message[MOST_BYTES];
	size_t size = sizeof(header);

	size = append(message, size, wish->replaced, wish->replaced_count * sizeof(*wish->replaced));
	for (; wish->argv[header.arguments]; header.arguments++)
		size = append(message, size, wish->argv[header.arguments], strlen(wish->argv[header.arguments]) + 1);
	append(message, 0, &header, sizeof(header));

	struct iovec bytes = { message, size };
	struct msghdr order = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(wish->fd_count * sizeof(int)),
	};
	struct cmsghdr *part = CMSG_FIRSTHDR(&order);
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(wish->fd_count * sizeof(int));
	memcpy(CMSG_DATA(part), wish->fds, wish->fd_count * sizeof(int));
	if (sendmsg(socket, &order, MSG_NOSIGNAL) != (ssize_t)size)
		die("sending an order");
}

struct order_answer order_hear(int socket, int *pidfd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct order_answer answer;
	struct iovec bytes = { &answer, sizeof(answer) };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct pollfd readable = { .fd = socket, .events = POLLIN };

	if (poll(&readable, 1, ANSWER_MS) != 1 || recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != sizeof(answer))
		die("no answer to an order");
	*pidfd = -1;
	if (CMSG_FIRSTHDR(&message))
		memcpy(pidfd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return answer;
}
