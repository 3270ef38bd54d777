/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_PORT_H
#define AGENTD_PORT_H

#include "loop.h"
#include "transit.h"
#include "wire.h"

/*
 * The agent's only line to the host: a virtio-serial port. One reader, one
 * writer, never blocking; `in` and `out` are what has come and what waits.
 */
struct port {
	struct watch w;
	struct buf in, out;
	struct transit transit;	/* goes after so much of `out` as it says */
	uint32_t events;
	bool lost;		/* the host's side is gone, or the line is no use any more */
	uint64_t debt;		/* what the host waits for of the last frame that has been begun */
	volatile uint64_t *debt_told;	/* NULL, or kept at the same */
};

/* Waits for the port of that name to appear, and opens it. -1 with errno. */
int port_find(const char *name, int uevent_fd, uint64_t deadline_mono_ns);

void port_init(struct port *p);

/* From now on `told` says what the host waits for of a frame that has been begun. */
void port_share_debt(struct port *p, volatile uint64_t *told);

/*
 * Before there is a loop: waits for the first whole frame, which stays at the
 * head of `in`. The host's side may not have been connected yet, which looks
 * just like a host that is gone. -1 with errno.
 */
int port_first_frame(struct port *p, int fd, struct frame *f, uint64_t deadline_mono_ns);

/* Reads what is there, in bounds. Sets `lost` when the host is gone. */
void port_read(struct port *p);

/* Writes what the host takes. Sets `lost` likewise. */
void port_write(struct port *p);

/* Whether something waits for the host. */
bool port_waits(const struct port *p);

#endif
