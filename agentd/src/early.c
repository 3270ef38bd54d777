// SPDX-License-Identifier: Apache-2.0
#include "early.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "child.h"
#include "log.h"

static void mount_at(const char *type, const char *at, unsigned long flags)
{
	mkdir(at, 0755);
	/* Busy: a kernel that mounts devtmpfs by itself has been here. */
	if (mount(type, at, type, flags, NULL) < 0 && errno != EBUSY)
		fatal(errno, "mount %s", at);
}

/*
 * The kernel gives us /dev/console on 0 to 2, or nothing where the initramfs
 * has none. Nothing is ever read from it, and 0 to 2 must not be given to a
 * pipe by chance.
 */
static void fix_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		fatal(errno, "open /dev/null");
	dup2(fd, STDIN_FILENO);
	close(fd);
}

void early_mounts(void)
{
	mount_at("devtmpfs", "/dev", MS_NOSUID);
	log_init();
	mount_at("proc", "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV);
	mount_at("sysfs", "/sys", MS_NOSUID | MS_NOEXEC | MS_NODEV);
	fix_stdio();
	umask(022);
}

void early_limits(void)
{
	struct rlimit before;
	const struct rlimit raised = { AGENT_NOFILE, AGENT_NOFILE };

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &before) < 0)
		return;
	child_set_nofile(&before);
	if (before.rlim_cur < AGENT_NOFILE && setrlimit(RLIMIT_NOFILE, &raised) < 0)
		log_warn("cannot raise RLIMIT_NOFILE: %m");
}
