// SPDX-License-Identifier: Apache-2.0
#include "renewal.h"

#include <errno.h>

#include "clock.h"
#include "entropy.h"
#include "hardening.h"
#include "identity.h"
#include "log.h"

/* Whoever the machine is has been set by then: an init finds its names, not a template's. */
static void hand_off(struct agent *a, struct init_plan *init)
{
	handoff(a, init);
	agent_rewire(a);
}

static void become(const struct msg_resume *m)
{
	if (m->hostname.p)
		identity_set_hostname(m->hostname);
	if (m->machine_id.p)
		identity_set_machine_id(m->machine_id);
}

enum renewal renew(struct agent *a, uint32_t id, struct span payload)
{
	struct ready ready = {
		.boot_ns = a->boot_ns,
		.init_ns = a->init_ns,
		.resumed = true,
	};
	uint64_t since = clock_boot_ns();
	struct plan_defaults defaults = { 0 };
	struct init_plan init = { 0 };
	struct msg_resume m;

	if (!msg_read_resume(payload, &m) ||
	    !plan_defaults_set(&defaults, m.default_env, m.default_cwd) ||
	    (m.handoff_init.p && !init_plan_read(&init, m.handoff_init))) {
		plan_defaults_free(&defaults);
		return RENEWAL_INVALID;
	}
	/* Id 0 is a new relay's: the clients that had sessions were another one's. */
	if (id == 0)
		agent_drop(a, &every_id);
	if ((m.handoff_init.p || m.restricted) && (a->handoff.page || agent_is_busy(a))) {
		plan_defaults_free(&defaults);
		init_plan_free(&init);
		return RENEWAL_TOO_LATE;
	}
	if (entropy_credit(m.entropy) < 0)
		fatal(errno, "msb.resume: credit entropy");
	if (clock_set_wall(m.unix_ns) < 0)
		fatal(errno, "msb.resume: set the clock");
	plan_defaults_free(&a->defaults);
	a->defaults = defaults;
	if (m.restricted)
		harden_machine();
	if (m.handoff_init.p) {
		become(&m);
		hand_off(a, &init);
		init_plan_free(&init);
	}

	ready.ready_ns = clock_boot_ns();
	ready.resume_ns = ready.ready_ns - since;
	msg_send_ready(&a->port.out, id, &ready);
	port_write(&a->port);

	/*
	 * Nothing is taken from the port before this is done, so no command can
	 * tell; and the host does not wait for it.
	 */
	if (!m.handoff_init.p)
		become(&m);
	return RENEWED;
}
