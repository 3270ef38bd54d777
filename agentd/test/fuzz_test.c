// SPDX-License-Identifier: Apache-2.0
// uses: init_plan.c messages_in.c messages_out.c decode.c wire.c cbor.c buf.c errname.c env.c plan.c failure.c users.c rlimits.c file.c
/*
 * Valid messages, broken at random: whatever comes in, nothing is read outside
 * it and nothing leaks (the sanitizers see to that), and what a reader hands
 * out lies within the input.
 */
#include <stdlib.h>

#include "bounds.h"
#include "cbor.h"
#include "init_plan.h"
#include "messages.h"
#include "plan.h"
#include "tap.h"

#define ROUNDS 60000

static uint64_t state = 88172645463325252u;

/* xorshift: the same sequence on every machine, so that a failure comes back. */
static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

#define HEX_32 "0123456789abcdef0123456789abcdef"

static const struct seed {
	enum msg_type type;
	const char *bytes;
	size_t len;
} seeds[] = {
#define SEED(type, lit) { type, lit, sizeof(lit) - 1 }
	SEED(MSG_EXEC_REQUEST,
	     "\xa9\x63" "cmd\x62ls\x64" "args\x82\x62-l\x64/tmp\x63" "env\x82\x63" "A=1\x63" "B=2\x63" "cwd\x61/"
	     "\x64user\x63" "0:0\x63tty\xf4\x67rlimits\x81\xa3\x68resource\x66nofile\x64soft\x19\x04\x00\x64hard\x19\x10\x00"
	     "\x65stdin\x64pipe\x67unknown\x82\xc1\x01\xa1\x61x\xfb\x00\x00\x00\x00\x00\x00\x00\x00"),
	SEED(MSG_BOOTSTRAP,
	     "\xa4\x6a" "block_root\xa4\x64kind\x69oci-erofs\x65lower\x68/dev/vda\x6clower_fstype\x68squashfs"
	     "\x65upper\xa3\x64kind\x66" "device\x66" "device\x68/dev/vdb\x66" "fstype\x64" "ext4\x68hostname\x63" "box"
	     "\x6b" "default_cwd\x64/tmp\x6b" "default_env\x81\xa2\x63key\x61" "A\x65value\x61" "b"),
	SEED(MSG_BOOTSTRAP,
	     "\xa3\x6a" "block_root\xa3\x64kind\x69oci-erofs\x65lower\x61" "a\x65upper\xa3\x64kind\x66" "device\x66" "device\x61" "b"
	     "\x66" "fstype\x64" "ext4\x67" "entropy\x58\x20" HEX_32 "\x6amachine_id\x78\x20" HEX_32),
	SEED(MSG_RESUME,
	     "\xa6\x6funix_time_nanos\x1b\x18\x7a\x00\x00\x00\x00\x00\x00\x67" "entropy\x58\x20" HEX_32
	     "\x6amachine_id\x78\x20" HEX_32 "\x68hostname\x63" "box\x6b" "default_cwd\x64/tmp"
	     "\x6b" "default_env\x81\xa2\x63key\x61" "A\x65value\x61" "b"),
	SEED(MSG_RESUME,
	     "\xa3\x6funix_time_nanos\x01\x67" "entropy\x58\x20" HEX_32 "\x6chandoff_init\xa4\x63" "cmd\x6a/sbin/init"
	     "\x64" "args\x82\x61" "a\x62" "bc\x63" "cwd\x64/tmp\x63" "env\x81\xa2\x63key\x61" "A\x65value\x61" "b"),
	SEED(MSG_SHUTDOWN, "\xa1\x69" "budget_ns\x1b\x00\x00\x00\x02\x54\x0b\xe4\x00"),
	SEED(MSG_FLOW, "\xa3\x68id_start\x01\x70id_end_exclusive\x18\x64\x66paused\xf5"),
	SEED(MSG_EXEC_STDIN, "\xa1\x64" "data\x43" "abc"),
	SEED(MSG_EXEC_REQUEST, "\xa4\x63" "cmd\x62ls\x63tty\xf5\x64rows\x18\x18\x64" "cols\x18\x50"),
	SEED(MSG_EXEC_RESIZE, "\xa2\x64rows\x18\x28\x64" "cols\x19\xff\xff"),
	SEED(MSG_EXEC_SIGNAL, "\xa1\x66signal\x0f"),
	SEED(MSG_TCP_CONNECT, "\xa2\x64host\x69" "127.0.0.1\x64port\x19\x1f\x90"),
	SEED(MSG_CLOCK_SYNC, "\xa1\x6funix_time_nanos\x1b\x18\x7a\x00\x00\x00\x00\x00\x00"),
};

static size_t mutate(uint8_t *b, size_t len, size_t cap)
{
	static const uint8_t heads[] = { 0x1b, 0x3b, 0x5b, 0x5f, 0x7b, 0x7f, 0x9b, 0x9f, 0xbb, 0xbf, 0xc1, 0xdb, 0xf6, 0xf7, 0xf8, 0xff };

	for (uint32_t n = draw(4); n-- > 0 && len > 0;) {
		size_t at = draw((uint32_t)len);

		switch (draw(6)) {
		case 0:
			b[at] ^= (uint8_t)(1 << draw(8));
			break;
		case 1:
			b[at] = heads[draw(ARRAY_SIZE(heads))];
			break;
		case 2:
			b[at] = (uint8_t)draw(256);
			break;
		case 3:
			len = at;
			break;
		case 4:
			memmove(b + at, b + at + 1, len - at - 1);
			len--;
			break;
		default:
			if (len < cap) {
				memmove(b + at + 1, b + at, len - at);
				b[at] = (uint8_t)draw(256);
				len++;
			}
		}
	}
	return len;
}

static int outside;

static void check(struct span in, struct span s)
{
	if (s.p && (s.p < in.p || s.p + s.len > in.p + in.len))
		outside++;
}

static int impossible_windows;

static void check_window(const struct msg_window *w)
{
	if (w->rows < 1 || w->rows > WINDOW_MAX || w->cols < 1 || w->cols > WINDOW_MAX)
		impossible_windows++;
}

static int plans_ready, plans_failed, plans_invalid;

static void read_exec(struct span in)
{
	struct plan_defaults d = { 0 };
	struct msg_exec_request m;
	struct failure f;
	struct plan p;

	if (!msg_read_exec_request(in, &m))
		return;
	check(in, m.cmd);
	check(in, m.args);
	check(in, m.env);
	check(in, m.rlimits);
	if (m.tty)
		check_window(&m.window);
	switch (plan_make(&p, &d, &m, &f)) {
	case PLAN_READY:
		plans_ready += p.argv[0] == p.cmd && p.path && p.cwd;
		break;
	case PLAN_FAILED:
		plans_failed += strlen(f.message) > 0;
		break;
	case PLAN_INVALID:
		plans_invalid++;
		break;
	}
	plan_free(&p);
}

static void read_bootstrap(struct span in)
{
	struct plan_defaults d = { 0 };
	struct msg_bootstrap b;

	if (!msg_read_bootstrap(in, &b))
		return;
	check(in, b.lower);
	check(in, b.upper_fstype);
	check(in, b.hostname);
	check(in, b.entropy);
	check(in, b.machine_id);
	plan_defaults_set(&d, b.default_env, b.default_cwd);
	plan_defaults_free(&d);
}

static int inits, impossible_inits;

static void read_init(struct span raw)
{
	struct init_plan p;

	if (!init_plan_read(&p, raw))
		return;
	inits++;
	impossible_inits += (p.cmd[0] != '/' && strcmp(p.cmd, "auto") != 0) || (p.cwd && p.cwd[0] != '/');
	init_plan_free(&p);
}

static int resumed, impossible_renewals;

static void read_resume(struct span in)
{
	struct plan_defaults d = { 0 };
	struct msg_resume m;

	if (!msg_read_resume(in, &m))
		return;
	check(in, m.entropy);
	check(in, m.machine_id);
	check(in, m.hostname);
	if (m.entropy.len < ENTROPY_MIN || m.entropy.len > ENTROPY_MAX || (m.machine_id.p && m.machine_id.len != MACHINE_ID_LEN))
		impossible_renewals++;
	check(in, m.handoff_init);
	read_init(m.handoff_init);
	resumed += plan_defaults_set(&d, m.default_env, m.default_cwd);
	plan_defaults_free(&d);
}

static void read_any(enum msg_type type, struct span in)
{
	struct msg_id_range range;
	struct span data = { 0 };
	struct msg_tcp_connect connect;
	struct msg_window w;
	uint64_t ns;
	int32_t sig;

	switch (type) {
	case MSG_EXEC_REQUEST:
		read_exec(in);
		break;
	case MSG_BOOTSTRAP:
		read_bootstrap(in);
		break;
	case MSG_RESUME:
		read_resume(in);
		break;
	case MSG_SHUTDOWN:
		msg_read_shutdown(in, &ns);
		break;
	case MSG_FLOW:
		msg_read_flow(in, &range);
		msg_read_disconnected(in, &range);
		break;
	case MSG_EXEC_STDIN:
		if (msg_read_data(in, &data))
			check(in, data);
		break;
	case MSG_EXEC_RESIZE:
		if (msg_read_resize(in, &w))
			check_window(&w);
		break;
	case MSG_TCP_CONNECT:
		if (msg_read_tcp_connect(in, &connect))
			check(in, connect.host);
		break;
	case MSG_EXEC_SIGNAL:
		msg_read_signal(in, &sig);
		break;
	default:
		msg_read_clock(in, &ns);
		break;
	}
}

/* Each input in memory of just its size, so that a byte too far is seen. */
static struct span exact(const uint8_t *b, size_t len)
{
	uint8_t *mem = malloc(len ? len : 1);

	memcpy(mem, b, len);
	return span_of(mem, len);
}

static void payloads(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		const struct seed *s = &seeds[draw(ARRAY_SIZE(seeds))];
		uint8_t b[512];
		struct span in;

		memcpy(b, s->bytes, s->len);
		in = exact(b, mutate(b, s->len, sizeof(b)));
		read_any(s->type, in);
		free((void *)in.p);
	}
	ok(outside == 0, "%d mutated payloads: nothing points outside its input", ROUNDS);
	ok(impossible_windows == 0, "and no terminal is of an impossible size");
	ok(resumed > 0 && impossible_renewals == 0, "nor any renewal (of %d) without its entropy, or of half a machine's id", resumed);
	ok(inits > 0 && impossible_inits == 0, "nor any init (of %d) that is no absolute path", inits);
	ok(plans_ready > 0 && plans_failed > 0 && plans_invalid > 0,
	   "some could be planned (%d), some failed (%d), some were invalid (%d)", plans_ready, plans_failed, plans_invalid);
}

static void frames(void)
{
	int opened = 0;

	for (int i = 0; i < ROUNDS; i++) {
		const struct seed *s = &seeds[draw(ARRAY_SIZE(seeds))];
		struct buf q = { .max = KIB(64) };
		uint8_t b[1024];
		struct frame f;
		struct envelope e;
		struct span in;

		wire_append(&q, draw(100), s->type, span_of(s->bytes, s->len), span_of("", 0));
		memcpy(b, buf_span(&q).p, q.len);
		in = exact(b, mutate(b, q.len, sizeof(b)));
		buf_free(&q);
		if (wire_peek(in, &f) == FRAME_WHOLE && wire_open(f.body, &e)) {
			opened++;
			check(in, e.name);
			check(in, e.payload);
			read_any(e.type, e.payload);
		}
		free((void *)in.p);
	}
	ok(outside == 0 && opened > 0, "%d mutated frames, %d of them opened: nothing points outside", ROUNDS, opened);
}

static void noise(void)
{
	int passed = 0;

	for (int i = 0; i < ROUNDS; i++) {
		uint8_t b[64];
		size_t len = draw(sizeof(b));
		struct cbor_reader r;
		struct span in;

		for (size_t k = 0; k < len; k++)
			b[k] = (uint8_t)draw(256);
		in = exact(b, len);
		r = cbor_reader(in);
		passed += cbor_skip(&r) && r.p <= r.end;
		read_any(seeds[draw(ARRAY_SIZE(seeds))].type, in);
		free((void *)in.p);
	}
	ok(passed > 0, "%d times noise, of which %d began with a value", ROUNDS, passed);
}

int main(void)
{
	payloads();
	frames();
	noise();
	return tap_done();
}
