#define _GNU_SOURCE
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "directory.h"

struct survey {
	struct descriptors *found;
	const struct replacement *replacements;
	int replacement_count;
	const int *ignored;
	int ignored_count;
	int directory;
	struct failure *failure;
};

/* The first number behind NAME in what the kernel says of a descriptor. */
static int read_field(const char *info, const char *name, int base, uint64_t *value)
{
	const char *at = strstr(info, name);
	char *end;

	if (!at)
		return -1;
	at += strlen(name);
	*value = strtoull(at, &end, base);
	return end == at ? -1 : 0;
}

static int read_info(int number, char *info, size_t size)
{
	char path[48];
	int fd;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	length = read(fd, info, size - 1);
	close(fd);
	info[length > 0 ? length : 0] = '\0';
	return 0;
}

/* An anonymous inode's name, or what a file is called. */
static void read_name(int number, char *name, size_t size)
{
	char path[48];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", number);
	length = readlink(path, name, size - 1);
	name[length > 0 ? length : 0] = '\0';
}

/* A file that nobody writes by this descriptor; its offset is shared, but QEMU reads at offsets of its own. */
static bool holds_nothing(const struct stat *status, int status_flags)
{
	const dev_t null = makedev(1, 3);

	return (S_ISCHR(status->st_mode) && status->st_rdev == null) ||
	       (S_ISREG(status->st_mode) && (status_flags & O_ACCMODE) == O_RDONLY);
}

static const struct replacement *find_replacement(const struct survey *survey, int number)
{
	for (int i = 0; i < survey->replacement_count; i++)
		if (survey->replacements[i].number == number)
			return &survey->replacements[i];
	return NULL;
}

static int classify(const struct survey *survey, struct descriptor *descriptor)
{
	const struct replacement *replacement = find_replacement(survey, descriptor->number);
	uint64_t semaphore = 0, id = 0;
	char name[64], info[512];
	struct stat status;

	if (replacement) {
		descriptor->kind = REPLACED;
		descriptor->with = replacement->with;
		return 0;
	}
	if (fstat(descriptor->number, &status) == 0 && holds_nothing(&status, descriptor->status_flags)) {
		descriptor->kind = SHARED;
		return 0;
	}
	read_name(descriptor->number, name, sizeof(name));
	if (read_info(descriptor->number, info, sizeof(info)) < 0)
		return fail(survey->failure, errno, "looking at descriptor %d", descriptor->number);
	if (!strcmp(name, "anon_inode:[eventfd]") && read_field(info, "eventfd-count:", 16, &descriptor->value) == 0 &&
	    read_field(info, "eventfd-id:", 10, &id) == 0 && read_field(info, "eventfd-semaphore:", 10, &semaphore) == 0) {
		descriptor->kind = EVENT_COUNTER;
		descriptor->count_id = id;
		descriptor->semaphore = semaphore;
		return 0;
	}
	if (!strcmp(name, "anon_inode:[signalfd]") && read_field(info, "sigmask:", 16, &descriptor->value) == 0) {
		descriptor->kind = SIGNAL_READER;
		return 0;
	}
	return fail(survey->failure, EOPNOTSUPP, "descriptor %d is %s", descriptor->number, name);
}

static bool is_ignored(const struct survey *survey, int number)
{
	for (int i = 0; i < survey->ignored_count; i++)
		if (survey->ignored[i] == number)
			return true;
	return number == survey->directory;
}

static int note(int number, void *data)
{
	const struct survey *survey = data;
	struct descriptors *found = survey->found;
	struct descriptor *descriptor = &found->list[found->count];

	if (is_ignored(survey, number))
		return 0;
	if (found->count == MOST_DESCRIPTORS)
		return fail(survey->failure, E2BIG, "counting descriptors");
	*descriptor = (struct descriptor){
		.number = number,
		.status_flags = fcntl(number, F_GETFL),
		.descriptor_flags = fcntl(number, F_GETFD),
	};
	if (classify(survey, descriptor) < 0)
		return -1;
	for (int i = 0; i < found->count; i++)
		if (descriptor->kind == EVENT_COUNTER && found->list[i].kind == EVENT_COUNTER &&
		    found->list[i].count_id == descriptor->count_id)
			return fail(survey->failure, EOPNOTSUPP, "descriptors %d and %d share a count",
				    found->list[i].number, number);
	found->count++;
	return 0;
}

static bool has(const struct descriptors *descriptors, int number)
{
	for (int i = 0; i < descriptors->count; i++)
		if (descriptors->list[i].number == number)
			return true;
	return false;
}

int descriptors_survey(struct descriptors *descriptors, const struct replacement *replacements, int replacement_count,
		       const int *ignored, int ignored_count, struct failure *failure)
{
	struct survey survey = {
		.found = descriptors,
		.replacements = replacements,
		.replacement_count = replacement_count,
		.ignored = ignored,
		.ignored_count = ignored_count,
		.directory = open_directory("/proc/self/fd"),
		.failure = failure,
	};
	int result;

	descriptors->count = 0;
	result = each_number(survey.directory, note, &survey);
	if (result < 0)
		fail(failure, errno, "looking at the descriptors");
	close(survey.directory);
	if (result < 0)
		return -1;
	for (int i = 0; i < replacement_count; i++)
		if (!has(descriptors, replacements[i].number))
			return fail(failure, EBADF, "descriptor %d, to be replaced", replacements[i].number);
	return 0;
}

static int make(const struct descriptor *descriptor)
{
	sigset_t mask;

	if (descriptor->kind == EVENT_COUNTER) {
		int fd = eventfd(0, descriptor->semaphore ? EFD_SEMAPHORE : 0);

		/* The call itself takes but half of a count. */
		if (fd >= 0 && descriptor->value && write(fd, &descriptor->value, sizeof(descriptor->value)) < 0)
			return -1;
		return fd;
	}
	/* Signal N is bit N-1, here as there; the C library's set has room for more. */
	sigemptyset(&mask);
	memcpy(&mask, &descriptor->value, sizeof(descriptor->value));
	return signalfd(-1, &mask, 0);
}

/* The new has the number of the old, and all the flags that QEMU has given to that. */
static int put(const struct descriptor *descriptor, int fd)
{
	if (fcntl(fd, F_SETFL, descriptor->status_flags) < 0 || dup2(fd, descriptor->number) < 0)
		return -1;
	return fcntl(descriptor->number, F_SETFD, descriptor->descriptor_flags);
}

static int renew(const struct descriptor *descriptor)
{
	int fd, result;

	if (descriptor->kind == SHARED)
		return 0;
	if (descriptor->kind == REPLACED)
		return put(descriptor, descriptor->with);
	fd = make(descriptor);
	if (fd < 0)
		return -1;
	result = put(descriptor, fd);
	close(fd);
	return result;
}

int descriptors_renew(const struct descriptors *descriptors, struct failure *failure)
{
	for (int i = 0; i < descriptors->count; i++)
		if (renew(&descriptors->list[i]) < 0)
			return fail(failure, errno, "renewing descriptor %d", descriptors->list[i].number);
	return 0;
}
