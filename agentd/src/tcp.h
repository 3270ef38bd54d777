/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_TCP_H
#define AGENTD_TCP_H

#include "flow.h"
#include "messages.h"
#include "output.h"

/*
 * Connections that the host makes into the guest, through the agent: from
 * core.tcp.connect to core.tcp.closed or core.tcp.failed. No network device is
 * needed for what listens on the loopback.
 */
struct tcps {
	struct loop *loop;
	struct buf *out;
	struct output *output;
	const struct flow *flow;
	struct tcp *list;
	size_t count;
};

struct tcp;

void tcps_init(struct tcps *ts, struct loop *l, struct output *o, const struct flow *flow);

/* Answers by itself, now or when the other side has. */
void tcps_connect(struct tcps *ts, uint32_t id, const struct msg_tcp_connect *m);
struct tcp *tcps_find(struct tcps *ts, uint32_t id);
void tcps_flow(struct tcps *ts, const struct msg_id_range *range);

/* Closes those connections; nothing more is sent. */
void tcps_drop(struct tcps *ts, const struct msg_id_range *range);

void tcp_data(struct tcp *t, struct span data);

/* Nothing more will come from the host. */
void tcp_eof(struct tcp *t);

/* The host has lost interest. */
void tcp_close(struct tcp *t);

#endif
