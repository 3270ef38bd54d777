// SPDX-License-Identifier: Apache-2.0
/*
 * What the guest's kernel says, partly in words that processes of the guest
 * have chosen: /proc/self/mountinfo with its mount points, and device events.
 * And what an image says of access control lists.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acls.h"
#include "bounds.h"
#include "fuzz.h"
#include "mountinfo.h"
#include "uevent.h"

static void read_mounts(const uint8_t *data, size_t size)
{
	char *text = exact_text(data, size);
	struct mountinfo *m;
	size_t lines = 1;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	m = mountinfo_parse(text);
	PROMISE(m && m->n <= lines);
	for (size_t i = 0; i < m->n; i++)
		PROMISE(m->mounts[i].at >= m->text && m->mounts[i].at + strlen(m->mounts[i].at) <= m->text + size);
	mountinfo_free(m);
}

/* Up to eight events; all of them are taken, and none of them stops it. */
static void read_events(struct input in)
{
	int fds[2];
	char byte;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	for (int i = 0; i < 8 && in.len > 0; i++) {
		struct span event = take_until(&in, '\n');

		PROMISE(send(fds[1], event.p, event.len, 0) == (ssize_t)event.len);
	}
	PROMISE(send(fds[1], "", 0, 0) == 0);
	PROMISE(uevent_wait(fds[0], 0) == 0);
	PROMISE(recv(fds[0], &byte, 1, 0) < 0 && errno == EAGAIN);
	PROMISE(uevent_wait(fds[0], 0) < 0 && errno == ETIMEDOUT);
	close(fds[0]);
	close(fds[1]);
}

static void read_acls(const uint8_t *data, size_t size)
{
	struct span rest = { data, size };
	struct acl acl;

	while (acl_next(&rest, &acl)) {
		PROMISE(acl.path.len > 0 && acl.path.len < ACL_PATH_MAX);
		PROMISE(acl.path.p > data && acl.path.p + acl.path.len == acl.value.p);
		PROMISE(acl.value.p + acl.value.len == rest.p && rest.p + rest.len == data + size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_mounts(data, size);
	read_events((struct input){ data, size });
	read_acls(data, size);
	return 0;
}
