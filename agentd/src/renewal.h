/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_RENEWAL_H
#define AGENTD_RENEWAL_H

#include "agent.h"

/*
 * msb.resume: a machine that was frozen goes on as another one, and must not
 * share with its siblings what only one may have. Answers with core.ready, at
 * once; what comes after this call comes to a machine that is renewed. One that
 * cannot be renewed ends. With `handoff_init` the machine also gets its init, and
 * this returns in another process, once that runs.
 */
enum renewal {
	RENEWED,
	RENEWAL_INVALID,	/* the payload; nothing has been done */
	RENEWAL_TOO_LATE,	/* for an init, or to be restricted: there is one, or sessions run */
};

enum renewal renew(struct agent *a, uint32_t id, struct span payload);

#endif
