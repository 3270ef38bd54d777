// SPDX-License-Identifier: Apache-2.0
// uses: fs_server.c fs_messages.c fs_handles.c fs_slots.c fs_transfers.c fs_tree.c messages_in.c messages_out.c decode.c wire.c cbor.c buf.c errname.c
// The process that serves files, in a directory of the host's.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bounds.h"
#include "cbor.h"
#include "fs_messages.h"
#include "fs_server.h"
#include "messages.h"
#include "tap.h"

static int line;
static struct fs_slots *to, *from;
static struct buf in = { .max = MIB(8) };
static struct frame reply;
static struct envelope said;
static struct span held;	/* the data that came last */

/* A request of one operation, whose fields are `fields`, encoded. */
static void ask(uint32_t id, const char *op, struct span fields)
{
	static uint8_t mem[KIB(16)];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));
	struct buf out = { .max = MIB(4) };
	struct span all;

	cbor_put_map(&w, 1);
	cbor_put_text(&w, "op");
	cbor_put_map(&w, 1);
	cbor_put_text(&w, op);
	wire_append(&out, id, MSG_FS_REQUEST, span_of(mem, w.len), fields);
	all = buf_span(&out);
	if (write(line, all.p, all.len) != (ssize_t)all.len)
		_exit(2);
	buf_free(&out);
}

static void data(uint32_t id, const void *p, size_t len)
{
	struct buf out = { .max = MIB(4) };
	struct span all;

	uint8_t *room = msg_data_room(&out, MSG_FS_DATA, len);

	if (len)
		memcpy(room, p, len);
	msg_send_data(&out, id, MSG_FS_DATA, room, len, len);
	all = buf_span(&out);
	if (write(line, all.p, all.len) != (ssize_t)all.len)
		_exit(2);
	buf_free(&out);
}

/* The same in a slot. False: none was free. */
static bool data_in_slot(uint32_t id, const void *p, size_t len)
{
	uint8_t *room = fs_slots_room(to);
	struct buf out = { .max = KIB(4) };

	if (!room)
		return false;
	memcpy(room, p, len);
	fs_slots_send(to, &out, id, len);
	if (write(line, buf_span(&out).p, out.len) != (ssize_t)out.len)
		_exit(2);
	buf_free(&out);
	return true;
}

/* The next frame; it stays until the one after it. */
static enum msg_type next(void)
{
	static size_t used;

	if (held.len > 0)
		fs_slots_give_back(from);
	held.len = 0;
	buf_consume(&in, used);
	used = 0;
	while (wire_peek(buf_span(&in), &reply) != FRAME_WHOLE) {
		ssize_t n = read(line, buf_reserve(&in, KIB(64)), KIB(64));

		if (n <= 0)
			return MSG_UNKNOWN;
		buf_commit(&in, (size_t)n);
	}
	used = reply.size;
	if (fs_slots_is_told(&reply)) {
		held = fs_slots_take(from, &reply);
		return held.len > 0 ? MSG_FS_DATA : MSG_UNKNOWN;
	}
	return wire_open(reply.body, &said) ? said.type : MSG_UNKNOWN;
}

static bool contains(struct span s, const char *text)
{
	return memmem(s.p, s.len, text, strlen(text)) != NULL;
}

static bool next_ok(void)
{
	return next() == MSG_FS_RESPONSE && contains(said.payload, "\x62ok\xf5");
}

static bool next_failed(const char *name)
{
	return next() == MSG_FS_RESPONSE && contains(said.payload, "\x62ok\xf4") && contains(said.payload, name);
}

/* {key: text, ...}; NULL ends them. */
static struct span texts(const char *first, ...)
{
	static uint8_t mem[KIB(8)];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));
	const char *all[8] = { first };
	va_list ap;
	size_t n = 1;

	va_start(ap, first);
	while ((all[n] = va_arg(ap, const char *)))
		n++;
	va_end(ap);
	cbor_put_map(&w, n / 2);
	for (size_t i = 0; i < n; i++)
		cbor_put_text(&w, all[i]);
	return span_of(mem, w.len);
}

static struct span path_and(const char *path, const char *key, bool flag)
{
	static uint8_t mem[KIB(8)];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, 2);
	cbor_put_text(&w, "path");
	cbor_put_text(&w, path);
	cbor_put_text(&w, key);
	cbor_put_bool(&w, flag);
	return span_of(mem, w.len);
}

static struct span extent(uint64_t handle, uint64_t offset, uint64_t len, bool sparse)
{
	static uint8_t mem[128];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, len == FS_UNSET_U64 ? 3 : 4);
	cbor_put_text(&w, "handle");
	cbor_put_uint(&w, handle);
	cbor_put_text(&w, "offset");
	cbor_put_uint(&w, offset);
	cbor_put_text(&w, "sparse");
	cbor_put_bool(&w, sparse);
	if (len != FS_UNSET_U64) {
		cbor_put_text(&w, "len");
		cbor_put_uint(&w, len);
	}
	return span_of(mem, w.len);
}

/* Opens a file; its handle, or 0. */
static uint64_t opened(uint32_t id, const char *path, const char *flag)
{
	uint8_t mem[KIB(8)];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));
	struct cbor_reader r;
	uint64_t handle = 0;
	const uint8_t *at;

	cbor_put_map(&w, 2);
	cbor_put_text(&w, "path");
	cbor_put_text(&w, path);
	cbor_put_text(&w, "options");
	cbor_put_map(&w, 2);
	cbor_put_text(&w, flag);
	cbor_put_bool(&w, true);
	cbor_put_text(&w, "create");
	cbor_put_bool(&w, strcmp(flag, "read") != 0);
	ask(id, "OpenFile", span_of(mem, w.len));
	if (next() != MSG_FS_RESPONSE || !(at = memmem(said.payload.p, said.payload.len, "\x66Handle", 7)))
		return 0;
	r = cbor_reader(span_of(at + 7, (size_t)(said.payload.p + said.payload.len - at - 7)));
	return cbor_read_uint(&r, &handle) ? handle : 0;
}

static void requests_are_read(void)
{
	struct fs_request q;

	ok(fs_read_request(BYTES("\xa1\x62op\xa1\x64Stat\xa2\x64path\x62/a\x6e" "follow_symlink\xf5"), &q) &&
	   q.op == FS_STAT && span_eq(q.path, "/a") && q.follow_symlink, "a stat");
	ok(!fs_read_request(BYTES("\xa1\x62op\xa1\x64Stat\xa1\x64path\x62/a"), &q), "not without its flag");
	ok(!fs_read_request(BYTES("\xa1\x62op\xa1\x64Stet\xa1\x64path\x62/a"), &q), "not what nobody knows");
	ok(!fs_read_request(BYTES("\xa1\x62op\xa2\x64List\xa1\x64path\x62/a\x64List\xa1\x64path\x62/a"), &q), "not two at once");
	ok(!fs_read_request(BYTES("\xa1\x62op\x64List"), &q), "not a name alone");
	ok(!fs_read_request(BYTES("\xa1\x62op\xa1\x64List\xa1\x64path\x60"), &q), "not an empty path");
	ok(!fs_read_request(BYTES("\xa1\x62op\xa1\x64List\xa1\x64path\x63/\x00z"), &q), "nor one with a NUL in it");
	ok(fs_read_request(BYTES("\xa1\x62op\xa1\x68OpenFile\xa2\x64path\x62/a\x67options\xa2\x64read\xf5\x64mode\x19\x01\xa4"), &q) &&
	   q.options.read && !q.options.write && q.options.mode == 0644 && !q.dst.p, "an open, whose options are nested");
	ok(fs_read_request(BYTES("\xa1\x62op\xa1\x67SetStat\xa3\x64path\x62/a\x6e" "follow_symlink\xf4\x65" "attrs\xa1\x65mtime\x20"), &q) &&
	   q.attrs.mtime == -1 && q.attrs.mode == FS_UNSET_U32 && q.attrs.atime == FS_UNSET_TIME, "attributes; those not said are unset");
	ok(!fs_read_request(BYTES("\xa1\x62op\xa1\x67SetStat\xa3\x64path\x62/a\x6e" "follow_symlink\xf4\x65" "attrs\x80"), &q),
	   "attributes are a map");
}

/* How much of a file is there, of `slots` slots' worth of one byte each. -1: it is not what it should be. */
static ssize_t read_slots(const char *name, size_t slots)
{
	static uint8_t got[FS_SLOT_SIZE];
	int fd = open(name, O_RDONLY);
	ssize_t have = 0, n = 1;

	for (size_t i = 0; fd >= 0 && n > 0 && i <= slots; i++) {
		n = read(fd, got, sizeof(got));
		for (ssize_t at = 0; at < n; at++)
			if (got[at] != i + 1)
				return -1;
		have += n > 0 ? n : 0;
	}
	close(fd);
	return have;
}

/* What comes of the server in its own time is looked for so often, a millisecond apart. */
enum { MOST_LOOKS = 10000 };

static bool told(int bytes)
{
	int there = 0;

	for (int i = 0; i < MOST_LOOKS && there < bytes; i++) {
		poll(NULL, 0, 1);
		ioctl(line, FIONREAD, &there);
	}
	return there == bytes;
}

static bool slot_comes_back(uint32_t id, const void *p, size_t len)
{
	for (int i = 0; i < MOST_LOOKS; i++, poll(NULL, 0, 1))
		if (data_in_slot(id, p, len))
			return true;
	return false;
}

static void slots(void)
{
	static uint8_t block[FS_SLOT_SIZE];
	const size_t n = 3 * FS_SLOTS;
	uint64_t handle = opened(1, "slots", "write");
	size_t sent = 0, taken = 0, whole = 0;
	enum msg_type type;

	ask(2, "Write", extent(handle, 0, FS_UNSET_U64, false));
	while (sent < n) {
		memset(block, (int)sent + 1, sizeof(block));
		if (data_in_slot(2, block, sizeof(block)))
			sent++;
		else
			taken += next() == MSG_TAKEN;
	}
	data(2, "", 0);
	while ((type = next()) == MSG_TAKEN)
		taken++;
	ok(type == MSG_FS_RESPONSE && contains(said.payload, "\x62ok\xf5") && taken == n, "what is written in slots is taken");
	ok(read_slots("slots", n) == (ssize_t)(n * FS_SLOT_SIZE), "and is in the file, in order");

	handle = opened(3, "slots", "read");
	ask(4, "Read", extent(handle, 0, FS_UNSET_U64, false));
	/* All are filled before one is looked at: whoever filled another would have overwritten the first. */
	ok(told(FS_SLOTS * (FRAME_HEAD_LEN + 4)), "as many slots are filled as there are");
	for (size_t i = 0; next() == MSG_FS_DATA; i++)
		whole += held.len == FS_SLOT_SIZE && held.p[0] == i + 1 && held.p[held.len - 1] == i + 1;
	ok(whole == n, "what is read comes in slots, which are filled again when they are given back");

	ask(5, "Write", extent(99, 0, FS_UNSET_U64, false));
	ok(next_failed("EBADF"), "# what cannot be written to");
	for (sent = 0; sent < n && slot_comes_back(5, block, sizeof(block));)
		sent++;
	ok(sent == n, "slots come back, too, whose write has failed");
	ok(!fs_slots_is_told(&(struct frame){ .flags = FLAG_TERMINAL | FLAG_SESSION_START | FLAG_SHUTDOWN }),
	   "no frame of the protocol tells of a slot");
	for (uint32_t len = 0; len <= FS_SLOT_SIZE + 1; len += FS_SLOT_SIZE + 1) {
		struct frame f = { .flags = 0x80, .body = span_of(&len, sizeof(len)) };

		ok(fs_slots_take(from, &f).len == 0, "a slot that is told to hold %u bytes is none", len);
		f.body.len = 3;
		ok(fs_slots_take(from, &f).len == 0, "nor one of which too little is told");
	}
}

static void contents(void)
{
	static char big[200000];
	char got[sizeof(big)];
	size_t have = 0;
	uint64_t handle = opened(1, "file", "write");
	enum msg_type type;
	struct stat st;
	int fd;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 ^ i >> 8);
	ok(handle > 0, "a file is opened for writing");
	ask(2, "Write", extent(handle, 0, sizeof(big), false));
	data(2, big, 150000);
	data(2, big + 150000, sizeof(big) - 150000);
	data(2, "", 0);
	ok(next() == MSG_TAKEN && reply.id == 2, "what is written is told");
	ok(next_ok() && reply.id == 2, "written");
	ask(3, "Read", extent(handle, 0, FS_UNSET_U64, false));
	ok(next_failed("EBADF"), "not to be read through that handle");
	ask(3, "Write", extent(handle, 0, 4, false));
	data(3, "12345", 5);
	ok(next_failed("EMSGSIZE"), "more than was said is refused");
	data(3, "6", 1);
	ask(3, "Write", extent(handle, 0, 4, false));
	data(3, "123", 3);
	data(3, "", 0);
	ok(next_failed("EMSGSIZE"), "and so is less");
	ask(3, "Write", extent(handle, 1ull << 63, FS_UNSET_U64, false));
	ok(next_failed("EINVAL"), "an offset that none can be");
	ask(3, "CloseHandle", extent(handle, 0, FS_UNSET_U64, false));
	ok(next_ok(), "closed");
	ask(3, "CloseHandle", extent(handle, 0, FS_UNSET_U64, false));
	ok(next_failed("EBADF"), "once");

	memcpy(big, "123", 3);
	handle = opened(4, "file", "read");
	ask(5, "Read", extent(handle, 0, FS_UNSET_U64, false));
	while ((type = next()) == MSG_FS_DATA && have + held.len <= sizeof(got)) {
		memcpy(got + have, held.p, held.len);
		have += held.len;
	}
	ok(type == MSG_FS_RESPONSE && have == sizeof(big) && memcmp(got, big, have) == 0, "read back, byte by byte");
	ask(6, "Read", extent(handle, 1, 2, false));
	ok(next() == MSG_FS_DATA && held.len == 2 && memcmp(held.p, "23", 2) == 0 && next_ok(), "a part of it");
	ask(6, "Read", extent(handle, 1 << 20, FS_UNSET_U64, false));
	ok(next_ok(), "nothing past its end");

	fd = open("sparse", O_RDWR | O_CREAT, 0644);
	ok(pwrite(fd, "end", 3, 10 << 20) == 3 && ftruncate(fd, 20 << 20) == 0, "# a file of 20 MiB with three bytes in it");
	close(fd);
	handle = opened(7, "sparse", "read");
	ask(8, "Read", extent(handle, 0, FS_UNSET_U64, true));
	have = 0;
	for (uint64_t hole; (type = next()) != MSG_FS_RESPONSE && type != MSG_UNKNOWN;) {
		struct cbor_reader r = cbor_reader(span_of(said.payload.p + 7, said.payload.len - 7));

		have += type == MSG_FS_HOLE && cbor_read_uint(&r, &hole) ? hole : 0;
	}
	ok(have > (19u << 20) && have < (20u << 20), "its holes are told and not sent");
	ask(9, "Copy", texts("src", "sparse", "dst", "again", NULL));
	ok(next_ok() && stat("again", &st) == 0 && st.st_size == 20 << 20 && st.st_blocks < 1000, "and a copy has them too");
	handle = opened(10, "file", "append");
	ask(11, "Write", extent(handle, 0, FS_UNSET_U64, false));
	data(11, "tail", 4);
	data(11, "", 0);
	ok(next_ok() && stat("file", &st) == 0 && st.st_size == sizeof(big) + 4, "appended, whatever the offset");
	ask(12, "Read", extent(opened(12, "missing", "read"), 0, FS_UNSET_U64, false));
	ok(next_failed("EBADF"), "what could not be opened cannot be read");
}

static void trees(void)
{
	struct stat st;
	char deep[TREE_DEPTH_MAX * 2 + 64];

	ask(20, "Mkdir", texts("path", "tree/a/b", NULL));
	ok(next_ok(), "a directory with those above it");
	ask(20, "Mkdir", texts("path", "tree/a/b", NULL));
	ok(next_ok(), "that it is there already is no error");
	ask(20, "Mkdir", texts("path", "file", NULL));
	ok(next_failed("ENOTDIR"), "that something else is, is one");
	ask(20, "Symlink", texts("target", "/outside", "link_path", "tree/a/link", NULL));
	ok(next_ok(), "a symbolic link");
	ask(20, "ReadLink", texts("path", "tree/a/link", NULL));
	ok(next() == MSG_FS_RESPONSE && contains(said.payload, "/outside"), "where it leads");
	ask(20, "Link", texts("src", "file", "dst", "tree/hard", NULL));
	ok(next_ok() && stat("file", &st) == 0 && st.st_nlink == 2, "a hard link");
	ok(chmod("tree/a/b", 02750) == 0 && mkfifo("tree/pipe", 0600) == 0, "# a mode and a pipe");
	ask(21, "Copy", texts("src", "tree", "dst", "copy", NULL));
	ok(next_ok() && stat("copy/a/b", &st) == 0 && (st.st_mode & 07777) == 02750, "a copy keeps modes");
	ok(lstat("copy/a/link", &st) == 0 && S_ISLNK(st.st_mode) && lstat("copy/pipe", &st) == 0 && S_ISFIFO(st.st_mode),
	   "and kinds");
	ask(22, "Copy", texts("src", "tree", "dst", "tree/a/inner", NULL));
	ok(next_failed("EINVAL"), "nothing is copied into itself");
	ask(22, "Copy", texts("src", "file", "dst", "tree/hard", NULL));
	ok(next_failed("EINVAL") && stat("file", &st) == 0 && st.st_size > 0, "nor onto itself");
	ask(23, "List", texts("path", "tree", NULL));
	ok(next() == MSG_FS_RESPONSE && contains(said.payload, "tree/hard") && contains(said.payload, "\x64kind\x65other"), "a list");
	ask(24, "Remove", texts("path", "tree", NULL));
	ok(next_failed("EISDIR"), "a directory is no file");
	ask(24, "RemoveDir", path_and("tree", "recursive", false));
	ok(next_failed("ENOTEMPTY"), "nor empty");
	ok(mkdir("outside", 0755) == 0 && close(open("outside/kept", O_CREAT | O_WRONLY, 0644)) == 0 &&
	   symlink("../outside", "tree/way") == 0, "# a way out of it");
	ask(24, "RemoveDir", path_and("tree", "recursive", true));
	ok(next_ok() && lstat("tree", &st) < 0 && stat("outside/kept", &st) == 0, "removed with all in it, and nothing else");
	ask(25, "Rename", texts("src", "copy", "dst", "moved", NULL));
	ok(next_ok() && stat("moved/a", &st) == 0, "renamed");
	ask(25, "Stat", path_and("moved/a/link", "follow_symlink", true));
	ok(next_failed("ENOENT"), "a link is followed");
	ask(25, "Stat", path_and("moved/a/link", "follow_symlink", false));
	ok(next() == MSG_FS_RESPONSE && contains(said.payload, "\x67symlink"), "or not");
	ok(close(open("bad\xff", O_CREAT | O_WRONLY, 0644)) == 0, "# a name that is no text");
	ask(26, "List", texts("path", ".", NULL));
	ok(next() == MSG_FS_RESPONSE && contains(said.payload, "bad\xef\xbf\xbd"), "is made one");

	strcpy(deep, "deep");
	for (size_t i = 0; i <= TREE_DEPTH_MAX; i++)
		strcat(deep, "/d");
	ask(27, "Mkdir", texts("path", deep, NULL));
	ok(next_ok(), "# a tree that is too deep");
	ask(27, "RemoveDir", path_and("deep", "recursive", true));
	ok(next_failed("ENAMETOOLONG"), "is not gone into");
	ask(27, "Copy", texts("src", "deep", "dst", "deeper", NULL));
	ok(next_failed("ENAMETOOLONG"), "nor copied");
	ask(28, "Stat", texts("path", "no flag", NULL));
	ok(next() == MSG_ERROR && contains(said.payload, "invalid_payload"), "a request that is none is told so");
}

static void directories(void)
{
	char name[32];
	size_t seen = 0;
	struct span handle;

	mkdir("many", 0755);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0644));
	}
	ask(30, "OpenDir", texts("path", "many", NULL));
	ok(next() == MSG_FS_RESPONSE && contains(said.payload, "\x66Handle"), "a directory is opened");
	handle = span_of(said.payload.p + said.payload.len - 1, 1);
	for (;;) {
		uint8_t mem[64];
		struct cbor_writer w = cbor_writer(mem, sizeof(mem));
		size_t before = seen;

		cbor_put_map(&w, 1);
		cbor_put_text(&w, "handle");
		cbor_put_uint(&w, *handle.p);
		handle = span_of(memcpy(name, handle.p, 1), 1);
		ask(31, "ReadDir", span_of(mem, w.len));
		next();
		for (const uint8_t *at = said.payload.p; (at = memmem(at, (size_t)(said.payload.p + said.payload.len - at), "many/", 5)); at++)
			seen++;
		ok(seen - before <= FS_ENTRIES_USUAL, "%zu entries at once", seen - before);
		if (seen == before)
			break;
	}
	ok(seen == 1000, "all of them, in parts");
	ask(32, "Read", extent(*handle.p, 0, FS_UNSET_U64, false));
	ok(next_failed("EISDIR"), "it is not read as a file is");
}

int main(void)
{
	char dir[] = "/tmp/fs_test.XXXXXX";
	int ends[2];
	pid_t pid;
	int status;

	alarm(120);	/* ends a test that waits for what never comes */
	if (!mkdtemp(dir) || chdir(dir) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return 2;
	to = fs_slots_new(false);
	from = fs_slots_new(true);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		fs_serve(&(struct fs_lines){ .from = ends[1], .to = ends[1], .in = *to, .out = *from });
	}
	close(ends[1]);
	line = ends[0];
	requests_are_read();
	contents();
	slots();
	trees();
	directories();
	close(line);
	ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "it ends with its client");
	buf_free(&in);
	fs_slots_free(to);
	fs_slots_free(from);
	if (fork() == 0)
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
	wait(NULL);
	return tap_done();
}
