#define _GNU_SOURCE
#include "directory.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int open_directory(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int each_number(int directory, int (*each)(int number, void *data), void *data)
{
	char entries[2048] __attribute__((aligned(8)));
	long size;

	while ((size = syscall(SYS_getdents64, directory, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < size;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
			int result;

			at += entry->d_reclen;
			if (!isdigit((unsigned char)entry->d_name[0]))
				continue;
			result = each(atoi(entry->d_name), data);
			if (result)
				return result;
		}
	}
	return size < 0 ? -1 : 0;
}
