/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_MOUNTINFO_H
#define AGENTD_MOUNTINFO_H

#include "util.h"

struct mountinfo_entry {
	const char *at;
	bool has_device;	/* on a block device: its major number is not 0 */
};

struct mountinfo {
	char *text;
	size_t n;
	struct mountinfo_entry mounts[];
};

/* The mounts that this process sees, oldest first. NULL with errno. */
struct mountinfo *mountinfo_read(int proc_fd);

/* From the text of /proc/PID/mountinfo, which it takes over and changes. */
struct mountinfo *mountinfo_parse(char *text);

void mountinfo_free(struct mountinfo *m);

#endif
