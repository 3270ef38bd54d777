#define _GNU_SOURCE
#include "inspection.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine.h"

static DIR *open_proc(pid_t pid, const char *name)
{
	char path[64];
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	directory = opendir(path);
	if (!directory)
		die("%s", path);
	return directory;
}

static int count_entries(pid_t pid, const char *name)
{
	DIR *directory = open_proc(pid, name);
	int count = 0;

	for (struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

static long flags_of(pid_t pid, int fd)
{
	char path[64], line[128];
	long flags = -1;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	info = fopen(path, "r");
	while (info && flags < 0 && fgets(line, sizeof(line), info))
		sscanf(line, "flags: %lo", &flags);
	if (info)
		fclose(info);
	return flags;
}

static int is_null(pid_t pid, int fd)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	return readlink(path, target, sizeof(target) - 1) > 0 && !strcmp(target, "/dev/null");
}

static void expect_own(pid_t zygote, pid_t child, int fd)
{
	long same = syscall(SYS_kcmp, zygote, child, KCMP_FILE, fd, fd);

	if (same < 0)
		die("descriptor %d of a machine is none of the zygote's", fd);
	if (same == 0 && !is_null(child, fd))
		die("descriptor %d of a machine is the zygote's, too", fd);
}

void expect_own_descriptors(pid_t zygote, pid_t child)
{
	int zygote_count = count_entries(zygote, "fd"), child_count = count_entries(child, "fd");
	DIR *directory = open_proc(child, "fd");

	if (child_count != zygote_count - 1)
		die("a machine has %d descriptors, its zygote %d", child_count, zygote_count);
	for (struct dirent *entry; (entry = readdir(directory));) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		expect_own(zygote, child, fd);
		/* The file of the memory may be read only. */
		if ((flags_of(zygote, fd) ^ flags_of(child, fd)) & (O_NONBLOCK | O_CLOEXEC | O_APPEND))
			die("descriptor %d of a machine has flags %lo, not %lo", fd, flags_of(child, fd), flags_of(zygote, fd));
	}
	closedir(directory);
}

void expect_same_threads(pid_t zygote, pid_t child)
{
	int zygote_count = count_entries(zygote, "task"), child_count = count_entries(child, "task");

	if (child_count != zygote_count - 1)
		die("a machine has %d threads, its zygote %d", child_count, zygote_count);
}

void expect_no_children(pid_t zygote)
{
	DIR *threads = open_proc(zygote, "task");

	for (struct dirent *entry; (entry = readdir(threads));) {
		char path[320], children[64];
		FILE *list;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/children", zygote, entry->d_name);
		list = fopen(path, "r");
		if (!list)
			continue;
		if (fgets(children, sizeof(children), list))
			die("a zygote has children at the end: %s", children);
		fclose(list);
	}
	closedir(threads);
}
