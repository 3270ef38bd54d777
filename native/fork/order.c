#define _GNU_SOURCE
#include "order.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void take_descriptors(struct order *order, struct msghdr *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		order->descriptor_count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(order->descriptors, CMSG_DATA(part), order->descriptor_count * sizeof(int));
	}
}

static int parse(struct order *order, size_t size, struct failure *failure)
{
	struct order_header header;
	const char *end = order->bytes + size;
	char *at = order->bytes + sizeof(header);
	int32_t number;

	if (size < sizeof(header))
		return fail(failure, EBADMSG, "an order without a header");
	memcpy(&header, order->bytes, sizeof(header));
	if (header.version != ORDER_VERSION)
		return fail(failure, EPROTO, "an order of version %u", header.version);
	if (header.arguments == 0 || header.arguments > ORDER_MOST_ARGUMENTS)
		return fail(failure, EBADMSG, "an order with %u arguments", header.arguments);
	if (header.relay_descriptors > ORDER_MOST_DESCRIPTORS || header.replacements > ORDER_MOST_DESCRIPTORS ||
	    header.relay_descriptors + header.replacements != (unsigned)order->descriptor_count)
		return fail(failure, EBADMSG, "an order with %d descriptors", order->descriptor_count);
	if ((size_t)(end - at) < header.replacements * sizeof(number))
		return fail(failure, EBADMSG, "an order that is too short");

	order->relay_descriptor_count = header.relay_descriptors;
	order->replacement_count = header.replacements;
	for (unsigned i = 0; i < header.replacements; i++, at += sizeof(number)) {
		memcpy(&number, at, sizeof(number));
		for (unsigned before = 0; before < i; before++)
			if (order->replacements[before].number == number)
				return fail(failure, EBADMSG, "an order with descriptor %d twice", number);
		order->replacements[i].number = number;
		order->replacements[i].with = order->descriptors[header.relay_descriptors + i];
	}
	for (unsigned i = 0; i < header.arguments; i++) {
		char *nul = memchr(at, '\0', end - at);

		if (!nul)
			return fail(failure, EBADMSG, "an order with an argument that has no end");
		order->arguments[i] = at;
		at = nul + 1;
	}
	order->argument_count = header.arguments;
	order->arguments[header.arguments] = NULL;
	return at == end ? 1 : fail(failure, EBADMSG, "an order with bytes behind its end");
}

int order_receive(int socket, struct order *order, struct failure *failure)
{
	char control[CMSG_SPACE(ORDER_MOST_DESCRIPTORS * sizeof(int))];
	struct iovec bytes = { order->bytes, ORDER_MOST_BYTES };
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t size;

	order->descriptor_count = 0;
	size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	if (size <= 0)
		return 0;
	take_descriptors(order, &message);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return fail(failure, EMSGSIZE, "an order that is too long");
	return parse(order, size, failure);
}

void order_close(struct order *order)
{
	for (int i = 0; i < order->descriptor_count; i++)
		close(order->descriptors[i]);
	order->descriptor_count = 0;
}

static void answer(int socket, const struct order_answer *answer, int pidfd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec bytes = { (void *)answer, sizeof(*answer) };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };

	if (pidfd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		struct cmsghdr *part = CMSG_FIRSTHDR(&message);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(part), &pidfd, sizeof(int));
	}
	/* Who does not hear it has gone, which the next receive tells. */
	(void)!sendmsg(socket, &message, MSG_NOSIGNAL);
}

void order_answer_made(int socket, int relay, int relay_pidfd, int vmm)
{
	const struct order_answer made = { .relay = relay, .vmm = vmm };

	answer(socket, &made, relay_pidfd);
}

void order_answer_failed(int socket, const struct failure *failure)
{
	struct order_answer failed = { .error = failure->error };

	memcpy(failed.step, failure->step, sizeof(failed.step));
	answer(socket, &failed, -1);
}
