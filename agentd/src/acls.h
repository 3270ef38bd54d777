/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_ACLS_H
#define AGENTD_ACLS_H

#include "util.h"

/*
 * An access control list of an image. The lower file system has no place for
 * them, so its root carries them all, as records in attributes of its own.
 */

struct acl {
	const char *name;	/* of the attribute that is to be set */
	struct span path;	/* relative to the root; "." is the root */
	struct span value;
};

/* Takes the next of the records in `rest`. False at the end, or at what is none. */
bool acl_next(struct span *rest, struct acl *acl);

#endif
