// SPDX-License-Identifier: Apache-2.0
#include "acls.h"

#include "bounds.h"

#define RECORD_HEAD 5	/* which list, the length of the path, the length of the list */

static const char *const names[] = { "system.posix_acl_access", "system.posix_acl_default" };

static size_t le16(const uint8_t *p)
{
	return (size_t)p[0] | (size_t)p[1] << 8;
}

bool acl_next(struct span *rest, struct acl *acl)
{
	const uint8_t *p = rest->p;
	size_t path_len, value_len;

	if (rest->len < RECORD_HEAD || p[0] >= ARRAY_SIZE(names))
		return false;
	path_len = le16(p + 1);
	value_len = le16(p + 3);
	if (path_len == 0 || path_len >= ACL_PATH_MAX || rest->len - RECORD_HEAD < path_len + value_len)
		return false;
	*acl = (struct acl){
		.name = names[p[0]],
		.path = { p + RECORD_HEAD, path_len },
		.value = { p + RECORD_HEAD + path_len, value_len },
	};
	rest->p += RECORD_HEAD + path_len + value_len;
	rest->len -= RECORD_HEAD + path_len + value_len;
	return true;
}
