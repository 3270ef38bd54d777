// SPDX-License-Identifier: Apache-2.0
// uses: acls.c
#include "acls.h"
#include "bounds.h"
#include "tap.h"

#define RECORDS(text) span_of(text, sizeof(text) - 1)

int main(void)
{
	static char long_path[5 + ACL_PATH_MAX + 4];
	struct span rest = RECORDS("\0\x03\0\x04\0a/bACL1\x01\x01\0\x02\0.DF");
	struct acl acl;

	ok(acl_next(&rest, &acl), "a record");
	ok(!strcmp(acl.name, "system.posix_acl_access"), "which list it is");
	ok(span_eq(acl.path, "a/b") && span_eq(acl.value, "ACL1"), "of what, and what it says");
	ok(acl_next(&rest, &acl) && !strcmp(acl.name, "system.posix_acl_default"), "the other kind of list");
	ok(span_eq(acl.path, ".") && span_eq(acl.value, "DF"), "of the root");
	ok(!acl_next(&rest, &acl) && rest.len == 0, "nothing is left");

	rest = RECORDS("\x02\x01\0\x01\0aX");
	ok(!acl_next(&rest, &acl) && rest.len == 7, "no third kind");
	rest = RECORDS("\0\0\0\x01\0X");
	ok(!acl_next(&rest, &acl), "no list of nothing");
	rest = RECORDS("\0\x01\0\x02\0aX");
	ok(!acl_next(&rest, &acl), "none that goes beyond the end");
	rest = RECORDS("\0\x01\0\x02");
	ok(!acl_next(&rest, &acl), "none without all of its head");
	memset(long_path, 'p', sizeof(long_path));
	memcpy(long_path, "\0\xff\x0f\x04\0", 5);
	rest = span_of(long_path, 5 + 4095 + 4);
	ok(acl_next(&rest, &acl) && acl.path.len == 4095, "a path as long as one can be");
	memcpy(long_path, "\0\0\x10\x04\0", 5);
	rest = span_of(long_path, sizeof(long_path));
	ok(!acl_next(&rest, &acl), "and none that is longer");
	return tap_done();
}
