/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_RLIMITS_H
#define AGENTD_RLIMITS_H

#include "util.h"

/* The RLIMIT_ number of "nofile" and its like, and its full name; -1: none. */
int rlimit_find(struct span name, const char **full_name);

#endif
