/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_ERRNAME_H
#define AGENTD_ERRNAME_H

/* "ENOENT" for ENOENT; "EUNKNOWN" for what has no entry. */
const char *errname(int err);

#endif
