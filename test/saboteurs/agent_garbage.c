/* An init that opens the agent's port and answers with bytes that are no frame: a guest that wants to confuse its host. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void load_modules(void)
{
	char name[256], path[512];
	FILE *order = fopen("/modules/order", "r");

	while (order && fscanf(order, "%255s", name) == 1) {
		snprintf(path, sizeof(path), "/modules/%s", name);
		syscall(SYS_finit_module, open(path, O_RDONLY), "", 0);
	}
}

int main(void)
{
	static char garbage[4096];

	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	load_modules();
	memset(garbage, 0xff, sizeof(garbage));
	for (;;) {
		DIR *dev = opendir("/dev");
		struct dirent *entry;

		while (dev && (entry = readdir(dev))) {
			if (strncmp(entry->d_name, "vport", 5))
				continue;
			int port = openat(dirfd(dev), entry->d_name, O_RDWR);
			while (port >= 0 && write(port, garbage, sizeof(garbage)) > 0)
				;
		}
		if (dev)
			closedir(dev);
		usleep(50000);
	}
}
