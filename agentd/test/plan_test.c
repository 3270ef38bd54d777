// SPDX-License-Identifier: Apache-2.0
// uses: plan.c failure.c users.c rlimits.c file.c env.c messages_in.c decode.c cbor.c
#include <errno.h>

#include "env.h"
#include "plan.h"
#include "rlimits.h"
#include "tap.h"

static const char passwd[] =
	"# comment\n"
	"root:x:0:0:root:/root:/bin/sh\n"
	"short:x:5\n"
	"ann:x:1000:1001:Ann:/home/ann:/bin/sh\n"
	"42:x:7:7::/seven:/bin/sh\n"
	"bad:x:abc:1::/:/bin/sh\n"
	"last:x:9:9::/nine:";
static const char group[] =
	"root:x:0:\n"
	"wheel:x:10:ann,bob\n"
	"annex:x:11:anna,joann\n"
	"audio:x:29:bob,ann\n"
	"last:x:12:ann";

static void users(void)
{
	struct user u;

	ok(!user_resolve("ann", passwd, group, &u) && u.uid == 1000 && u.gid == 1001 && !strcmp(u.home, "/home/ann"), "a name");
	ok(u.ngroups == 3 && u.groups[0] == 10 && u.groups[1] == 29 && u.groups[2] == 12, "with the groups that list it whole");
	ok(!user_resolve("1000", passwd, group, &u) && u.gid == 1001 && u.ngroups == 3, "its number");
	ok(!user_resolve("ann:audio", passwd, group, &u) && u.gid == 29 && u.ngroups == 0, "with a group: that one only");
	ok(!user_resolve("ann:77", passwd, group, &u) && u.gid == 77, "a group's number needs no entry");
	ok(!user_resolve("5555", passwd, group, &u) && u.uid == 5555 && u.gid == 0 && !strcmp(u.home, "/"), "an unknown number");
	ok(!user_resolve("0", "", "", &u) && u.uid == 0 && !strcmp(u.home, "/root"), "root without any file");
	ok(!user_resolve("42", passwd, group, &u) && u.uid == 7, "a name of digits goes before a number");
	ok(!user_resolve("last", passwd, group, &u) && u.uid == 9, "the last line needs no newline");
	ok(user_resolve("nobody", passwd, group, &u), "an unknown name is refused");
	ok(user_resolve("ann:nothing", passwd, group, &u), "so is an unknown group");
	ok(user_resolve("short", passwd, group, &u), "a line with too few fields is no entry");
	ok(user_resolve("bad", passwd, group, &u), "nor is one whose uid is no number of use");
	ok(user_resolve("", passwd, group, &u) && user_resolve(":0", passwd, group, &u) && user_resolve("0:", passwd, group, &u), "nor is half a spec");
	ok(user_resolve("4294967295", passwd, group, &u), "-1 is no uid");
	ok(user_resolve("99999999999", passwd, group, &u), "nor is what does not fit");
}

static void environment(void)
{
	char *slots[4] = { 0 };
	struct env e = { .v = slots, .max = 3 };
	char a1[] = "A=1", a2[] = "A=2", ab[] = "AB=3", c[] = "C=", d[] = "D=4", none[] = "=x", flag[] = "X";

	ok(env_put(&e, a1) && env_put(&e, ab) && env_put(&e, a2) && e.n == 2 && !strcmp(env_get(&e, "A"), "2"), "the last of a key wins");
	ok(!strcmp(env_get(&e, "AB"), "3") && !env_get(&e, "B"), "a key is whole");
	ok(!env_put(&e, none) && !env_put(&e, flag), "an entry needs a key and a =");
	ok(env_put(&e, c) && !env_put(&e, d) && !slots[3], "and room");
}

static enum plan_status make(struct plan *p, struct plan_defaults *d, struct span payload, struct failure *f)
{
	struct msg_exec_request m;

	*p = (struct plan){ 0 };
	return msg_read_exec_request(payload, &m) ? plan_make(p, d, &m, f) : PLAN_INVALID;
}

static void plans(void)
{
	struct plan_defaults d = { 0 };
	struct plan p;
	struct failure f;

	ok(plan_defaults_set(&d, BYTES("\x82\xa2\x63key\x64PATH\x65value\x62/x\xa2\x63key\x61" "A\x65value\x60"), BYTES("/srv")), "defaults");
	ok(make(&p, &d, BYTES("\xa2\x63" "cmd\x62ls\x64" "args\x82\x62-l\x60"), &f) == PLAN_READY && !strcmp(p.argv[0], "ls") &&
	   !strcmp(p.argv[1], "-l") && !strcmp(p.argv[2], "") && !p.argv[3], "arguments, an empty one among them");
	ok(!strcmp(p.path, "/x") && !strcmp(p.cwd, "/srv") && !strcmp(p.envp[1], "HOME=/root"), "PATH and directory from the defaults, HOME from the user");
	plan_free(&p);
	ok(make(&p, &d, BYTES("\xa3\x63" "cmd\x62ls\x63" "env\x82\x66PATH=y\x63" "A=1\x63" "cwd\x64/tmp"), &f) == PLAN_READY &&
	   !strcmp(p.path, "y") && !strcmp(p.envp[2], "A=1") && !p.envp[3] && !strcmp(p.cwd, "/tmp"), "the request goes before them");
	plan_free(&p);
	ok(make(&p, &d, BYTES("\xa2\x63" "cmd\x62ls\x63tty\xf5"), &f) == PLAN_READY && p.tty && p.window.cols == 80 &&
	   !strcmp(p.envp[2], "TERM=xterm-256color"), "a terminal is of a kind that most programs know");
	plan_free(&p);
	ok(make(&p, &d, BYTES("\xa3\x63" "cmd\x62ls\x63tty\xf5\x63" "env\x81\x66TERM=x"), &f) == PLAN_READY &&
	   !strcmp(p.envp[2], "TERM=x") && !strcmp(p.envp[3], "A=") && !p.envp[4], "unless the request says which");
	plan_free(&p);
	ok(make(&p, &d, BYTES("\xa1\x63" "cmd\x63l\x00s"), &f) == PLAN_FAILED && !strcmp(f.kind, "bad_args") && f.err == EINVAL, "a NUL in the command");
	plan_free(&p);
	ok(make(&p, &d, BYTES("\xa2\x63" "cmd\x62ls\x63" "env\x81\x61" "A"), &f) == PLAN_FAILED && !strcmp(f.kind, "bad_args"), "an environment without =");
	plan_free(&p);
	ok(make(&p, &d, BYTES("\xa2\x63" "cmd\x62ls\x64" "args\x81\x01"), &f) == PLAN_INVALID, "a number is no argument");
	plan_free(&p);
	ok(make(&p, &d, BYTES("\xa2\x63" "cmd\x62ls\x64user\x6eno-such-person"), &f) == PLAN_FAILED && !strcmp(f.kind, "user_setup_failed"), "nobody of that name");
	plan_free(&p);
	ok(make(&p, &d, BYTES("\xa2\x63" "cmd\x62ls\x67rlimits\x81\xa3\x68resource\x64" "core\x64soft\x00\x64hard\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), &f) == PLAN_READY &&
	   p.nlimits == 1 && p.limits[0].value.rlim_max == RLIM_INFINITY, "a limit; 2^64-1 is none");
	plan_free(&p);
	ok(make(&p, &d, BYTES("\xa2\x63" "cmd\x62ls\x67rlimits\x81\xa3\x68resource\x64" "Core\x64soft\x00\x64hard\x00"), &f) == PLAN_FAILED &&
	   !strcmp(f.kind, "resource_limit"), "an unknown limit");
	plan_free(&p);
	ok(make(&p, &d, BYTES("\xa1\x63" "cmd\x62ls"), &f) == PLAN_READY, "a plan is made");
	plan_defaults_free(&d);
	ok(!strcmp(p.cwd, "/srv"), "and keeps its directory when the defaults are replaced");
	plan_free(&p);
}

static void clipping(void)
{
	const char *text = "a\xe2\x82\xac" "b";

	ok(text_clip(text, 2) == 1 && text_clip(text, 3) == 1 && text_clip(text, 4) == 4 && text_clip(text, 9) == 5,
	   "a text is never clipped within a character");
}

int main(void)
{
	users();
	environment();
	plans();
	clipping();
	return tap_done();
}
