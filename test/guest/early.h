/* What the trivial inits of tests and benchmarks share: a /dev, the modules that set-up chose, the agent's port. */
#ifndef TEST_GUEST_EARLY_H
#define TEST_GUEST_EARLY_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void early_boot(void)
{
	char name[256], path[512];
	FILE *order;

	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	order = fopen("/modules/order", "r");
	while (order && fscanf(order, "%255s", name) == 1) {
		snprintf(path, sizeof(path), "/modules/%s", name);
		syscall(SYS_finit_module, open(path, O_RDONLY), "", 0);
	}
}

/* The port appears a moment after its driver. */
static int open_port(void)
{
	for (;;) {
		DIR *dev = opendir("/dev");
		struct dirent *entry;
		int port = -1;

		while (port < 0 && dev && (entry = readdir(dev)))
			if (!strncmp(entry->d_name, "vport", 5))
				port = openat(dirfd(dev), entry->d_name, O_RDWR);
		if (dev)
			closedir(dev);
		if (port >= 0)
			return port;
		usleep(1000);
	}
}

#endif
