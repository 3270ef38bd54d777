#define _GNU_SOURCE
#include "directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int each_number(const char *path, int (*each)(int number, void *data), void *data)
{
	char entries[2048] __attribute__((aligned(8)));
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = 0;
	long size = 0;

	if (directory < 0)
		return -1;
	while (!result && (size = syscall(SYS_getdents64, directory, entries, sizeof(entries))) > 0) {
		for (long at = 0; !result && at < size;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
			int number = atoi(entry->d_name);

			at += entry->d_reclen;
			if (entry->d_name[0] != '.' && number != directory)
				result = each(number, data);
		}
	}
	if (size < 0)
		result = -1;
	int error = errno;
	close(directory);
	errno = error;
	return result;
}
