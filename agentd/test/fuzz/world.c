// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "bounds.h"
#include "clock.h"
#include "entropy.h"
#include "file.h"
#include "fs_server.h"
#include "identity.h"
#include "log.h"
#include "pty.h"
#include "reaper.h"
#include "spawn.h"
#include "teardown.h"

struct world world;

void world_begin(void)
{
	world = (struct world){ .now = 1000 * SEC_NS, .last_pid = 1000, .line = -1 };
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void peer_close(struct peer *p, unsigned which)
{
	int *const ends[] = { &p->in, &p->out, &p->err, &p->report };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (which & 1u << i && (p->kind == COMMAND || i == 0 || (p->kind == SERVER && i == 1)))
			close_one(ends[i]);
}

void world_end(void)
{
	while (world.peers) {
		struct peer *p = world.peers;

		world.peers = p->next;
		peer_close(p, ~0u);
		free(p);
	}
}

/* The one of that session that came last. */
struct peer *world_find(uint32_t id)
{
	struct peer *p = world.peers;

	while (p && p->id != id)
		p = p->next;
	return p;
}

static struct peer *new_peer(int kind)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	*p = (struct peer){ .next = world.peers, .kind = kind, .id = world.id, .in = -1, .out = -1, .err = -1, .report = -1, .pending = -1 };
	world.peers = p;
	world.npeers++;
	return p;
}

void peer_exit(struct peer *p, int wstatus)
{
	if (p->pid == 0 || p->gone)
		return;
	p->gone = true;
	p->wstatus = wstatus;
}

static bool is_short(enum shortage s)
{
	if (world.shortage[s] == 0)
		return false;
	world.shortage[s]--;
	return true;
}

/* spawn.c: real pipes, and no process at their other ends. */

void spawn_init(void)
{
}

bool spawn(const struct plan *p, struct spawned *s, struct failure *f)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, report[2] = { -1, -1 };
	struct pty t = { -1, -1 };
	struct peer *child;

	if (is_short(SHORT_SPAWN) || pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0) {
		failure_set(f, "resource_limit", EMFILE, "pipe", "pipe: %s", strerror(EMFILE));
		return false;
	}
	if (p->tty) {
		if (!pty_open(&t, &p->window, p->user.uid, f))
			goto fail;
		out[0] = t.ours;
		out[1] = t.theirs;
		fcntl(t.theirs, F_SETFL, O_NONBLOCK);
		in[0] = fcntl(t.theirs, F_DUPFD_CLOEXEC, 0);
		in[1] = p->stdin_null ? -1 : fcntl(t.ours, F_DUPFD_CLOEXEC, 0);
		if (in[0] < 0 || (!p->stdin_null && in[1] < 0)) {
			pty_explain(EMFILE, "dup", f);
			goto fail;
		}
	} else if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(err, O_CLOEXEC | O_NONBLOCK) < 0 ||
		   (!p->stdin_null && pipe2(in, O_CLOEXEC | O_NONBLOCK) < 0)) {
		failure_set(f, "resource_limit", EMFILE, "pipe", "pipe: %s", strerror(EMFILE));
		goto fail;
	}
	child = new_peer(COMMAND);
	child->pid = ++world.last_pid;
	child->in = in[0];
	child->out = out[1];
	child->err = err[1];
	child->report = report[1];
	*s = (struct spawned){ .pid = child->pid, .in = in[1], .out = out[0], .err = err[0], .report = report[0] };
	return true;
fail:
	for (int i = 0; i < 2; i++) {
		close_one(&in[i]);
		close_one(&out[i]);
		close_one(&err[i]);
		close_one(&report[i]);
	}
	return false;
}

/* reaper.c: the children that are gone, each once. */

bool reaper_init(struct reaper *r, struct loop *l)
{
	(void)l;
	r->w.fd = -1;
	return true;
}

void reaper_collect(struct reaper *r)
{
	bool left = false;

	/* Whoever is told may make another, so each search starts anew. */
	for (struct peer *p = world.peers; p; p = p->next) {
		if (p->pid == 0 || p->reaped)
			continue;
		left |= !p->gone;
		if (!p->gone)
			continue;
		p->reaped = true;
		r->reaped(r, p->pid, p->wstatus);
	}
	r->childless = !left;
	r->settled(r);
}

/* What the fence keeps from the agent is here by its number. */
int real_pair(int type, int fds[2])
{
	return (int)syscall(SYS_socketpair, AF_UNIX, type, 0, fds);
}

/* fence.h: the system's own declarations have these names here. */

static void signalled(struct peer *p, int sig)
{
	if (p->pid == 0 || p->gone)
		return;
	if (sig == SIGKILL) {
		peer_close(p, ~0u);
		peer_exit(p, SIGKILL);
	} else if (sig == SIGTERM && p->pid % 2 == 0) {	/* every other one minds */
		peer_close(p, ~0u);
		peer_exit(p, SIGTERM);
	}
}

int kill(pid_t pid, int sig)
{
	bool found = false;

	PROMISE(pid < -1 || pid > 1 || (pid == -1 && (sig == 0 || sig == SIGTERM || sig == SIGCONT || sig == SIGKILL)));
	for (struct peer *p = world.peers; p; p = p->next)
		if (pid == -1 || p->pid == pid || p->pid == -pid) {
			found |= p->pid && !p->gone;
			signalled(p, sig);
		}
	errno = ESRCH;
	return found ? 0 : -1;
}

/* A file server, if a line was made for it; else the helper of a shutdown, which is done at once, and not always well. */
pid_t fork(void)
{
	struct peer *p;

	if (is_short(SHORT_FORK)) {
		errno = EAGAIN;
		return -1;
	}
	p = new_peer(world.line >= 0 ? SERVER : HELPER);
	p->pid = ++world.last_pid;
	if (p->kind == SERVER) {
		p->in = fcntl(world.line, F_DUPFD_CLOEXEC, 0);
		fcntl(p->in, F_SETFL, O_NONBLOCK);
		p->out = fcntl(world.up, F_DUPFD_CLOEXEC, 0);
		fcntl(p->out, F_SETFL, O_NONBLOCK);
		world.line = -1;
	} else {
		peer_exit(p, p->pid % 4 == 0 ? 1 << 8 : 0);
	}
	return p->pid;
}

/* Comes before a fork. */
int socketpair(int domain, int type, int protocol, int fds[2])
{
	(void)domain;
	(void)protocol;
	if (is_short(SHORT_SOCKET) || real_pair(type, fds) < 0) {
		errno = EMFILE;
		return -1;
	}
	world.line = fds[1];
	return 0;
}

/* Comes before a fork, too. */
int pipe2(int fds[2], int flags)
{
	if (syscall(SYS_pipe2, fds, flags) < 0)
		return -1;
	world.up = fds[1];
	return 0;
}

pid_t waitpid(pid_t pid, int *wstatus, int options)
{
	(void)pid;
	(void)wstatus;
	(void)options;
	abort();
}

void _exit(int status)
{
	(void)status;
	abort();
}

static struct peer *owner_of(int fd)
{
	struct peer *p = world.peers;

	while (p && !(p->kind == CONNECTION && p->report == fd))
		p = p->next;
	return p;
}

/* `report` remembers which of the agent's descriptors this is the other side of; it is not ours to close. */
int socket(int domain, int type, int protocol)
{
	struct peer *p;
	int fds[2];

	(void)domain;
	(void)protocol;
	if (is_short(SHORT_SOCKET) || real_pair(type, fds) < 0) {
		errno = EMFILE;
		return -1;
	}
	for (p = world.peers; p; p = p->next)
		if (p->kind == CONNECTION && p->report == fds[0])
			p->report = -1;
	p = new_peer(CONNECTION);
	p->in = fds[1];
	p->report = fds[0];
	return fds[0];
}

/* So much is on its way that only a reader makes the descriptor writable: what a connection that takes its time looks like. */
static void clog(int fd)
{
	static const uint8_t block[KIB(64)];

	while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
		;
}

/* What it comes to is in the port's number, and may yet be changed by an event. */
int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	static const int results[] = { 0, 0, 0, ECONNREFUSED, ETIMEDOUT };
	const bool v6 = address->sa_family == AF_INET6;
	const uint8_t *port = (const uint8_t *)address + 2;	/* in both kinds of address */
	struct peer *p = owner_of(fd);

	PROMISE(p && len >= 4);
	if (is_short(SHORT_CONNECT)) {
		p->report = -1;
		errno = ENETUNREACH;
		return -1;
	}
	p->pending = results[(v6 ? port[0] : port[1]) % ARRAY_SIZE(results)];
	if (port[1] & 0x80)
		clog(fd);
	errno = EINPROGRESS;
	return -1;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct peer *p = owner_of(fd);

	PROMISE(level == SOL_SOCKET && name == SO_ERROR && *len == sizeof(int));
	*(int *)value = p && p->pending > 0 ? p->pending : 0;
	return 0;
}

/* clock.c */

uint64_t clock_boot_ns(void)
{
	return world.now;
}

uint64_t clock_mono_ns(void)
{
	return world.now;
}

int clock_set_wall(uint64_t unix_ns)
{
	(void)unix_ns;
	return 0;
}

int clock_timeout_ms(uint64_t deadline_mono_ns)
{
	(void)deadline_mono_ns;
	return 0;
}

/* file.c: a guest with a few accounts. */
char *file_read(int dirfd, const char *path, size_t max, size_t *len)
{
	static const char passwd[] = "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n";
	static const char group[] = "root:x:0:\napp:x:1000:app\nwheel:x:10:app,root\n";
	const char *text = strcmp(path, "/etc/passwd") == 0 ? passwd : group;

	PROMISE(dirfd == AT_FDCWD && max == ACCOUNT_FILE_MAX);
	*len = strlen(text);
	return exact_text(text, *len);
}

/* fs_server.c: what it is in, fork() never returns to. */
void fs_serve(const struct fs_lines *lines)
{
	(void)lines;
	abort();
}

/* identity.c, entropy.c, teardown.c */

void identity_set_hostname(struct span hostname)
{
	PROMISE(hostname.p);
}

void identity_set_machine_id(struct span id)
{
	PROMISE(id.len == MACHINE_ID_LEN);
}

int entropy_credit(struct span bytes)
{
	PROMISE(bytes.len >= ENTROPY_MIN && bytes.len <= ENTROPY_MAX);
	return 0;
}

int teardown_sync(const struct teardown *t)
{
	(void)t;
	return 0;
}

int teardown_settle(const struct teardown *t)
{
	(void)t;
	return 0;
}

void teardown_power_off(void)
{
	longjmp(world.down, 1);
}

/* hardening.c */

void harden_machine(void)
{
}

int harden_child(void)
{
	return 0;
}

/* handoff.c: the init that the agent makes way for is nobody, and what it does comes as an event. */

static struct handoff_page page;

void handoff(struct agent *a, struct init_plan *p)
{
	PROMISE(p->cmd && p->argv[0] == p->cmd && p->envp);
	PROMISE(!a->sessions.list && !a->tcps.list && !a->fs.list);
	page = (struct handoff_page){ 0 };
	a->handoff = (struct handoff){ .page = &page, .link = -1, .proc_fd = -1, .terms.fd = -1 };
	port_share_debt(&a->port, &page.debt);
}

bool handoff_watch(struct agent *a)
{
	a->handoff.terms.fd = -1;
	return true;
}

bool handoff_ask_init(const struct agent *a)
{
	PROMISE(a->handoff.page == &page && page.asked);
	return world.init_listens;
}

void handoff_note(struct agent *a, const struct halted *report, uint64_t init_until)
{
	PROMISE(a->handoff.page == &page && init_until >= world.now && init_until <= world.now + INIT_BUDGET_MOST_NS);
	page.report = *report;
	page.asked = true;
}

void handoff_leave(struct agent *a, bool done)
{
	PROMISE(a->handoff.page == &page && (!done || page.asked));
	longjmp(world.down, 1);
}

/* log.c */

static void format(const char *fmt, va_list ap)
{
	char text[MESSAGE_TEXT_MAX];

	PROMISE(vsnprintf(text, sizeof(text), fmt, ap) > 0);
}

#define DEFINE_LOG(name)			\
	void name(const char *fmt, ...)		\
	{					\
		va_list ap;			\
						\
		va_start(ap, fmt);		\
		format(fmt, ap);		\
		va_end(ap);			\
	}

DEFINE_LOG(log_info)
DEFINE_LOG(log_warn)
DEFINE_LOG(log_err)

void fatal(int err, const char *fmt, ...)
{
	va_list ap;

	(void)err;
	va_start(ap, fmt);
	format(fmt, ap);
	va_end(ap);
	longjmp(world.down, 1);
}
