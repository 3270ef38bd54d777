// SPDX-License-Identifier: Apache-2.0
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "acls.h"
#include "bounds.h"
#include "clock.h"
#include "log.h"
#include "uevent.h"

#define LOWER "/lower"
#define UPPER "/upper"
#define NEW_ROOT "/newroot"
#define ACL_HOLDER "trusted.overlay.msb.acl."	/* numbers follow */

/* A name from the bootstrap as a string; the host's word, but of bounded length. */
static const char *name_of(struct span s, char out[NAME_LEN_MAX], const char *what)
{
	if (s.len == 0 || s.len >= NAME_LEN_MAX || memchr(s.p, '\0', s.len))
		fatal(EINVAL, "bootstrap: %s", what);
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return out;
}

static void wait_for_disk(const char *device, int uevent_fd)
{
	uint64_t deadline = clock_mono_ns() + DEVICE_WAIT_NS;
	struct stat st;

	while (stat(device, &st) < 0 || !S_ISBLK(st.st_mode))
		if (uevent_wait(uevent_fd, deadline) < 0)
			fatal(errno, "wait for %s", device);
}

/* Whether it is new. */
static bool make_dir(const char *path)
{
	if (mkdir(path, 0755) == 0)
		return true;
	if (errno != EEXIST)
		fatal(errno, "mkdir %s", path);
	return false;
}

static void mount_disk(struct span device, struct span type, const char *default_type,
		       const char *at, unsigned long flags, int uevent_fd)
{
	char dev[NAME_LEN_MAX];
	char fs[NAME_LEN_MAX];
	const char *fstype = type.p ? name_of(type, fs, "fstype") : default_type;

	name_of(device, dev, at);
	make_dir(at);
	wait_for_disk(dev, uevent_fd);
	if (mount(dev, at, fstype, flags, NULL) < 0)
		fatal(errno, "mount %s (%s) at %s", dev, fstype, at);
}

static int open_dir(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fatal(errno, "open %s", path);
	return fd;
}

/*
 * The initramfs cannot be pivoted away from: the new root is moved over it.
 * The disks stay mounted underneath, out of sight but for our descriptors.
 */
static void switch_root(void)
{
	if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		fatal(errno, "switch root");
}

/* The overlay asks the lower file system whether it has lists, unless the file has been copied up before. */
static void give_acl(const struct acl *acl)
{
	char path[ACL_PATH_MAX];
	struct stat st;

	memcpy(path, acl->path.p, acl->path.len);
	path[acl->path.len] = '\0';
	if (lstat(path, &st) < 0 || S_ISLNK(st.st_mode) || chmod(path, st.st_mode & 07777) < 0 ||
	    lsetxattr(path, acl->name, acl->value.p, acl->value.len, 0) < 0)
		log_warn("%s of /%s: %m", acl->name, path);
}

/* Gives the files below the working directory the lists that the image carries. */
static void give_acls(void)
{
	static uint8_t holder[ACL_HOLDER_SIZE];

	for (int n = 0; n < ACL_HOLDERS_MAX; n++) {
		char name[sizeof(ACL_HOLDER) + 12];
		struct span rest;
		struct acl acl;
		ssize_t len;

		snprintf(name, sizeof(name), ACL_HOLDER "%d", n);
		len = getxattr(LOWER, name, holder, sizeof(holder));
		if (len < 0 && errno != ENODATA && errno != EOPNOTSUPP)
			log_warn("%s of the image: %m", name);
		if (len <= 0)
			break;
		rest = span_of(holder, (size_t)len);
		while (acl_next(&rest, &acl))
			give_acl(&acl);
		if (rest.len > 0)
			log_warn("%s of the image holds something else", name);
	}
}

void rootfs_enter(const struct msg_bootstrap *b, int uevent_fd, struct teardown *t)
{
	bool is_new;

	mount_disk(b->lower, b->lower_fstype, "erofs", LOWER, MS_RDONLY, uevent_fd);
	mount_disk(b->upper, b->upper_fstype, "ext4", UPPER, 0, uevent_fd);
	is_new = make_dir(UPPER "/upper");
	make_dir(UPPER "/work");
	make_dir(NEW_ROOT);
	if (mount("overlay", NEW_ROOT, "overlay", 0,
		  "lowerdir=" LOWER ",upperdir=" UPPER "/upper,workdir=" UPPER "/work") < 0)
		fatal(errno, "mount overlay");

	/* Once: what a machine makes of them later is its own. */
	if (is_new) {
		if (chdir(NEW_ROOT) < 0)
			fatal(errno, "enter %s", NEW_ROOT);
		give_acls();
	}
	t->proc_fd = open_dir("/proc");
	t->upper_fd = open_dir(UPPER);
	t->root_fd = open_dir(NEW_ROOT);
	unlink("/init");
	switch_root();
}

enum { OPTIONAL, REQUIRED };

static const struct {
	const char *at, *type, *options;
	unsigned long flags;
	int required;
} mounts[] = {
	{ "/dev", "devtmpfs", NULL, MS_NOSUID, REQUIRED },
	{ "/proc", "proc", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, REQUIRED },
	{ "/sys", "sysfs", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, REQUIRED },
	{ "/dev/pts", "devpts", "gid=5,mode=620,ptmxmode=666", MS_NOSUID | MS_NOEXEC, OPTIONAL },
	{ "/dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV, OPTIONAL },
	{ "/run", "tmpfs", "mode=755", MS_NOSUID | MS_NODEV, OPTIONAL },
	{ "/sys/fs/cgroup", "cgroup2", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, OPTIONAL },
};

static const struct {
	const char *target, *at;
} links[] = {
	{ "/proc/self/fd", "/dev/fd" },
	{ "/proc/self/fd/0", "/dev/stdin" },
	{ "/proc/self/fd/1", "/dev/stdout" },
	{ "/proc/self/fd/2", "/dev/stderr" },
};

/* /tmp stays on the disk, so that it lasts; its mode is what programs rely on. */
static void fix_tmp(void)
{
	struct stat st;

	if (mkdir("/tmp", 01777) < 0 && errno != EEXIST) {
		log_warn("mkdir /tmp: %m");
		return;
	}
	/* Compared first: a chmod would copy the directory up on every boot. */
	if (stat("/tmp", &st) == 0 && (st.st_mode & 07777) != 01777)
		chmod("/tmp", 01777);
}

void rootfs_furnish(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].at, 0755);
		if (mount(mounts[i].type, mounts[i].at, mounts[i].type, mounts[i].flags,
			  mounts[i].options) == 0)
			continue;
		if (mounts[i].required == REQUIRED)
			fatal(errno, "mount %s", mounts[i].at);
		log_warn("mount %s: %m", mounts[i].at);
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlink(links[i].target, links[i].at) < 0 && errno != EEXIST)
			log_warn("link %s: %m", links[i].at);
	fix_tmp();
}
