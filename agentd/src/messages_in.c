// SPDX-License-Identifier: Apache-2.0
#include "bounds.h"
#include "decode.h"
#include "messages.h"

#define FIELD(type, member, key, kind, required) \
	{ key, kind, offsetof(type, member), required }

struct block_root {
	struct span kind, lower, lower_fstype, upper;
};

struct block_upper {
	struct span kind, device, fstype;
};

struct bootstrap_fields {
	struct span block_root, hostname, default_cwd, default_env;
	bool hangup_after_halted;
	struct span entropy, machine_id;
	struct span handoff_init;
	struct span security_profile;
};

static const struct field bootstrap_table[] = {
	FIELD(struct bootstrap_fields, block_root, "block_root", FIELD_RAW, true),
	FIELD(struct bootstrap_fields, hostname, "hostname", FIELD_TEXT, false),
	FIELD(struct bootstrap_fields, default_cwd, "default_cwd", FIELD_TEXT, false),
	FIELD(struct bootstrap_fields, default_env, "default_env", FIELD_RAW, false),
	FIELD(struct bootstrap_fields, hangup_after_halted, "hangup_after_halted", FIELD_BOOL, false),
	FIELD(struct bootstrap_fields, entropy, "entropy", FIELD_BYTES, false),
	FIELD(struct bootstrap_fields, machine_id, "machine_id", FIELD_TEXT, false),
	FIELD(struct bootstrap_fields, handoff_init, "handoff_init", FIELD_RAW, false),
	FIELD(struct bootstrap_fields, security_profile, "security_profile", FIELD_TEXT, false),
};

static const struct field block_root_table[] = {
	FIELD(struct block_root, kind, "kind", FIELD_TEXT, true),
	FIELD(struct block_root, lower, "lower", FIELD_TEXT, true),
	FIELD(struct block_root, lower_fstype, "lower_fstype", FIELD_TEXT, false),
	FIELD(struct block_root, upper, "upper", FIELD_RAW, true),
};

static const struct field block_upper_table[] = {
	FIELD(struct block_upper, kind, "kind", FIELD_TEXT, true),
	FIELD(struct block_upper, device, "device", FIELD_TEXT, true),
	FIELD(struct block_upper, fstype, "fstype", FIELD_TEXT, true),
};

static bool entropy_fits(struct span s)
{
	return s.len >= ENTROPY_MIN && s.len <= ENTROPY_MAX;
}

static bool machine_id_fits(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!memchr("0123456789abcdef", s.p[i], 16))
			return false;
	return s.len == MACHINE_ID_LEN;
}

/* An init has to mount, and what it starts is nobody's to restrict: it is the one or the other. */
static bool profile_fits(struct span profile, struct span handoff_init, bool *restricted)
{
	*restricted = span_eq(profile, "restricted");
	return *restricted ? !handoff_init.p : !profile.p || span_eq(profile, "default");
}

/* The one shape of root that there is: a read-only image under an upper disk. */
bool msg_read_bootstrap(struct span payload, struct msg_bootstrap *m)
{
	struct bootstrap_fields b = { 0 };
	struct block_root root = { 0 };
	struct block_upper upper = { 0 };
	bool restricted;

	if (!decode_payload(payload, bootstrap_table, ARRAY_SIZE(bootstrap_table), &b) ||
	    !decode_payload(b.block_root, block_root_table, ARRAY_SIZE(block_root_table), &root) ||
	    !span_eq(root.kind, "oci-erofs") ||
	    !decode_payload(root.upper, block_upper_table, ARRAY_SIZE(block_upper_table), &upper) ||
	    !span_eq(upper.kind, "device") ||
	    (b.entropy.p && !entropy_fits(b.entropy)) ||
	    (b.machine_id.p && !machine_id_fits(b.machine_id)) ||
	    !profile_fits(b.security_profile, b.handoff_init, &restricted))
		return false;
	*m = (struct msg_bootstrap){
		.lower = root.lower,
		.lower_fstype = root.lower_fstype,
		.upper = upper.device,
		.upper_fstype = upper.fstype,
		.hostname = b.hostname,
		.default_cwd = b.default_cwd,
		.default_env = b.default_env,
		.hangup_after_halted = b.hangup_after_halted,
		.entropy = b.entropy,
		.machine_id = b.machine_id,
		.handoff_init = b.handoff_init,
		.restricted = restricted,
	};
	return true;
}

bool msg_read_resume(struct span payload, struct msg_resume *m)
{
	static const struct field table[] = {
		FIELD(struct msg_resume, unix_ns, "unix_time_nanos", FIELD_U64, true),
		FIELD(struct msg_resume, entropy, "entropy", FIELD_BYTES, true),
		FIELD(struct msg_resume, machine_id, "machine_id", FIELD_TEXT, false),
		FIELD(struct msg_resume, hostname, "hostname", FIELD_TEXT, false),
		FIELD(struct msg_resume, default_cwd, "default_cwd", FIELD_TEXT, false),
		FIELD(struct msg_resume, default_env, "default_env", FIELD_RAW, false),
		FIELD(struct msg_resume, handoff_init, "handoff_init", FIELD_RAW, false),
		FIELD(struct msg_resume, security_profile, "security_profile", FIELD_TEXT, false),
	};

	*m = (struct msg_resume){ 0 };
	return decode_payload(payload, table, ARRAY_SIZE(table), m) && entropy_fits(m->entropy) &&
	       (!m->machine_id.p || machine_id_fits(m->machine_id)) &&
	       profile_fits(m->security_profile, m->handoff_init, &m->restricted);
}

bool msg_read_handoff(struct span raw, struct msg_handoff *m)
{
	static const struct field table[] = {
		FIELD(struct msg_handoff, cmd, "cmd", FIELD_TEXT, true),
		FIELD(struct msg_handoff, args, "args", FIELD_RAW, false),
		FIELD(struct msg_handoff, cwd, "cwd", FIELD_TEXT, false),
		FIELD(struct msg_handoff, env, "env", FIELD_RAW, false),
	};

	*m = (struct msg_handoff){ 0 };
	return decode_payload(raw, table, ARRAY_SIZE(table), m);
}

bool msg_read_env_pair(struct cbor_reader *r, struct span *key, struct span *value)
{
	struct pair {
		struct span key, value;
	} pair = { 0 };
	static const struct field table[] = {
		FIELD(struct pair, key, "key", FIELD_TEXT, true),
		FIELD(struct pair, value, "value", FIELD_TEXT, true),
	};

	if (!decode_map(r, table, ARRAY_SIZE(table), &pair))
		return false;
	*key = pair.key;
	*value = pair.value;
	return true;
}

static bool window_fits(const struct msg_window *w)
{
	return w->rows >= 1 && w->rows <= WINDOW_MAX && w->cols >= 1 && w->cols <= WINDOW_MAX;
}

bool msg_read_exec_request(struct span payload, struct msg_exec_request *m)
{
	static const struct field table[] = {
		FIELD(struct msg_exec_request, cmd, "cmd", FIELD_TEXT, true),
		FIELD(struct msg_exec_request, args, "args", FIELD_RAW, false),
		FIELD(struct msg_exec_request, env, "env", FIELD_RAW, false),
		FIELD(struct msg_exec_request, cwd, "cwd", FIELD_TEXT, false),
		FIELD(struct msg_exec_request, user, "user", FIELD_TEXT, false),
		FIELD(struct msg_exec_request, tty, "tty", FIELD_BOOL, false),
		FIELD(struct msg_exec_request, window.rows, "rows", FIELD_U32, false),
		FIELD(struct msg_exec_request, window.cols, "cols", FIELD_U32, false),
		FIELD(struct msg_exec_request, rlimits, "rlimits", FIELD_RAW, false),
		FIELD(struct msg_exec_request, stdin_mode, "stdin", FIELD_TEXT, false),
		FIELD(struct msg_exec_request, stop_signal, "stop_signal", FIELD_U32, false),
	};

	*m = (struct msg_exec_request){ .window = { .rows = 24, .cols = 80 } };
	if (!decode_payload(payload, table, ARRAY_SIZE(table), m))
		return false;
	if ((m->tty && !window_fits(&m->window)) || m->stop_signal > SIGNAL_MAX)
		return false;
	return !m->stdin_mode.p || span_eq(m->stdin_mode, "null") || span_eq(m->stdin_mode, "pipe");
}

bool msg_read_rlimit(struct cbor_reader *r, struct msg_rlimit *m)
{
	static const struct field table[] = {
		FIELD(struct msg_rlimit, resource, "resource", FIELD_TEXT, true),
		FIELD(struct msg_rlimit, soft, "soft", FIELD_U64, true),
		FIELD(struct msg_rlimit, hard, "hard", FIELD_U64, true),
	};

	*m = (struct msg_rlimit){ 0 };
	return decode_map(r, table, ARRAY_SIZE(table), m);
}

bool msg_read_data(struct span payload, struct span *data)
{
	static const struct field table[] = { { "data", FIELD_BYTES, 0, true } };

	return decode_payload(payload, table, ARRAY_SIZE(table), data);
}

bool msg_read_resize(struct span payload, struct msg_window *w)
{
	static const struct field table[] = {
		FIELD(struct msg_window, rows, "rows", FIELD_U32, true),
		FIELD(struct msg_window, cols, "cols", FIELD_U32, true),
	};

	*w = (struct msg_window){ 0 };
	return decode_payload(payload, table, ARRAY_SIZE(table), w) && window_fits(w);
}

bool msg_read_signal(struct span payload, int32_t *signal)
{
	static const struct field table[] = { { "signal", FIELD_I32, 0, true } };

	return decode_payload(payload, table, ARRAY_SIZE(table), signal);
}

bool msg_read_tcp_connect(struct span payload, struct msg_tcp_connect *m)
{
	static const struct field table[] = {
		FIELD(struct msg_tcp_connect, host, "host", FIELD_TEXT, true),
		FIELD(struct msg_tcp_connect, port, "port", FIELD_U32, true),
	};

	*m = (struct msg_tcp_connect){ 0 };
	return decode_payload(payload, table, ARRAY_SIZE(table), m) && m->port >= 1 && m->port <= 65535;
}

bool msg_read_clock(struct span payload, uint64_t *unix_ns)
{
	static const struct field table[] = { { "unix_time_nanos", FIELD_U64, 0, true } };

	return decode_payload(payload, table, ARRAY_SIZE(table), unix_ns);
}

bool msg_read_shutdown(struct span payload, uint64_t *budget_ns)
{
	static const struct field table[] = { { "budget_ns", FIELD_U64, 0, false } };

	*budget_ns = 0;
	return decode_payload(payload, table, ARRAY_SIZE(table), budget_ns);
}

static const struct field id_range_table[] = {
	FIELD(struct msg_id_range, start, "id_start", FIELD_U32, true),
	FIELD(struct msg_id_range, end, "id_end_exclusive", FIELD_U32, true),
	FIELD(struct msg_id_range, paused, "paused", FIELD_BOOL, true),
};

bool msg_read_disconnected(struct span payload, struct msg_id_range *m)
{
	*m = (struct msg_id_range){ 0 };
	return decode_payload(payload, id_range_table, ARRAY_SIZE(id_range_table) - 1, m) && m->start < m->end;
}

bool msg_read_flow(struct span payload, struct msg_id_range *m)
{
	*m = (struct msg_id_range){ 0 };
	return decode_payload(payload, id_range_table, ARRAY_SIZE(id_range_table), m) && m->start < m->end;
}
