// SPDX-License-Identifier: Apache-2.0
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"

static char *read_whole(int fd, size_t max, size_t *len)
{
	size_t cap = min_size(KIB(4), max);
	char *text = malloc(cap + 1);

	*len = 0;
	while (text) {
		ssize_t n = read(fd, text + *len, cap - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		if (n == 0) {
			text[*len] = '\0';
			return text;
		}
		*len += (size_t)n;
		if (*len == cap) {
			char *more;

			if (cap == max) {
				errno = EFBIG;
				break;
			}
			cap = min_size(cap * 2, max);
			more = realloc(text, cap + 1);
			if (!more)
				break;
			text = more;
		}
	}
	free(text);
	return NULL;
}

char *file_read(int dirfd, const char *path, size_t max, size_t *len)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;
	struct stat st;
	int saved;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0) {
		if (S_ISREG(st.st_mode))
			text = read_whole(fd, max, len);
		else
			errno = EINVAL;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return text;
}

/*
 * In place: to empty a file first would be two transactions of its file
 * system's journal more, which a clone waits for.
 */
int file_write(const char *path, const char *text, int mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode);
	size_t len = strlen(text);
	struct stat st;
	ssize_t n;
	int saved;

	if (fd < 0)
		return -1;
	n = write(fd, text, len);
	saved = n < 0 ? errno : EIO;
	if (n == (ssize_t)len && fstat(fd, &st) == 0 &&
	    (st.st_size == n || !S_ISREG(st.st_mode) || ftruncate(fd, n) == 0))
		saved = 0;
	else if (n == (ssize_t)len)
		saved = errno;
	close(fd);
	errno = saved;
	return saved ? -1 : 0;
}
