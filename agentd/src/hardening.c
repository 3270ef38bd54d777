// SPDX-License-Identifier: Apache-2.0
#include "hardening.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "util.h"

#define CAP(name) (1ULL << CAP_##name)

/* What a container's root usually has, less CAP_MKNOD: /dev is the one place where a device node has power. */
static const uint64_t kept =
	CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) | CAP(KILL) | CAP(SETGID) | CAP(SETUID) |
	CAP(SETPCAP) | CAP(SETFCAP) | CAP(NET_BIND_SERVICE) | CAP(NET_RAW) | CAP(SYS_CHROOT) | CAP(AUDIT_WRITE);

static bool bounded;

/* Absent in a kernel that has no such setting, and then there is nothing to be set. */
static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		fatal(errno, "restrict %s", path);
	close(fd);
}

/*
 * Root may name a program in /proc/sys/kernel/core_pattern, or replace
 * /sbin/modprobe; the kernel would run it with all capabilities that there are.
 */
static void bound_helpers(void)
{
	char mask[32];

	snprintf(mask, sizeof(mask), "%u %u\n", (unsigned)kept, (unsigned)(kept >> 32));
	set("/proc/sys/kernel/usermodehelper/bset", mask);
	set("/proc/sys/kernel/usermodehelper/inheritable", mask);
}

/* Who may read and write disks past their file systems has the kernel read what he likes. */
static void hide_disks(void)
{
	DIR *dev = opendir("/dev");
	struct dirent *e;

	if (!dev)
		fatal(errno, "restrict /dev");
	while ((e = readdir(dev)))
		if (e->d_type == DT_BLK && unlinkat(dirfd(dev), e->d_name, 0) < 0 && errno != ENOENT)
			fatal(errno, "restrict /dev/%s", e->d_name);
	closedir(dev);
}

enum { A_MOUNT, AN_OPTIONAL_MOUNT, A_PLACE };

static const struct {
	const char *at;
	unsigned long flags;
	int kind;
} mounts[] = {
	{ "/", MS_NOSUID | MS_NODEV, A_MOUNT },
	{ "/sys", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, A_MOUNT },
	{ "/sys/fs/cgroup", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, AN_OPTIONAL_MOUNT },
	{ "/proc/sys", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, A_PLACE },
	{ "/proc/sysrq-trigger", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, A_PLACE },
};

/* What is no mount yet is made one; the others have had no such flags so far. */
static void restrict_mounts(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		const char *at = mounts[i].at;

		if (mounts[i].kind == A_PLACE && mount(at, at, NULL, MS_BIND, NULL) < 0) {
			if (errno == ENOENT)
				continue;	/* a kernel without it */
			fatal(errno, "restrict %s", at);
		}
		if (mount(NULL, at, NULL, MS_REMOUNT | MS_BIND | mounts[i].flags, NULL) == 0)
			continue;
		if (mounts[i].kind != AN_OPTIONAL_MOUNT || (errno != ENOENT && errno != EINVAL))
			fatal(errno, "restrict %s", at);
	}
}

int harden_bounds(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(kept >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -1;
	bounded = true;
	return 0;
}

void harden_machine(void)
{
	if (bounded)
		return;
	bound_helpers();
	/* In a user namespace of his own everybody has all capabilities, and mounts. */
	set("/proc/sys/user/max_user_namespaces", "0\n");
	hide_disks();
	restrict_mounts();
	if (harden_bounds() < 0)
		fatal(errno, "restrict the agent's children");
}

int harden_child(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	if (!bounded)
		return 0;
	/*
	 * Until it executes something it is the agent's image, with the agent's
	 * descriptors, and soon with no more capabilities than the guest's root,
	 * who could trace it. A program that is executed can be traced again.
	 */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || syscall(SYS_capget, &head, caps) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		caps[i].permitted &= (uint32_t)(kept >> (32 * i));
		caps[i].effective &= caps[i].permitted;
		caps[i].inheritable = 0;	/* what is not inheritable is not ambient */
	}
	return (int)syscall(SYS_capset, &head, caps);
}
