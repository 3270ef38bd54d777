// SPDX-License-Identifier: Apache-2.0
// uses: messages_in.c messages_out.c decode.c wire.c cbor.c buf.c errname.c
#include <errno.h>

#include "bounds.h"
#include "cbor.h"
#include "messages.h"
#include "tap.h"

#define EXEC_MINIMAL "\xa1\x63" "cmd" "\x62" "ls"

static void requests(void)
{
	struct msg_exec_request m;

	ok(msg_read_exec_request(BYTES(EXEC_MINIMAL), &m) && span_eq(m.cmd, "ls") && !m.args.p && !m.tty,
	   "a command alone is a request");
	ok(msg_read_exec_request(BYTES("\xa4\x63" "cmd\x62ls\x63" "cwd\xf6\x63" "env\x80\x63tty\xf5"), &m) &&
	   !m.cwd.p && m.env.len == 1 && m.tty, "null is absent, an array stays raw");
	ok(!msg_read_exec_request(BYTES("\xa1\x64" "args\x80"), &m), "no command is no request");
	ok(!msg_read_exec_request(BYTES("\xa1\x63" "cmd\xf6"), &m), "neither is a null one");
	ok(!msg_read_exec_request(BYTES("\xa2\x63" "cmd\x62ls\x63" "cmd\x62ls"), &m), "nor two");
	ok(!msg_read_exec_request(BYTES("\xa2\x63" "cmd\x62ls\x63tty\x01"), &m), "tty is a bool");
	ok(msg_read_exec_request(BYTES("\xa2\x63" "cmd\x62ls\x63tty\xf5"), &m) && m.window.rows == 24 && m.window.cols == 80,
	   "a terminal that nothing is said about has 24 rows and 80 columns");
	ok(msg_read_exec_request(BYTES("\xa4\x63" "cmd\x62ls\x63tty\xf5\x64rows\x01\x64" "cols\x19\xff\xff"), &m) &&
	   m.window.rows == 1 && m.window.cols == 65535, "its size is 1 to 65535");
	ok(!msg_read_exec_request(BYTES("\xa3\x63" "cmd\x62ls\x63tty\xf5\x64rows\x00"), &m), "not 0");
	ok(!msg_read_exec_request(BYTES("\xa3\x63" "cmd\x62ls\x63tty\xf5\x64" "cols\x1a\x00\x01\x00\x00"), &m), "nor 65536");
	ok(msg_read_exec_request(BYTES("\xa3\x63" "cmd\x62ls\x63tty\xf4\x64rows\x00"), &m), "without a terminal it means nothing");
	ok(msg_read_exec_request(BYTES("\xa2\x63" "cmd\x62ls\x65stdin\x64null"), &m), "stdin may be null");
	ok(!msg_read_exec_request(BYTES("\xa2\x63" "cmd\x62ls\x65stdin\x63tty"), &m), "but nothing unheard of");
	ok(msg_read_exec_request(BYTES("\xa2\x63" "cmd\x62ls\x6bstop_signal\x18\x40"), &m) && m.stop_signal == 64,
	   "it may have a signal of its own for its end");
	ok(!msg_read_exec_request(BYTES("\xa2\x63" "cmd\x62ls\x6bstop_signal\x18\x41"), &m), "one that there is");
	ok(!msg_read_exec_request(BYTES("\xa2\x63" "cmd\x62ls\x6bstop_signal\x20"), &m), "and none that is negative");
	ok(!msg_read_exec_request(BYTES(EXEC_MINIMAL "\x00"), &m), "and nothing comes after the map");
}

#define ENTROPY_16 "0123456789abcdef"
#define ENTROPY_32 ENTROPY_16 ENTROPY_16
#define PROFILE "\x70" "security_profile"
#define INIT "\x6chandoff_init\xa1\x63" "cmd\x64" "auto"
#define ID_KEY "\x6amachine_id"
#define ID_GOOD "\x78\x20" "0123456789abcdef0123456789abcdef"

static void bootstrap(void)
{
	static const char good[] =
		"\xa3\x6a" "block_root\xa4\x64kind\x69oci-erofs\x65lower\x68/dev/vda"
		"\x6clower_fstype\x68squashfs\x65upper\xa3\x64kind\x66" "device\x66" "device\x68/dev/vdb"
		"\x66" "fstype\x64" "ext4\x68hostname\x63" "box\x6a" "dir_mounts\x80";
	struct msg_bootstrap b;
	char bad[sizeof(good)];
	char more[sizeof(good) + 128];
	size_t len = sizeof(good) - 1;

	ok(msg_read_bootstrap(BYTES(good), &b) && span_eq(b.lower, "/dev/vda") && span_eq(b.lower_fstype, "squashfs") &&
	   span_eq(b.upper, "/dev/vdb") && span_eq(b.upper_fstype, "ext4") && span_eq(b.hostname, "box") &&
	   !b.default_env.p && !b.hangup_after_halted, "a bootstrap");
	memcpy(bad, good, sizeof(good));
	memcpy(strstr(bad, "oci-erofs"), "disk-imag", 9);
	ok(!msg_read_bootstrap(span_of(bad, sizeof(bad) - 1), &b), "another kind of root is refused");
	ok(!msg_read_bootstrap(BYTES("\xa0"), &b), "a bootstrap without a root is refused");

	memcpy(more, good, len);
	more[0] = '\xa5';
#define WITH(pairs) (memcpy(more + len, pairs, sizeof(pairs) - 1), span_of(more, len + sizeof(pairs) - 1))
	ok(msg_read_bootstrap(WITH("\x67" "entropy\x58\x20" ENTROPY_32 ID_KEY ID_GOOD), &b) &&
	   bytes_are(b.entropy, BYTES(ENTROPY_32)) && b.machine_id.len == 32, "it may bring entropy and the machine's id");
	ok(msg_read_bootstrap(WITH("\x67" "entropy\xf6" ID_KEY "\xf6"), &b) && !b.entropy.p && !b.machine_id.p, "or null");
	ok(msg_read_bootstrap(WITH(PROFILE "\x6arestricted" ID_KEY ID_GOOD), &b) && b.restricted, "it may be restricted");
	ok(msg_read_bootstrap(WITH(PROFILE "\x67" "default" ID_KEY ID_GOOD), &b) && !b.restricted &&
	   msg_read_bootstrap(WITH(PROFILE "\xf6" ID_KEY ID_GOOD), &b) && !b.restricted, "or not");
	ok(!msg_read_bootstrap(WITH(PROFILE "\x66" "strict" ID_KEY ID_GOOD), &b) &&
	   !msg_read_bootstrap(WITH(PROFILE "\x60" ID_KEY ID_GOOD), &b), "a profile that nobody knows is none");
	ok(!msg_read_bootstrap(WITH(PROFILE "\x6arestricted" INIT), &b), "nor is one with an init");
	ok(!msg_read_bootstrap(WITH("\x67" "entropy\x50" ENTROPY_16 ID_KEY ID_GOOD), &b), "not too little of the one");
	ok(!msg_read_bootstrap(WITH("\x67" "entropy\x58\x20" ENTROPY_32 ID_KEY "\x70" ENTROPY_16), &b), "nor of the other");
#undef WITH
}

#define RESUME(pairs, entropy) pairs "\x6funix_time_nanos\x1a\xff\xff\xff\xff\x67" "entropy" entropy

/* A renewal with `len` bytes of entropy. */
static bool resumes_with(size_t len)
{
	uint8_t mem[ENTROPY_MAX + 128], bytes[ENTROPY_MAX + 1] = { 0 };
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));
	struct msg_resume m;

	cbor_put_map(&w, 2);
	cbor_put_text(&w, "unix_time_nanos");
	cbor_put_uint(&w, UINT64_MAX);
	cbor_put_text(&w, "entropy");
	cbor_put_bytes_head(&w, len);
	memcpy(mem + w.len, bytes, len);
	return msg_read_resume(span_of(mem, w.len + len), &m) && m.unix_ns == UINT64_MAX && m.entropy.len == len;
}

static bool resumes_as(struct span payload)
{
	struct msg_resume m;

	return msg_read_resume(payload, &m);
}

static void resume(void)
{
	struct msg_resume m;

	ok(msg_read_resume(BYTES(RESUME("\xa2", "\x58\x20" ENTROPY_32)), &m) && m.unix_ns == UINT32_MAX &&
	   bytes_are(m.entropy, BYTES(ENTROPY_32)) && !m.machine_id.p && !m.hostname.p && !m.default_cwd.p && !m.default_env.p,
	   "a renewal is a time and entropy");
	ok(msg_read_resume(BYTES(RESUME("\xa6", "\x58\x20" ENTROPY_32) ID_KEY ID_GOOD
				 "\x68hostname\x63" "box\x6b" "default_cwd\x64/tmp\x6b" "default_env\x80"), &m) &&
	   m.machine_id.len == 32 && span_eq(m.hostname, "box") && span_eq(m.default_cwd, "/tmp") && m.default_env.len == 1,
	   "and who the machine is from then on");
	ok(resumes_with(32) && resumes_with(1024), "the entropy is 32 to 1024 bytes");
	ok(!resumes_with(0) && !resumes_with(31) && !resumes_with(1025), "neither less nor more");
	ok(!resumes_as(BYTES("\xa1\x6funix_time_nanos\x01")) && !resumes_as(BYTES("\xa1\x67" "entropy\x58\x20" ENTROPY_32)),
	   "neither can be missing");
	ok(!resumes_as(BYTES(RESUME("\xa2", "\x78\x20" ENTROPY_32))), "entropy is bytes");
	ok(!resumes_as(BYTES(RESUME("\xa3", "\x58\x20" ENTROPY_32) ID_KEY "\x78\x20" "0123456789ABCDEF0123456789abcdef")) &&
	   !resumes_as(BYTES(RESUME("\xa3", "\x58\x20" ENTROPY_32) ID_KEY "\x78\x20" "0123456789abcdef0123456789abcde\n")),
	   "a machine's id is of lowercase hex digits");
	ok(!resumes_as(BYTES(RESUME("\xa3", "\x58\x20" ENTROPY_32) ID_KEY "\x70" ENTROPY_16)) &&
	   !resumes_as(BYTES(RESUME("\xa3", "\x58\x20" ENTROPY_32) ID_KEY "\x60")) &&
	   !resumes_as(BYTES(RESUME("\xa3", "\x58\x20" ENTROPY_32) ID_KEY "\x78\x21" ENTROPY_32 "0")), "32 of them");
	ok(resumes_as(BYTES(RESUME("\xa3", "\x58\x20" ENTROPY_32) ID_KEY "\xf6")), "null is none");
	ok(!resumes_as(BYTES(RESUME("\xa3", "\x58\x20" ENTROPY_32) "\x68hostname\x01")), "a host name is text");
	ok(msg_read_resume(BYTES(RESUME("\xa3", "\x58\x20" ENTROPY_32) PROFILE "\x6arestricted"), &m) && m.restricted &&
	   msg_read_resume(BYTES(RESUME("\xa2", "\x58\x20" ENTROPY_32)), &m) && !m.restricted, "it may restrict");
	ok(!resumes_as(BYTES(RESUME("\xa4", "\x58\x20" ENTROPY_32) PROFILE "\x6arestricted" INIT)) &&
	   resumes_as(BYTES(RESUME("\xa4", "\x58\x20" ENTROPY_32) PROFILE "\x67" "default" INIT)), "but no init");
}

static void control(void)
{
	struct msg_id_range r;
	struct msg_tcp_connect c;
	struct msg_window w;
	struct span data;
	uint64_t budget;
	int32_t sig;

	ok(msg_read_shutdown(BYTES("\xa1\x69" "budget_ns\x1a\xb2\xd0\x5e\x00"), &budget) && budget == 3000000000u,
	   "a shutdown may say what time there is");
	ok(msg_read_shutdown(BYTES("\xa0"), &budget) && budget == 0, "and need not");
	ok(!msg_read_shutdown(BYTES("\xa1\x69" "budget_ns\x20"), &budget), "which is never less than none");
	ok(msg_read_flow(BYTES("\xa3\x68id_start\x01\x70id_end_exclusive\x18\x64\x66paused\xf5"), &r) &&
	   r.start == 1 && r.end == 100 && r.paused, "flow");
	ok(!msg_read_flow(BYTES("\xa2\x68id_start\x01\x70id_end_exclusive\x02"), &r), "flow must say paused");
	ok(msg_read_disconnected(BYTES("\xa2\x68id_start\x01\x70id_end_exclusive\x02"), &r), "disconnected need not");
	ok(!msg_read_disconnected(BYTES("\xa2\x68id_start\x02\x70id_end_exclusive\x02"), &r), "a range is somebody's");
	ok(!msg_read_flow(BYTES("\xa3\x68id_start\x1a\xff\xff\xff\xff\x70id_end_exclusive\x01\x66paused\xf5"), &r),
	   "of flow as well");
	ok(!msg_read_disconnected(BYTES("\xa2\x68id_start\x01\x70id_end_exclusive\x1b\x00\x00\x00\x01\x00\x00\x00\x00"), &r),
	   "an id is 32 bits");
	ok(msg_read_data(BYTES("\xa1\x64" "data\x40"), &data) && data.p && data.len == 0, "empty data is an end, not an absence");
	ok(msg_read_resize(BYTES("\xa2\x64rows\x18\x28\x64" "cols\x18\x78"), &w) && w.rows == 40 && w.cols == 120, "resize");
	ok(!msg_read_resize(BYTES("\xa1\x64rows\x18\x28"), &w), "resize must say both");
	ok(!msg_read_resize(BYTES("\xa2\x64rows\x00\x64" "cols\x18\x78"), &w) &&
	   !msg_read_resize(BYTES("\xa2\x64rows\x20\x64" "cols\x18\x78"), &w), "and neither is 0 or less");
	ok(msg_read_signal(BYTES("\xa1\x66signal\x0f"), &sig) && sig == 15, "signal");
	ok(msg_read_tcp_connect(BYTES("\xa2\x64host\x69localhost\x64port\x19\xff\xff"), &c) && c.port == 65535 &&
	   span_eq(c.host, "localhost"), "connect");
	ok(!msg_read_tcp_connect(BYTES("\xa2\x64host\x63::1\x64port\x00"), &c) &&
	   !msg_read_tcp_connect(BYTES("\xa2\x64host\x63::1\x64port\x1a\x00\x01\x00\x00"), &c) &&
	   !msg_read_tcp_connect(BYTES("\xa1\x64port\x01"), &c), "to a port that there is, of a host");
	ok(!msg_read_signal(BYTES("\xa1\x66signal\x1a\x80\x00\x00\x00"), &sig), "2^31 is no signal");
}

static void payload_is(struct buf *q, const char *what, struct span want)
{
	struct frame f = { 0 };
	struct envelope e = { 0 };

	ok(wire_peek(buf_span(q), &f) == FRAME_WHOLE && wire_open(f.body, &e) && bytes_are(e.payload, want), "%s", what);
	buf_consume(q, f.size);
}

/* What core.ready says; `first` is the map's head, `last` comes after the version, of whatever length that is. */
static void ready_is(struct buf *q, const char *what, const char *first, const char *last)
{
	char want[256];
	int len = snprintf(want, sizeof(want), "%s\x6c" "boot_time_ns\x01\x6cinit_time_ns\x02\x6dready_time_ns\x03"
			   "\x6d" "agent_version%c" AGENT_VERSION "%s", first, (char)(0x60 + strlen(AGENT_VERSION)), last);

	payload_is(q, what, span_of(want, (size_t)len));
}

static void answers(void)
{
	struct frame frame = { 0 };
	struct buf q = { .max = KIB(128) };
	uint8_t *room;
	struct failure f = { .kind = "not_found", .err = ENOENT, .message = "no", .stage = "execve" };
	struct halted h = { .clean = true, .killed = 2 };
	struct ready r = { .boot_ns = 1, .init_ns = 2, .ready_ns = 3, .resume_ns = 4 };

	msg_send_exited(&q, 1, 3 << 8);
	payload_is(&q, "exit code 3", BYTES("\xa1\x64" "code\x03"));
	msg_send_exited(&q, 1, 9);
	payload_is(&q, "signal 9 is code -1", BYTES("\xa2\x64" "code\x20\x66signal\x09"));
	msg_send_failed(&q, 1, &f);
	payload_is(&q, "a failure with all its fields",
		   BYTES("\xa5\x64kind\x69not_found\x65" "errno\x02\x6a" "errno_name\x66" "ENOENT"
			 "\x67message\x62no\x65stage\x66" "execve"));
	f = (struct failure){ .kind = "other", .message = "no" };
	msg_send_failed(&q, 1, &f);
	payload_is(&q, "a failure with the fewest", BYTES("\xa2\x64kind\x65other\x67message\x62no"));
	room = msg_data_room(&q, MSG_EXEC_STDOUT, KIB(64));
	memcpy(room, "hi", 2);
	msg_send_data(&q, 1, MSG_EXEC_STDOUT, room, KIB(64), 2);
	payload_is(&q, "output", BYTES("\xa1\x64" "data\x42hi"));
	msg_send_tcp_failed(&q, 1, EPIPE, "send");
	payload_is(&q, "a connection's failure",
		   BYTES("\xa3\x65" "error\x71send: Broken pipe\x65" "errno\x18\x20\x6a" "errno_name\x65" "EPIPE"));
	msg_send_taken(&q, 1, 65536);
	payload_is(&q, "what it has taken", BYTES("\xa1\x65" "bytes\x1a\x00\x01\x00\x00"));
	msg_send_halted(&q, &h);
	payload_is(&q, "halted",
		   BYTES("\xa6\x65" "clean\xf5\x67term_ns\x00\x67sync_ns\x00\x67kill_ns\x00\x6aunmount_ns\x00\x66killed\x02"));
	h.handed_off = true;
	h.init_ns = 7;
	msg_send_halted(&q, &h);
	payload_is(&q, "halted after a handoff",
		   BYTES("\xa7\x65" "clean\xf5\x67term_ns\x00\x67sync_ns\x00\x67kill_ns\x00\x6aunmount_ns\x00\x66killed\x02"
			 "\x67init_ns\x07"));
	msg_send_error(&q, 1, "invalid_session", "no", BYTES("core.x"));
	payload_is(&q, "an error names the type", BYTES("\xa3\x64kind\x6finvalid_session\x67message\x62no\x6eoffending_type\x66" "core.x"));
	msg_send_init_resolved(&q, 0, 0);
	payload_is(&q, "init.resolved", BYTES("\xa1\x6c" "default_user\xa2\x63uid\x00\x63gid\x00"));
	msg_send_ready(&q, 0, &r);
	ready_is(&q, "ready", "\xa4", "");
	r.resumed = true;
	msg_send_ready(&q, 5, &r);
	ok(wire_peek(buf_span(&q), &frame) == FRAME_WHOLE && frame.id == 5 && frame.flags == 0, "ready once more, to whoever asked for it");
	ready_is(&q, "with the time that it took", "\xa5", "\x6eresume_time_ns\x04");
	buf_free(&q);
}

/* Lengths are written in one to five bytes, twice; what is read before its length is known must fit all of them. */
static bool data_arrives(struct buf *q, size_t most, size_t len)
{
	uint8_t *room = msg_data_room(q, MSG_TCP_DATA, most);
	struct envelope e;
	struct frame f;
	struct span data;
	bool same;

	for (size_t i = 0; i < len; i++)
		room[i] = (uint8_t)(i * 31 + len);
	msg_send_data(q, 7, MSG_TCP_DATA, room, most, len);
	same = wire_peek(buf_span(q), &f) == FRAME_WHOLE && f.id == 7 && wire_open(f.body, &e) &&
	       e.type == MSG_TCP_DATA && msg_read_data(e.payload, &data) && data.len == len && f.size == q->len;
	for (size_t i = 0; same && i < len; i++)
		same = data.p[i] == (uint8_t)(i * 31 + len);
	buf_consume(q, f.size);
	return same;
}

static void data_of_every_length(void)
{
	const size_t mosts[] = { 30, 300, KIB(32), KIB(64), KIB(64) + 300 };
	struct buf q = { .max = KIB(128) };

	for (size_t i = 0; i < ARRAY_SIZE(mosts); i++) {
		size_t wrong = 0;

		for (size_t len = 0; len <= mosts[i]; len += len < 600 || mosts[i] - len < 600 ? 1 : 509)
			wrong += !data_arrives(&q, mosts[i], len);
		ok(wrong == 0, "data of any length, where there was room for %zu bytes", mosts[i]);
	}
	buf_free(&q);
}

int main(void)
{
	requests();
	bootstrap();
	resume();
	control();
	answers();
	data_of_every_length();
	return tap_done();
}
