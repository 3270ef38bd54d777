// SPDX-License-Identifier: Apache-2.0
// uses: init_plan.c plan.c failure.c users.c rlimits.c file.c env.c messages_in.c decode.c cbor.c
#include <stdlib.h>

#include "bounds.h"
#include "cbor.h"
#include "env.h"
#include "init_plan.h"
#include "tap.h"

static const char *value(const struct init_plan *p, const char *key)
{
	struct env env = { .v = p->envp };

	while (p->envp[env.n])
		env.n++;
	return env_get(&env, key);
}

static bool refused(struct span raw)
{
	struct init_plan p;

	if (!init_plan_read(&p, raw))
		return p.argv == NULL && p.envp == NULL && p.text == NULL && p.env.text == NULL;
	init_plan_free(&p);
	return false;
}

static void plans(void)
{
	struct init_plan p;

	ok(init_plan_read(&p, BYTES("\xa1\x63" "cmd\x65/init")) && !strcmp(p.cmd, "/init") && !strcmp(p.argv[0], "/init") &&
	   !p.argv[1] && !p.cwd, "a path alone is an init");
	ok(!strcmp(value(&p, "HOME"), "/") && !strcmp(value(&p, "TERM"), "linux") && value(&p, "PATH"),
	   "which has what the kernel gives, and a PATH");
	init_plan_free(&p);
	ok(init_plan_read(&p, BYTES("\xa4\x63" "cmd\x65/init\x64" "args\x83\x61" "a\x60\x62" "bc\x63" "cwd\x64/tmp"
				    "\x63" "env\x82\xa2\x63key\x64TERM\x65value\x64" "dumb\xa2\x63key\x61" "A\x65value\x60")),
	   "it may have arguments, a directory and an environment");
	ok(!strcmp(p.argv[1], "a") && !strcmp(p.argv[2], "") && !strcmp(p.argv[3], "bc") && !p.argv[4], "in their order");
	ok(!strcmp(p.cwd, "/tmp") && !strcmp(value(&p, "TERM"), "dumb") && !strcmp(value(&p, "A"), "") &&
	   !strcmp(value(&p, "HOME"), "/"), "over what it has anyway");
	init_plan_free(&p);
	ok(init_plan_read(&p, BYTES("\xa4\x63" "cmd\x64" "auto\x64" "args\xf6\x63" "cwd\xf6\x63" "env\xf6")) && !p.argv[1] && !p.cwd,
	   "null is absent, and auto is a name");
	init_plan_free(&p);

	ok(refused(BYTES("\xa0")), "nothing is no init");
	ok(refused(BYTES("\xa1\x63" "cmd\x64init")), "nor is a name");
	ok(refused(BYTES("\xa1\x63" "cmd\x60")), "or an empty one");
	ok(refused(BYTES("\xa1\x63" "cmd\x65/in\0t")), "or one with a NUL");
	ok(refused(BYTES("\xa2\x63" "cmd\x65/init\x64" "args\x81\x63" "a\0b")), "or an argument with one");
	ok(refused(BYTES("\xa2\x63" "cmd\x65/init\x64" "args\x81\x01")), "or one that is a number");
	ok(refused(BYTES("\xa2\x63" "cmd\x65/init\x64" "args\x82\x61" "a")), "or fewer than there are said to be");
	ok(refused(BYTES("\xa2\x63" "cmd\x65/init\x64" "args\x9b\xff\xff\xff\xff\xff\xff\xff\xff")), "or more than there can be");
	ok(refused(BYTES("\xa2\x63" "cmd\x65/init\x63" "cwd\x63tmp")), "or a directory that depends on another");
	ok(refused(BYTES("\xa2\x63" "cmd\x65/init\x63" "env\x81\xa2\x63key\x60\x65value\x60")), "or a variable without a name");
}

/* A path of that many bytes. */
static bool takes_path(size_t len)
{
	size_t room = len + 64;
	uint8_t *mem = malloc(room);
	struct cbor_writer w = cbor_writer(mem, room);
	char *path = malloc(len + 1);
	struct init_plan p;
	bool taken;

	memset(path, 'p', len);
	path[0] = '/';
	path[len] = '\0';
	cbor_put_map(&w, 1);
	cbor_put_text(&w, "cmd");
	cbor_put_text(&w, path);
	taken = init_plan_read(&p, span_of(mem, w.len));
	if (taken)
		init_plan_free(&p);
	free(path);
	free(mem);
	return taken;
}

/* As many arguments, each as short as can be: the block of strings is at its fullest. */
static bool takes_args(size_t n)
{
	size_t room = n + 64;
	uint8_t *mem = malloc(room);
	struct cbor_writer w = cbor_writer(mem, room);
	struct init_plan p;
	bool taken;

	cbor_put_map(&w, 2);
	cbor_put_text(&w, "cmd");
	cbor_put_text(&w, "/i");
	cbor_put_text(&w, "args");
	/* An array's head of two bytes' length, by hand: there is no other array that we write. */
	mem[w.len++] = 0x99;
	mem[w.len++] = (uint8_t)(n >> 8);
	mem[w.len++] = (uint8_t)n;
	memset(mem + w.len, 0x60, n);
	taken = init_plan_read(&p, span_of(mem, w.len + n));
	if (taken)
		init_plan_free(&p);
	free(mem);
	return taken;
}

static void bounds(void)
{
	ok(takes_path(INIT_PATH_MAX - 1) && !takes_path(INIT_PATH_MAX), "a path of what the kernel takes");
	ok(takes_args(ARGS_MAX) && !takes_args(ARGS_MAX + 1), "and as many arguments as a command");
}

int main(void)
{
	plans();
	bounds();
	return tap_done();
}
