// SPDX-License-Identifier: Apache-2.0
// uses: mountinfo.c file.c
#include <stdlib.h>

#include "mountinfo.h"
#include "tap.h"

int main(void)
{
	struct mountinfo *m = mountinfo_parse(strdup(
		"20 1 0:20 / / rw,relatime - overlay overlay rw\n"
		"21 20 0:5 / /dev rw - devtmpfs devtmpfs rw\n"
		"30 20 7:0 / /mnt/a\\040b\\134c rw - ext4 /dev/loop0 rw\n"
		"31 20 254:16 /sub /data rw - ext4 /dev/vdb rw\n"
		"broken\n\n"));

	ok(m && m->n == 4, "four mounts; what is no mount is passed over");
	ok(!strcmp(m->mounts[0].at, "/") && !m->mounts[0].has_device, "an overlay has no device of its own");
	ok(!strcmp(m->mounts[2].at, "/mnt/a b\\c") && m->mounts[2].has_device, "escapes are undone");
	ok(!strcmp(m->mounts[3].at, "/data"), "oldest first");
	mountinfo_free(m);
	m = mountinfo_parse(strdup(""));
	ok(m && m->n == 0, "an empty table");
	mountinfo_free(m);
	return tap_done();
}
