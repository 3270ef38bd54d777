// SPDX-License-Identifier: Apache-2.0
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "env.h"
#include "rlimits.h"

/* What most terminals of today understand, and what most images have a description of. */
#define DEFAULT_TERM "xterm-256color"
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* An array that is not there is an array of none. */
static const uint8_t empty_array[] = { 0x80 };

static struct span or_empty(struct span raw)
{
	return raw.p ? raw : span_of(empty_array, sizeof(empty_array));
}

/*
 * Strings are laid end to end in one block. It is as big as their encodings:
 * each string's head is a byte at least, and its NUL takes that byte's place.
 */
struct text_block {
	char *at;
	bool nul;		/* a string had a NUL in it, so it cannot be passed on */
};

static char *lay(struct text_block *t, struct span s)
{
	char *start = t->at;

	if (s.len && memchr(s.p, '\0', s.len))
		t->nul = true;
	if (s.len)
		memcpy(start, s.p, s.len);
	start[s.len] = '\0';
	t->at += s.len + 1;
	return start;
}

bool plan_defaults_set(struct plan_defaults *d, struct span raw_env, struct span cwd)
{
	struct cbor_reader r = cbor_reader(or_empty(raw_env));
	struct text_block t = { 0 };
	struct env env = { .max = ENV_MAX };
	size_t n;

	if (!cbor_read_array(&r, &n) || n > ENV_MAX)
		return false;
	env.v = d->env = calloc(n + 1, sizeof(*env.v));
	/* A pair's encoding has its keys in it as well: room for "=" and NUL. */
	t.at = d->text = malloc(raw_env.len + cwd.len + 1);
	if (!d->env || !d->text)
		return false;
	if (cwd.len)
		d->cwd = lay(&t, cwd);
	for (; n > 0; n--) {
		struct span key, value;
		char *entry;

		if (!msg_read_env_pair(&r, &key, &value))
			return false;
		entry = lay(&t, key);
		t.at[-1] = '=';
		lay(&t, value);
		if (!env_put(&env, entry))
			return false;
	}
	d->nenv = env.n;
	return !t.nul;
}

void plan_defaults_free(struct plan_defaults *d)
{
	free(d->env);
	free(d->text);
	*d = (struct plan_defaults){ 0 };
}

/* Argument vector: the command, then the arguments. */
static enum plan_status make_argv(struct plan *p, const struct msg_exec_request *m,
				  struct text_block *t, struct failure *f)
{
	struct cbor_reader r = cbor_reader(or_empty(m->args));
	size_t n;

	if (!cbor_read_array(&r, &n))
		return PLAN_INVALID;
	if (n > ARGS_MAX) {
		failure_set(f, "bad_args", E2BIG, "argv", "more than %d arguments", ARGS_MAX);
		return PLAN_FAILED;
	}
	p->argv = calloc(n + 2, sizeof(*p->argv));
	if (!p->argv) {
		failure_set(f, "out_of_memory", ENOMEM, "argv", "no memory for the arguments");
		return PLAN_FAILED;
	}
	p->cmd = p->argv[0] = lay(t, m->cmd);
	for (size_t i = 0; i < n; i++) {
		struct span arg;

		if (!cbor_read_text(&r, &arg))
			return PLAN_INVALID;
		p->argv[1 + i] = lay(t, arg);
	}
	return PLAN_READY;
}

static enum plan_status bad_env(struct failure *f, const char *entry)
{
	failure_set(f, "bad_args", EINVAL, "env", "not KEY=VALUE, or too many of them: `%.*s`",
		    text_clip(entry, 64), entry);
	return PLAN_FAILED;
}

/* Environment: the request's over the sandbox's over PATH and HOME, and TERM with a terminal. */
static enum plan_status make_envp(struct plan *p, const struct plan_defaults *d,
				  const struct msg_exec_request *m, struct text_block *t,
				  struct failure *f)
{
	static char path[] = "PATH=" DEFAULT_PATH;
	static char term[] = "TERM=" DEFAULT_TERM;
	struct cbor_reader r = cbor_reader(or_empty(m->env));
	struct env env = { 0 };
	size_t n;
	char *home;

	if (!cbor_read_array(&r, &n))
		return PLAN_INVALID;
	env.max = min_size(n, ENV_MAX) + d->nenv + 3;
	env.v = p->envp = calloc(env.max + 1, sizeof(*env.v));
	if (!env.v) {
		failure_set(f, "out_of_memory", ENOMEM, "env", "no memory for the environment");
		return PLAN_FAILED;
	}
	home = t->at;
	t->at += sprintf(home, "HOME=%s", p->user.home) + 1;
	env_put(&env, path);
	env_put(&env, home);
	if (p->tty)
		env_put(&env, term);
	for (size_t i = 0; i < d->nenv; i++)
		env_put(&env, d->env[i]);
	for (; n > 0; n--) {
		struct span entry;
		char *s;

		if (!cbor_read_text(&r, &entry))
			return PLAN_INVALID;
		s = lay(t, entry);
		if (!env_put(&env, s))
			return bad_env(f, s);
	}
	p->path = env_get(&env, "PATH");
	return PLAN_READY;
}

static enum plan_status make_limits(struct plan *p, const struct msg_exec_request *m, struct failure *f)
{
	struct cbor_reader r = cbor_reader(or_empty(m->rlimits));
	size_t n;

	if (!cbor_read_array(&r, &n))
		return PLAN_INVALID;
	for (; n > 0; n--) {
		struct plan_limit *l = &p->limits[p->nlimits];
		struct msg_rlimit rl;

		if (!msg_read_rlimit(&r, &rl))
			return PLAN_INVALID;
		if (p->nlimits == RLIMITS_MAX) {
			failure_set(f, "resource_limit", EINVAL, "setrlimit", "more than %d limits", RLIMITS_MAX);
			return PLAN_FAILED;
		}
		l->resource = rlimit_find(rl.resource, &l->name);
		if (l->resource < 0) {
			failure_set(f, "resource_limit", EINVAL, "setrlimit", "no such resource: `%.*s`",
				    span_clip(rl.resource, 32), (const char *)rl.resource.p);
			return PLAN_FAILED;
		}
		l->value = (struct rlimit){ (rlim_t)rl.soft, (rlim_t)rl.hard };
		p->nlimits++;
	}
	return PLAN_READY;
}

static enum plan_status make_user(struct plan *p, const struct msg_exec_request *m, struct failure *f)
{
	char spec[2 * NAME_LEN_MAX] = "0";
	const char *why;

	if (m->user.p) {
		if (m->user.len >= sizeof(spec) || memchr(m->user.p, '\0', m->user.len)) {
			failure_set(f, "user_setup_failed", EINVAL, "user", "the user is too long, or has a NUL");
			return PLAN_FAILED;
		}
		memcpy(spec, m->user.p, m->user.len);
		spec[m->user.len] = '\0';
	}
	why = user_lookup(spec, &p->user);
	if (why) {
		failure_set(f, "user_setup_failed", 0, "user", "%s: `%.*s`", why,
			    text_clip(spec, 128), spec);
		return PLAN_FAILED;
	}
	return PLAN_READY;
}

enum plan_status plan_make(struct plan *p, const struct plan_defaults *d,
			   const struct msg_exec_request *m, struct failure *f)
{
	const char *default_cwd = d->cwd ? d->cwd : "/";
	struct span cwd = m->cwd.len ? m->cwd : span_of(default_cwd, strlen(default_cwd));
	struct text_block t = { 0 };
	enum plan_status status;

	*p = (struct plan){
		.stdin_null = span_eq(m->stdin_mode, "null"),
		.tty = m->tty,
		.window = m->window,
	};
	t.at = p->text = malloc(m->cmd.len + m->args.len + m->env.len + cwd.len + NAME_LEN_MAX + 16);
	if (!p->text) {
		failure_set(f, "out_of_memory", ENOMEM, NULL, "no memory for the command");
		return PLAN_FAILED;
	}
	status = make_limits(p, m, f);
	if (status == PLAN_READY)
		status = make_argv(p, m, &t, f);
	if (status == PLAN_READY)
		status = make_user(p, m, f);
	if (status == PLAN_READY)
		status = make_envp(p, d, m, &t, f);
	if (status != PLAN_READY)
		return status;

	p->cwd = lay(&t, cwd);
	if (t.nul) {
		failure_set(f, "bad_args", EINVAL, NULL, "a NUL in the command, its arguments, environment or directory");
		return PLAN_FAILED;
	}
	return PLAN_READY;
}

void plan_free(struct plan *p)
{
	free(p->argv);
	free(p->envp);
	free(p->text);
	p->argv = p->envp = NULL;
	p->text = NULL;
}
