// SPDX-License-Identifier: Apache-2.0
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bounds.h"
#include "file.h"
#include "log.h"

#define HOST_NAME_LEN_MAX 64

void identity_loopback_up(void)
{
	struct ifreq req = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		log_info("no IPv4: %m");
		return;
	}
	if (ioctl(fd, SIOCGIFFLAGS, &req) == 0) {
		req.ifr_flags |= IFF_UP | IFF_RUNNING;
		if (ioctl(fd, SIOCSIFFLAGS, &req) < 0)
			log_warn("lo up: %m");
	}
	close(fd);
}

static void write_etc(const char *path, const char *text, int mode)
{
	if (file_write(path, text, mode) < 0 && errno != ENOENT)
		log_warn("write %s: %m", path);
}

/* True if the file says this already. */
static bool says(const char *path, const char *text)
{
	size_t len;
	char *have = file_read(AT_FDCWD, path, KIB(4), &len);
	bool same = have && strcmp(have, text) == 0;

	free(have);
	return same;
}

void identity_set_hostname(struct span hostname)
{
	char name[HOST_NAME_LEN_MAX + 1] = "localhost";
	char line[HOST_NAME_LEN_MAX + 2];
	char hosts[256];
	bool known;

	if (hostname.len > HOST_NAME_LEN_MAX || (hostname.len && memchr(hostname.p, '\0', hostname.len))) {
		log_warn("host name too long, or with a NUL: ignored");
		hostname = (struct span){ 0 };
	}
	if (hostname.len) {
		memcpy(name, hostname.p, hostname.len);
		name[hostname.len] = '\0';
	}
	if (sethostname(name, strlen(name)) < 0)
		log_warn("sethostname: %m");

	snprintf(line, sizeof(line), "%s\n", name);
	snprintf(hosts, sizeof(hosts),
		 "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n%s%s%s",
		 hostname.len ? "127.0.1.1\t" : "", hostname.len ? name : "", hostname.len ? "\n" : "");
	known = hostname.len == 0 || says("/etc/hostname", line);
	if (!known || access("/etc/hostname", F_OK) < 0)
		write_etc("/etc/hostname", line, 0644);
	if (!known || access("/etc/hosts", F_OK) < 0)
		write_etc("/etc/hosts", hosts, 0644);
}

void identity_set_machine_id(struct span id)
{
	char line[MACHINE_ID_LEN + 2];

	snprintf(line, sizeof(line), "%.*s\n", (int)id.len, (const char *)id.p);
	if (!says("/etc/machine-id", line))
		write_etc("/etc/machine-id", line, 0444);
}
