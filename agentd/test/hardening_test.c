// SPDX-License-Identifier: Apache-2.0
// uses: hardening.c
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hardening.h"
#include "log.h"
#include "tap.h"

/* log.c ends a machine. */
_Noreturn void fatal(int err, const char *fmt, ...)
{
	(void)err, (void)fmt;
	abort();
}

/* CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, AUDIT_WRITE, SETFCAP. */
#define KEPT 0xa00425fbULL

static uint64_t status(const char *key)
{
	FILE *f = fopen("/proc/self/status", "r");
	uint64_t value = UINT64_MAX;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtoull(line + strlen(key), NULL, 16);
	if (f)
		fclose(f);
	return value;
}

static bool keeps(uint64_t permitted)
{
	return status("CapPrm:") == permitted && status("CapEff:") == permitted && status("CapBnd:") == (KEPT & status("CapBnd:")) &&
	       status("NoNewPrivs:") == 1;
}

/* Each in a process of its own, since nothing of it can be taken back. */
static bool holds(bool (*claim)(void))
{
	pid_t pid = fork();
	int wstatus;

	if (pid == 0) {
		fflush(NULL);
		_exit(claim() ? 0 : 1);
	}
	return waitpid(pid, &wstatus, 0) == pid && wstatus == 0;
}

static bool nothing_by_default(void)
{
	uint64_t before = status("CapEff:");

	return harden_child() == 0 && status("CapEff:") == before && status("CapPrm:") == before;
}

static bool agent_keeps_all(void)
{
	uint64_t before = status("CapPrm:");

	return harden_bounds() == 0 && keeps(before);
}

static bool child_gives_up(void)
{
	uint64_t before = status("CapPrm:");

	return harden_bounds() == 0 && harden_child() == 0 && keeps(before & KEPT) && status("CapInh:") == 0 &&
	       status("CapAmb:") == 0 && prctl(PR_GET_DUMPABLE) == 0;
}

/* What is executed has no more, and its user can look at it again. */
static bool exec_gains_nothing(void)
{
	uint64_t before = status("CapPrm:") & KEPT;
	char script[256];

	snprintf(script, sizeof(script),
		 "set -- $(sed -n 's/^Cap[PEB][rfn][mfd]:.//p' /proc/self/status); "
		 "test $((0x$1)) -eq %llu && test $((0x$2)) -eq %llu && test $((0x$3 & ~%llu)) -eq 0 && test -r /proc/self/mem",
		 (unsigned long long)before, (unsigned long long)before, KEPT);
	if (harden_bounds() < 0 || harden_child() < 0)
		return false;
	execl("/bin/sh", "sh", "-c", script, (char *)NULL);
	return false;
}

int main(void)
{
	ok(holds(nothing_by_default), "without the profile a child keeps all that the agent has");
	/* Bounds are set with CAP_SETPCAP. */
	if (prctl(PR_CAPBSET_READ, 8) != 1 || !(status("CapEff:") >> 8 & 1)) {
		printf("ok %d - bounds # SKIP they take CAP_SETPCAP\n", ++tap_count);
		return tap_done();
	}
	ok(holds(agent_keeps_all), "the agent bounds what comes of it, and keeps its own");
	ok(holds(child_gives_up), "a child of it gives up all but what a user may have, for good");
	ok(holds(exec_gains_nothing), "and what it executes gains nothing");
	return tap_done();
}
