// SPDX-License-Identifier: Apache-2.0
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hardening.h"
#include "pty.h"

static struct rlimit inherited_nofile;
static int oom_proc_fd = -1;

void child_set_nofile(const struct rlimit *limit)
{
	inherited_nofile = *limit;
}

void child_set_killable(int proc_fd)
{
	oom_proc_fd = proc_fd;
}

static void be_killable(void)
{
	int fd;

	if (oom_proc_fd < 0)
		return;
	fd = openat(oom_proc_fd, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) < 0)
		return;		/* it is closed by exec */
}

static _Noreturn void give_up(int report, enum child_stage stage, int detail)
{
	struct child_report r = { .stage = (int32_t)stage, .err = errno, .detail = detail };

	/* A pipe takes this much whole; if the agent is gone, so is the reader. */
	if (write(report, &r, sizeof(r)) < 0)
		_exit(126);
	_exit(127);
}

/*
 * What is ignored would stay ignored. The kernel starts PID 1 without any such
 * signal, and the agent ignores this one alone: see early_limits().
 */
static void default_signals(void)
{
	sigset_t none;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void child_reset(void)
{
	umask(022);
	if (inherited_nofile.rlim_max)
		setrlimit(RLIMIT_NOFILE, &inherited_nofile);
	default_signals();
}

static void become_user(const struct plan *p, int report)
{
	const struct user *u = &p->user;

	if (setgroups(u->ngroups, u->groups) < 0)
		give_up(report, STAGE_SETGROUPS, 0);
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		give_up(report, STAGE_SETGID, 0);
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		give_up(report, STAGE_SETUID, 0);
}

/*
 * Tries one file. Returns only if the search may go on, with errno; a file
 * that is there but lacks its interpreter answers ENOENT as well and ends it.
 */
static void try_exec(const struct plan *p, const char *file, int report)
{
	struct stat st;

	execve(file, p->argv, p->envp);
	if (errno == ENOENT && stat(file, &st) == 0) {
		errno = ENOENT;
		give_up(report, STAGE_EXEC, 1);
	}
	if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
		give_up(report, STAGE_EXEC, 1);
}

/*
 * A name without a slash is looked up in PATH; an empty piece of it is "." An
 * execve that fails has made and thrown away an address space, so what is not
 * there is found out by a smaller call.
 */
static void search_path(const struct plan *p, int report)
{
	size_t cmd = strlen(p->cmd);
	const char *dir = p->path;
	char file[PATH_MAX];
	int denied = 0;

	for (;;) {
		size_t len = strcspn(dir, ":");

		if (len + 1 + cmd < sizeof(file)) {
			memcpy(file, dir, len);
			if (len > 0)
				file[len] = '/';
			memcpy(file + len + (len > 0), p->cmd, cmd + 1);
			if (access(file, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
				try_exec(p, file, report);
			if (errno == EACCES)
				denied = EACCES;
		}
		if (dir[len] == '\0')
			break;
		dir += len + 1;
	}
	errno = denied ? denied : ENOENT;
}

void child_run(const struct plan *p, const struct child_fds *fds)
{
	const int report = fds->report;

	if (setsid() < 0)
		give_up(report, STAGE_SETSID, 0);
	if (p->tty && ioctl(fds->in, TIOCSCTTY, 0) < 0)
		give_up(report, STAGE_CTTY, 0);
	/* dup2 leaves the copies open across exec; all else of the agent's closes. */
	if (dup2(fds->in, STDIN_FILENO) < 0 || dup2(fds->out, STDOUT_FILENO) < 0 ||
	    dup2(fds->err, STDERR_FILENO) < 0)
		give_up(report, STAGE_STDIO, 0);
	umask(022);
	be_killable();
	if (inherited_nofile.rlim_max)
		setrlimit(RLIMIT_NOFILE, &inherited_nofile);
	for (size_t i = 0; i < p->nlimits; i++)
		if (setrlimit(p->limits[i].resource, &p->limits[i].value) < 0)
			give_up(report, STAGE_RLIMIT, (int)i);
	if (harden_child() < 0)
		give_up(report, STAGE_CAPSET, 0);
	become_user(p, report);
	/* As the user: a directory that it may not enter is none for it. */
	if (chdir(p->cwd) < 0)
		give_up(report, STAGE_CHDIR, 0);
	default_signals();

	if (p->cmd[0] == '\0')
		errno = ENOENT;
	else if (strchr(p->cmd, '/'))
		try_exec(p, p->cmd, report);
	else
		search_path(p, report);
	give_up(report, STAGE_EXEC, 0);
}

static const char *exec_kind(int err, bool there)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		return there ? "not_executable" : "not_found";
	case EACCES:
	case EPERM:
		return "permission_denied";
	case ENOEXEC:
	case ELIBBAD:
		return "not_executable";
	case E2BIG:
	case ELOOP:
	case ENAMETOOLONG:
	case EINVAL:
		return "bad_args";
	case EAGAIN:
	case EMFILE:
	case ENFILE:
		return "resource_limit";
	case ENOMEM:
		return "out_of_memory";
	default:
		return "other";
	}
}

void child_explain(const struct child_report *r, const struct plan *p, struct failure *f)
{
	static const char *const stages[] = {
		[STAGE_SETSID] = "setsid", [STAGE_CTTY] = "ioctl(TIOCSCTTY)", [STAGE_STDIO] = "dup2",
		[STAGE_RLIMIT] = "setrlimit", [STAGE_CAPSET] = "capset", [STAGE_SETGROUPS] = "setgroups",
		[STAGE_SETGID] = "setgid", [STAGE_SETUID] = "setuid", [STAGE_CHDIR] = "chdir", [STAGE_EXEC] = "execve",
	};
	const char *why = strerror(r->err);
	const char *stage = (size_t)r->stage < ARRAY_SIZE(stages) ? stages[r->stage] : "child";
	char limit[48];

	switch ((enum child_stage)r->stage) {
	case STAGE_CTTY:
		pty_explain(r->err, stage, f);
		break;
	case STAGE_RLIMIT:
		snprintf(limit, sizeof(limit), "setrlimit(%s)",
			 (size_t)r->detail < p->nlimits ? p->limits[r->detail].name : "?");
		failure_set(f, "resource_limit", r->err, limit, "cannot set %s: %s", limit, why);
		break;
	case STAGE_SETGROUPS:
	case STAGE_SETGID:
	case STAGE_SETUID:
		failure_set(f, "user_setup_failed", r->err, stage, "cannot become uid %u, gid %u: %s",
			    (unsigned)p->user.uid, (unsigned)p->user.gid, why);
		break;
	case STAGE_CHDIR:
		failure_set(f, "bad_cwd", r->err, stage, "cannot enter `%.*s`: %s",
			    text_clip(p->cwd, 256), p->cwd, why);
		break;
	case STAGE_EXEC:
		failure_set(f, exec_kind(r->err, r->detail == 1), r->err, stage,
			    "cannot execute `%.*s`: %s%s", text_clip(p->cmd, 256), p->cmd, why,
			    r->err == ENOENT && r->detail == 1 ? " (its interpreter or loader)" : "");
		break;
	default:
		failure_set(f, "other", r->err, stage, "%s: %s", stage, why);
		break;
	}
}
