// SPDX-License-Identifier: Apache-2.0
#include "uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

#define KERNEL_GROUP 1

int uevent_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int uevent_wait(int fd, uint64_t deadline_mono_ns)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char event[4096];
	int n;

	do
		n = poll(&p, 1, clock_timeout_ms(deadline_mono_ns));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	if (n == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	/* What they say does not matter: the caller looks at sysfs again. */
	while (recv(fd, event, sizeof(event), 0) >= 0 || errno == ENOBUFS)
		;
	return 0;
}
