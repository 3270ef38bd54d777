// SPDX-License-Identifier: Apache-2.0
#include "init_plan.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "bounds.h"
#include "cbor.h"
#include "env.h"

#define AUTO "auto"

#define SBIN_INIT "/sbin/init"
#define SYSTEMD "/lib/systemd/systemd"
#define USR_SYSTEMD "/usr/lib/systemd/systemd"

static const char *const candidates[] = { SBIN_INIT, SYSTEMD, USR_SYSTEMD };
const char init_plan_candidates[] = SBIN_INIT ", " SYSTEMD ", " USR_SYSTEMD;

/* What the kernel gives an init, and a PATH, which many scripts take for granted. */
static char default_home[] = "HOME=/";
static char default_term[] = "TERM=linux";
static char default_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static bool has_nul(struct span s)
{
	return s.len && memchr(s.p, '\0', s.len);
}

static bool names_program(struct span s)
{
	return s.len && s.len < INIT_PATH_MAX && (s.p[0] == '/' || span_eq(s, AUTO)) && !has_nul(s);
}

static char *lay(char **at, struct span s)
{
	char *start = *at;

	memcpy(start, s.p, s.len);
	start[s.len] = '\0';
	*at += s.len + 1;
	return start;
}

/* Each text's head in the encoding is a byte at least, whose room its NUL takes. */
static bool make_argv(struct init_plan *p, const struct msg_handoff *m)
{
	static const uint8_t none[] = { 0x80 };
	struct cbor_reader r = cbor_reader(m->args.p ? m->args : span_of(none, sizeof(none)));
	char *at;
	size_t n;

	if (!cbor_read_array(&r, &n) || n > ARGS_MAX)
		return false;
	p->argv = calloc(n + 2, sizeof(*p->argv));
	p->text = at = malloc(m->cmd.len + 1 + m->args.len);
	if (!p->argv || !at)
		return false;
	p->cmd = p->argv[0] = lay(&at, m->cmd);
	for (size_t i = 0; i < n; i++) {
		struct span arg;

		if (!cbor_read_text(&r, &arg) || has_nul(arg))
			return false;
		p->argv[1 + i] = lay(&at, arg);
	}
	return true;
}

static bool make_envp(struct init_plan *p, const struct msg_handoff *m)
{
	struct env env = { .max = ENV_MAX + 3 };

	if (!plan_defaults_set(&p->env, m->env, m->cwd) || (m->cwd.len && m->cwd.p[0] != '/'))
		return false;
	p->cwd = p->env.cwd;
	env.v = p->envp = calloc(env.max + 1, sizeof(*env.v));
	if (!env.v)
		return false;
	env_put(&env, default_home);
	env_put(&env, default_term);
	env_put(&env, default_path);
	for (size_t i = 0; i < p->env.nenv; i++)
		env_put(&env, p->env.env[i]);
	return true;
}

bool init_plan_read(struct init_plan *p, struct span raw)
{
	struct msg_handoff m;

	*p = (struct init_plan){ 0 };
	if (msg_read_handoff(raw, &m) && names_program(m.cmd) && make_argv(p, &m) && make_envp(p, &m))
		return true;
	init_plan_free(p);
	return false;
}

void init_plan_free(struct init_plan *p)
{
	free(p->argv);
	free(p->envp);
	free(p->text);
	plan_defaults_free(&p->env);
	*p = (struct init_plan){ 0 };
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

bool init_plan_resolve(struct init_plan *p)
{
	if (strcmp(p->cmd, AUTO) != 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++)
		if (is_program(candidates[i])) {
			p->cmd = candidates[i];
			p->argv[0] = (char *)candidates[i];
			return true;
		}
	return false;
}
