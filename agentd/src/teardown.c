// SPDX-License-Identifier: Apache-2.0
#include "teardown.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "bounds.h"
#include "clock.h"
#include "log.h"
#include "mountinfo.h"

int teardown_sync(const struct teardown *t)
{
	(void)t;
	sync();
	return 0;
}

/* A killed process lets go of its files a moment after it has been reaped. */
static bool again(uint64_t deadline)
{
	const struct timespec step = { .tv_nsec = BUSY_RETRY_STEP_NS };

	if (errno != EBUSY || clock_mono_ns() >= deadline)
		return false;
	nanosleep(&step, NULL);
	return true;
}

/* By descriptor: a path could lead to what the guest has mounted over it. */
static int make_read_only(int fd, const char *what, uint64_t deadline)
{
	struct statfs st;

	if (fd < 0)
		return 0;
	if (fchdir(fd) < 0) {
		log_err("settle: enter %s: %m", what);
		return errno;
	}
	while (mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		if (!again(deadline)) {
			log_err("settle: %s read-only: %m", what);
			return errno;
		}
	if (fstatfs(fd, &st) < 0)
		return errno;
	return st.f_flags & ST_RDONLY ? 0 : EROFS;
}

/* Whatever else the guest has mounted from a block device or a file. */
static int unmount_others(const struct teardown *t, uint64_t deadline)
{
	struct mountinfo *m = mountinfo_read(t->proc_fd);
	int result = 0;

	if (!m) {
		log_err("settle: mountinfo: %m");
		return errno;
	}
	/* The last mounted is the first to go. */
	for (size_t i = m->n; i-- > 0;) {
		const char *at = m->mounts[i].at;

		if (!m->mounts[i].has_device || strcmp(at, "/") == 0)
			continue;
		while (umount2(at, UMOUNT_NOFOLLOW) < 0)
			if (!again(deadline)) {
				log_err("settle: unmount %s: %m", at);
				result = errno;
				break;
			}
	}
	mountinfo_free(m);
	return result;
}

int teardown_settle(const struct teardown *t)
{
	uint64_t deadline = clock_mono_ns() + BUSY_RETRY_NS;
	int others = 0, root, upper;

	if (t->root_fd >= 0)
		others = unmount_others(t, deadline);
	/* Each is tried, whatever became of the one before. */
	root = make_read_only(t->root_fd, "root", deadline);
	upper = make_read_only(t->upper_fd, "upper", deadline);
	sync();
	return others ? others : root ? root : upper;
}

void teardown_power_off(void)
{
	reboot(RB_POWER_OFF);
	/* No power-off handler. With QEMU's -no-reboot a reset ends the VMM too. */
	log_err("power off: %m");
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
