/*
 * The least that an init can do on the way to a first command: load the modules that the port needs, run a program to its
 * end, and say so on the port.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

static int open_port(void)
{
	for (;;) {
		DIR *dev = opendir("/dev");
		struct dirent *entry;

		while (dev && (entry = readdir(dev)))
			if (!strncmp(entry->d_name, "vport", 5)) {
				int port = openat(dirfd(dev), entry->d_name, O_RDWR);

				closedir(dev);
				return port;
			}
		if (dev)
			closedir(dev);
		usleep(1000);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "true"))
		return 0;
	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	load_modules();
	int port = open_port();

	if (fork() == 0) {
		execl("/init", "init", "true", (char *)0);
		_exit(127);
	}
	wait(0);
	if (write(port, "done\n", 5) < 0)
		return 1;
	for (;;)
		pause();
}
