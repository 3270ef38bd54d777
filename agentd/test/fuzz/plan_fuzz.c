// SPDX-License-Identifier: Apache-2.0
/*
 * A command's plan: from a core.exec.request, the defaults of the sandbox, and
 * the guest's /etc/passwd and /etc/group, all of them hostile. The input is
 * passwd, group, the defaults' environment and directory, each up to a byte ff,
 * and then the request, which is read as an init to be executed, too.
 */
#include <fcntl.h>

#include "bounds.h"
#include "file.h"
#include "fuzz.h"
#include "init_plan.h"
#include "plan.h"

static struct span passwd, group;

/* In the place of file.c: what the guest's files say. As there, a NUL is only the end of what is looked at. */
char *file_read(int dirfd, const char *path, size_t max, size_t *len)
{
	struct span s = strcmp(path, "/etc/passwd") == 0 ? passwd : group;

	PROMISE(dirfd == AT_FDCWD && max == ACCOUNT_FILE_MAX);
	*len = s.len;
	return s.len ? exact_text(s.p, s.len) : NULL;
}

static void promise_user(const struct user *u)
{
	PROMISE(u->ngroups <= GROUPS_MAX);
	PROMISE(memchr(u->home, '\0', sizeof(u->home)));
	PROMISE(u->uid != (uid_t)-1 && u->gid != (gid_t)-1);
	for (size_t i = 0; i < u->ngroups; i++)
		PROMISE(u->groups[i] != (gid_t)-1);
}

static void promise_failure(const struct failure *f)
{
	PROMISE(f->kind && memchr(f->message, '\0', sizeof(f->message)) && f->message[0]);
	PROMISE(memchr(f->stage, '\0', sizeof(f->stage)));
}

/* Each name once; of a long environment only the first are looked at, since it takes their square in time. */
static void promise_names(char **envp)
{
	for (size_t i = 0; envp[i] && i < 64; i++) {
		const char *eq = strchr(envp[i], '=');

		PROMISE(eq && eq > envp[i]);
		for (size_t k = 0; k < i; k++)
			PROMISE(strncmp(envp[k], envp[i], (size_t)(eq - envp[i]) + 1) != 0);
	}
}

/* Every string of it is looked at: the sanitizer knows where the block ends. */
static void promise_plan(const struct plan *p)
{
	size_t n = 0;

	PROMISE(p->argv && p->argv[0] == p->cmd && p->path && p->cwd);
	for (char **a = p->argv; *a; a++)
		n += strlen(*a);
	for (char **e = p->envp; *e; e++)
		n += strlen(*e);
	promise_names(p->envp);
	PROMISE(n + strlen(p->path) + strlen(p->cwd) < MIB(1));
	PROMISE(p->nlimits <= RLIMITS_MAX);
	promise_user(&p->user);
}

/* The same bytes as an init that is to be PID 1. */
static void read_init(struct span raw)
{
	struct init_plan p;
	size_t n = 0;

	if (!init_plan_read(&p, raw))
		return;
	PROMISE((p.cmd[0] == '/' || !strcmp(p.cmd, "auto")) && strlen(p.cmd) < INIT_PATH_MAX && p.argv[0] == p.cmd);
	PROMISE(!p.cwd || p.cwd[0] == '/');
	for (char **a = p.argv; *a; a++)
		n += strlen(*a);
	PROMISE(n < MIB(1));
	promise_names(p.envp);
	init_plan_free(&p);
}

/* Also without a request, so that the accounts are reached at once. */
static void resolve(struct input in)
{
	static const char *const specs[] = { "root", "0", "app", "1000", "app:users", "1000:1000", "4294967294", "a:b:c" };
	struct user u;

	passwd = take_until(&in, 0xff);
	group = take_until(&in, 0xff);
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		if (!user_lookup(specs[i], &u))
			promise_user(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct plan_defaults d = { 0 };
	struct span env, cwd, request;
	struct msg_exec_request m;
	uint8_t *mem, *env_mem;
	struct failure f;
	struct plan p;

	resolve(in);
	passwd = take_until(&in, 0xff);
	group = take_until(&in, 0xff);
	env = take_until(&in, 0xff);
	cwd = take_until(&in, 0xff);
	request = take(&in, in.len);
	env_mem = exact(env.p, env.len);
	mem = exact(request.p, request.len);
	/* Without them the agent would not run; the request is worth a look all the same. */
	if (!plan_defaults_set(&d, env.len ? span_of(env_mem, env.len) : (struct span){ 0 }, cwd))
		plan_defaults_free(&d);
	read_init(span_of(mem, request.len));
	if (msg_read_exec_request(span_of(mem, request.len), &m)) {
		switch (plan_make(&p, &d, &m, &f)) {
		case PLAN_READY:
			promise_plan(&p);
			break;
		case PLAN_FAILED:
			promise_failure(&f);
			break;
		case PLAN_INVALID:
			break;
		}
		plan_free(&p);
	}
	plan_defaults_free(&d);
	free(env_mem);
	free(mem);
	return 0;
}
