// SPDX-License-Identifier: Apache-2.0
#include "rlimits.h"

#include <sys/resource.h>

#define LIMIT(lower, upper) { lower, "RLIMIT_" #upper, RLIMIT_##upper }

static const struct {
	const char *name;
	const char *full_name;
	int resource;
} limits[] = {
	LIMIT("as", AS),
	LIMIT("core", CORE),
	LIMIT("cpu", CPU),
	LIMIT("data", DATA),
	LIMIT("fsize", FSIZE),
	LIMIT("locks", LOCKS),
	LIMIT("memlock", MEMLOCK),
	LIMIT("msgqueue", MSGQUEUE),
	LIMIT("nice", NICE),
	LIMIT("nofile", NOFILE),
	LIMIT("nproc", NPROC),
	LIMIT("rss", RSS),
	LIMIT("rtprio", RTPRIO),
	LIMIT("rttime", RTTIME),
	LIMIT("sigpending", SIGPENDING),
	LIMIT("stack", STACK),
};

int rlimit_find(struct span name, const char **full_name)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (span_eq(name, limits[i].name)) {
			*full_name = limits[i].full_name;
			return limits[i].resource;
		}
	return -1;
}
