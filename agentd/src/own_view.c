// SPDX-License-Identifier: Apache-2.0
#include "own_view.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "file.h"
#include "log.h"

#define CGROUPS "/sys/fs/cgroup"
#define GUEST CGROUPS "/guest"

#define FLAGS (MS_NOSUID | MS_NOEXEC | MS_NODEV)

/* To a file of the kernel's, which is there or is not. */
static bool tell(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) >= 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Each alone: one that a kernel does not let go of must not keep back the others. */
static void enable_controllers(void)
{
	size_t len;
	char *names = file_read(AT_FDCWD, CGROUPS "/cgroup.controllers", KIB(4), &len);
	char *save = NULL;
	char order[64];

	if (!names)
		return;
	for (char *name = strtok_r(names, " \n", &save); name; name = strtok_r(NULL, " \n", &save)) {
		snprintf(order, sizeof(order), "+%s", name);
		if (!tell(CGROUPS "/cgroup.subtree_control", order))
			log_info("cgroup controller %s: %m", name);
	}
	free(names);
}

/*
 * In the kernel's own root group there are its threads and the warden, who have
 * no PID here; an init that sorts processes into groups stumbles over them.
 */
static bool own_cgroups(void)
{
	enable_controllers();
	if ((mkdir(GUEST, 0755) < 0 && errno != EEXIST) || !tell(GUEST "/cgroup.procs", "0") ||
	    unshare(CLONE_NEWCGROUP) < 0)
		return false;
	umount2(CGROUPS, MNT_DETACH);
	return mount("cgroup2", CGROUPS, "cgroup2", FLAGS, NULL) == 0;
}

int own_view(void)
{
	umount2("/proc", MNT_DETACH);
	if (mount("proc", "/proc", "proc", FLAGS, NULL) < 0)
		fatal(errno, "init: mount /proc");
	if (!own_cgroups())
		log_warn("init: no cgroups of its own: %m");
	return open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
}
