/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FILE_H
#define AGENTD_FILE_H

#include "util.h"

/*
 * Reads a regular file whole, up to `max` bytes, NUL-terminated; the caller
 * frees it. NULL with errno: EFBIG past `max`, EINVAL for anything that is no
 * regular file (a FIFO that somebody put there must not stop PID 1).
 * `dirfd` may be AT_FDCWD.
 */
char *file_read(int dirfd, const char *path, size_t max, size_t *len);

/* Makes or replaces a small file. */
int file_write(const char *path, const char *text, int mode);

#endif
