/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_MESSAGES_H
#define AGENTD_MESSAGES_H

#include "buf.h"
#include "cbor.h"
#include "util.h"
#include "wire.h"

/* What the host sends. Spans point into the frame; absent ones have no `p`. */
struct msg_bootstrap {
	struct span lower, lower_fstype;
	struct span upper, upper_fstype;
	struct span hostname, default_cwd;
	struct span default_env;	/* raw array of {key, value} */
	bool hangup_after_halted;
	struct span entropy, machine_id;
	struct span handoff_init;	/* raw, for msg_read_handoff */
	bool restricted;		/* never with an init */
};

struct msg_resume {
	uint64_t unix_ns;
	struct span entropy;		/* ENTROPY_MIN to ENTROPY_MAX bytes */
	struct span machine_id;		/* MACHINE_ID_LEN hex digits */
	struct span hostname, default_cwd;
	struct span default_env;	/* raw array of {key, value} */
	struct span handoff_init;	/* raw, for msg_read_handoff */
	struct span security_profile;
	bool restricted;		/* never with an init */
};

/* An init to be PID 1 in our place. */
struct msg_handoff {
	struct span cmd, cwd;
	struct span args;		/* raw array of text */
	struct span env;		/* raw array of {key, value} */
};

/* A terminal's size in characters, each from 1 to WINDOW_MAX. */
struct msg_window {
	uint32_t rows, cols;
};

struct msg_exec_request {
	struct span cmd, cwd, user;
	struct span args, env;		/* raw arrays of text */
	struct span rlimits;		/* raw array of {resource, soft, hard} */
	struct span stdin_mode;
	bool tty;
	struct msg_window window;	/* of the terminal, if there is one */
	uint32_t stop_signal;	/* what a shutdown sends it first, or 0 */
};

struct msg_rlimit {
	struct span resource;
	uint64_t soft, hard;
};

struct msg_tcp_connect {
	struct span host;
	uint32_t port;		/* from 1 to 65535 */
};

struct msg_id_range {
	uint32_t start, end;	/* end is exclusive */
	bool paused;		/* msb.flow only */
};

static inline bool id_in_range(const struct msg_id_range *r, uint32_t id)
{
	return id >= r->start && id < r->end;
}

bool msg_read_bootstrap(struct span payload, struct msg_bootstrap *m);
bool msg_read_resume(struct span payload, struct msg_resume *m);
bool msg_read_handoff(struct span raw, struct msg_handoff *m);
bool msg_read_env_pair(struct cbor_reader *r, struct span *key, struct span *value);
bool msg_read_exec_request(struct span payload, struct msg_exec_request *m);
bool msg_read_rlimit(struct cbor_reader *r, struct msg_rlimit *m);
bool msg_read_data(struct span payload, struct span *data);
bool msg_read_resize(struct span payload, struct msg_window *w);
bool msg_read_signal(struct span payload, int32_t *signal);
bool msg_read_tcp_connect(struct span payload, struct msg_tcp_connect *m);
bool msg_read_clock(struct span payload, uint64_t *unix_ns);

/* `budget_ns` is 0 where the host does not say how long it waits. */
bool msg_read_shutdown(struct span payload, uint64_t *budget_ns);
bool msg_read_disconnected(struct span payload, struct msg_id_range *m);
bool msg_read_flow(struct span payload, struct msg_id_range *m);

/* Why a command could not be started, as core.exec.failed says it. */
struct failure {
	const char *kind;
	int err;		/* 0: no system call failed */
	char message[512];
	char stage[48];		/* empty: the kind says it all */
};

struct halted {
	bool clean;
	uint64_t term_ns, sync_ns, kill_ns, unmount_ns;
	uint64_t killed;
	uint64_t init_ns;	/* what the init took, if PID 1 was `handed_off` */
	bool handed_off;
};

/* Times of CLOCK_BOOTTIME: at main, spent in init, when ready. */
struct ready {
	uint64_t boot_ns, init_ns, ready_ns;
	uint64_t resume_ns;	/* spent in the renewal, if it was `resumed` */
	bool resumed;
};

/* What the agent sends. False: the queue has no room left, or no memory. */
bool msg_send_empty(struct buf *q, uint32_t id, enum msg_type type);
bool msg_send_init_resolved(struct buf *q, uint32_t uid, uint32_t gid);
bool msg_send_ready(struct buf *q, uint32_t id, const struct ready *r);
bool msg_send_touched(struct buf *q, uint32_t id, uint64_t seq);
bool msg_send_error(struct buf *q, uint32_t id, const char *kind, const char *message,
		    struct span offending_type);
bool msg_send_started(struct buf *q, uint32_t id, uint32_t pid);
bool msg_send_stdin_error(struct buf *q, uint32_t id, int err, const char *message);
bool msg_send_tcp_failed(struct buf *q, uint32_t id, int err, const char *what);
bool msg_send_taken(struct buf *q, uint32_t id, uint64_t bytes);
bool msg_send_exited(struct buf *q, uint32_t id, int wstatus);
bool msg_send_failed(struct buf *q, uint32_t id, const struct failure *f);
bool msg_send_halted(struct buf *q, const struct halted *h);

/*
 * Bulk data is read to where it is sent from: room in the queue for up to
 * `most` bytes, of which `len` make a message then. NULL: there is no room.
 */
uint8_t *msg_data_room(struct buf *q, enum msg_type type, size_t most);
void msg_send_data(struct buf *q, uint32_t id, enum msg_type type, uint8_t *data, size_t most, size_t len);

/* What comes before data that is not in the queue. */
bool msg_send_data_head(struct buf *q, uint32_t id, enum msg_type type, size_t len);

#endif
