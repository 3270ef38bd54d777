// SPDX-License-Identifier: Apache-2.0
/*
 * agentd: PID 1 of a microVM. It builds the root file system, runs commands for
 * the host over one virtio-serial port, and takes the machine down so that
 * nothing that was written is lost.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "agent.h"
#include "bounds.h"
#include "clock.h"
#include "early.h"
#include "entropy.h"
#include "hardening.h"
#include "identity.h"
#include "log.h"
#include "modules.h"
#include "pty.h"
#include "rootfs.h"
#include "spawn.h"
#include "uevent.h"

#define PORT_NAME "agent"

static struct agent agent = {
	.mounts = { .root_fd = -1, .upper_fd = -1, .proc_fd = -1 },
};

/* The root as the bootstrap describes it, and the defaults of all commands. */
static void bootstrap(const struct envelope *e, int uevent_fd)
{
	struct msg_bootstrap b;
	struct init_plan init;

	if (!msg_read_bootstrap(e->payload, &b) ||
	    !plan_defaults_set(&agent.defaults, b.default_env, b.default_cwd))
		fatal(EBADMSG, "core.bootstrap");
	if (b.handoff_init.p && !init_plan_read(&init, b.handoff_init))
		fatal(EBADMSG, "core.bootstrap: handoff_init");
	agent.hangup_after_halted = b.hangup_after_halted;
	if (b.entropy.p && entropy_credit(b.entropy) < 0)
		log_warn("credit entropy: %m");
	rootfs_enter(&b, uevent_fd, &agent.mounts);
	rootfs_furnish();
	pty_init("/dev/pts");
	identity_set_hostname(b.hostname);
	if (b.machine_id.p)
		identity_set_machine_id(b.machine_id);
	identity_loopback_up();
	if (b.restricted)
		harden_machine();
	if (!b.handoff_init.p)
		return;
	handoff(&agent, &init);
	init_plan_free(&init);
}

/*
 * What the host says first: how to set up, or, if its owner has died in the
 * meantime, that it all is over.
 */
static void first_frame(int port_fd, int uevent_fd)
{
	struct frame f;
	struct envelope e;

	if (port_first_frame(&agent.port, port_fd, &f, clock_mono_ns() + BOOTSTRAP_WAIT_NS) < 0)
		fatal(errno, "wait for core.bootstrap");
	if (!wire_open(f.body, &e))
		fatal(EBADMSG, "the first frame");
	if (e.type == MSG_SHUTDOWN) {
		agent_init(&agent, port_fd);
		return;		/* the frame stays in the queue, to be dispatched */
	}
	if (e.type != MSG_BOOTSTRAP)
		fatal(EPROTO, "the first frame is `%.*s`, not core.bootstrap",
		      span_clip(e.name, 64), (const char *)e.name.p);
	agent.port.w.fd = port_fd;
	bootstrap(&e, uevent_fd);
	/* The loop is for who runs it, which may be another process now. */
	agent_init(&agent, port_fd);
	buf_consume(&agent.port.in, f.size);
	agent.init_ns = clock_boot_ns() - agent.boot_ns;
	agent_announce(&agent);
}

int main(int argc, char **argv)
{
	int uevent_fd, port_fd;

	(void)argc;
	agent.boot_ns = clock_boot_ns();
	if (getpid() != 1) {
		fputs("agentd " AGENT_VERSION ": runs as PID 1 of a microVM, and only there\n", stderr);
		return 2;
	}
	handoff_title(argv);
	early_mounts();
	early_limits();
	uevent_fd = uevent_open();
	if (uevent_fd < 0)
		fatal(errno, "uevent socket");
	modules_load();
	spawn_init();
	entropy_init();
	clock_prove();
	port_init(&agent.port);
	port_fd = port_find(PORT_NAME, uevent_fd, clock_mono_ns() + DEVICE_WAIT_NS);
	if (port_fd < 0)
		fatal(errno, "find the port `" PORT_NAME "`");
	first_frame(port_fd, uevent_fd);
	close(uevent_fd);
	agent_run(&agent);
}
