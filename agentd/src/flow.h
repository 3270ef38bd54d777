/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FLOW_H
#define AGENTD_FLOW_H

#include "bounds.h"
#include "messages.h"

/* The ids of which the host wants to hear nothing for now, client by client. */
struct flow {
	struct msg_id_range ranges[FLOW_RANGES_MAX];
	size_t n;
};

/* The range of every id that a session can have. */
extern const struct msg_id_range every_id;

void flow_set(struct flow *f, const struct msg_id_range *range);

/* Forgets those that begin in it: their clients are gone. */
void flow_forget(struct flow *f, const struct msg_id_range *range);
bool flow_holds(const struct flow *f, uint32_t id);

#endif
