// SPDX-License-Identifier: Apache-2.0
#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bounds.h"
#include "file.h"
#include "log.h"

static void load(const char *name)
{
	char path[NAME_LEN_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "/modules/%.*s", NAME_LEN_MAX, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fatal(errno, "open %s", path);
	/* Built in, or a dependency that somebody listed twice: fine. */
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		fatal(errno, "load %s", path);
	close(fd);
	unlink(path);
}

void modules_load(void)
{
	size_t len;
	char *order = file_read(AT_FDCWD, "/modules/order", MODULE_ORDER_MAX, &len);
	char *save = NULL;

	if (!order && errno == ENOENT)
		return;
	if (!order)
		fatal(errno, "read /modules/order");
	for (char *name = strtok_r(order, "\r\n", &save); name; name = strtok_r(NULL, "\r\n", &save))
		load(name);
	free(order);
	unlink("/modules/order");
	rmdir("/modules");
}
