// SPDX-License-Identifier: Apache-2.0
#include "fs_messages.h"

#include <limits.h>
#include <stdio.h>

#include "bounds.h"
#include "cbor.h"
#include "decode.h"
#include "errname.h"
#include "messages.h"

#define FIELD(member, key, kind, required) { key, kind, offsetof(struct fs_request, member), required }
#define PATH FIELD(path, "path", FIELD_TEXT, true)
#define HANDLE FIELD(handle, "handle", FIELD_U64, true)
#define FOLLOW FIELD(follow_symlink, "follow_symlink", FIELD_BOOL, true)

static const struct field path_table[] = { PATH };
static const struct field path_follow_table[] = { PATH, FOLLOW };
static const struct field mkdir_table[] = { PATH, FIELD(mode, "mode", FIELD_U32, false) };
static const struct field remove_dir_table[] = { PATH, FIELD(recursive, "recursive", FIELD_BOOL, true) };
static const struct field symlink_table[] = {
	FIELD(path, "target", FIELD_TEXT, true),
	FIELD(dst, "link_path", FIELD_TEXT, true),
};
static const struct field two_paths_table[] = {
	FIELD(path, "src", FIELD_TEXT, true),
	FIELD(dst, "dst", FIELD_TEXT, true),
};
static const struct field handle_table[] = { HANDLE };
static const struct field extent_table[] = {
	HANDLE,
	FIELD(offset, "offset", FIELD_U64, true),
	FIELD(len, "len", FIELD_U64, false),
	FIELD(sparse, "sparse", FIELD_BOOL, false),
	FIELD(close, "close", FIELD_BOOL, false),
};
static const struct field read_dir_table[] = { HANDLE, FIELD(limit, "limit", FIELD_U32, false) };

/* Where a nested map goes until it is decoded: these operations have no second path. */
#define NESTED(key) FIELD(dst, key, FIELD_RAW, true)
static const struct field set_stat_table[] = { PATH, FOLLOW, NESTED("attrs") };
static const struct field fset_stat_table[] = { HANDLE, NESTED("attrs") };
static const struct field open_file_table[] = { PATH, NESTED("options") };

static const struct field attrs_table[] = {
	FIELD(attrs.mode, "mode", FIELD_U32, false),
	FIELD(attrs.uid, "uid", FIELD_U32, false),
	FIELD(attrs.gid, "gid", FIELD_U32, false),
	FIELD(attrs.size, "size", FIELD_U64, false),
	FIELD(attrs.atime, "atime", FIELD_I64, false),
	FIELD(attrs.mtime, "mtime", FIELD_I64, false),
};
static const struct field options_table[] = {
	FIELD(options.read, "read", FIELD_BOOL, false),
	FIELD(options.write, "write", FIELD_BOOL, false),
	FIELD(options.append, "append", FIELD_BOOL, false),
	FIELD(options.create, "create", FIELD_BOOL, false),
	FIELD(options.truncate, "truncate", FIELD_BOOL, false),
	FIELD(options.create_new, "create_new", FIELD_BOOL, false),
	FIELD(options.mode, "mode", FIELD_U32, false),
};

#define TABLE(t) t, ARRAY_SIZE(t)
static const struct {
	const char *variant;	/* on the wire */
	const char *name;
	const struct field *fields;
	size_t n;
} ops[FS_OP_COUNT] = {
	[FS_REAL_PATH] = { "RealPath", "realpath", TABLE(path_table) },
	[FS_STAT] = { "Stat", "stat", TABLE(path_follow_table) },
	[FS_SET_STAT] = { "SetStat", "setstat", TABLE(set_stat_table) },
	[FS_LIST] = { "List", "list", TABLE(path_table) },
	[FS_READ_LINK] = { "ReadLink", "readlink", TABLE(path_table) },
	[FS_SYMLINK] = { "Symlink", "symlink", TABLE(symlink_table) },
	[FS_LINK] = { "Link", "link", TABLE(two_paths_table) },
	[FS_MKDIR] = { "Mkdir", "mkdir", TABLE(mkdir_table) },
	[FS_REMOVE] = { "Remove", "remove", TABLE(path_table) },
	[FS_REMOVE_DIR] = { "RemoveDir", "remove", TABLE(remove_dir_table) },
	[FS_COPY] = { "Copy", "copy", TABLE(two_paths_table) },
	[FS_RENAME] = { "Rename", "rename", TABLE(two_paths_table) },
	[FS_OPEN_FILE] = { "OpenFile", "open", TABLE(open_file_table) },
	[FS_OPEN_DIR] = { "OpenDir", "open", TABLE(path_table) },
	[FS_CLOSE_HANDLE] = { "CloseHandle", "close", TABLE(handle_table) },
	[FS_READ] = { "Read", "read", TABLE(extent_table) },
	[FS_WRITE] = { "Write", "write", TABLE(extent_table) },
	[FS_READ_DIR] = { "ReadDir", "list", TABLE(read_dir_table) },
	[FS_FSTAT] = { "FStat", "stat", TABLE(handle_table) },
	[FS_FSET_STAT] = { "FSetStat", "setstat", TABLE(fset_stat_table) },
};

const char *fs_op_name(enum fs_op op)
{
	return ops[op].name;
}

/* A path as the kernel takes it: neither empty nor too long, and without a NUL in it. */
static bool is_path(struct span s)
{
	return s.len > 0 && s.len < PATH_MAX && !memchr(s.p, '\0', s.len);
}

static bool paths_fit(const struct fs_request *q)
{
	return (!q->path.p || is_path(q->path)) && (!q->dst.p || is_path(q->dst));
}

/* One of the variants, as {"Variant": {fields}}. */
static bool read_op(struct span raw, struct fs_request *q)
{
	struct cbor_reader r = cbor_reader(raw);
	struct span variant, nested;
	size_t pairs, i;

	if (!cbor_read_map(&r, &pairs) || pairs != 1 || !cbor_read_text(&r, &variant))
		return false;
	for (i = 0; i < FS_OP_COUNT && !span_eq(variant, ops[i].variant); i++)
		;
	if (i == FS_OP_COUNT || !decode_map(&r, ops[i].fields, ops[i].n, q) || !cbor_done(&r))
		return false;
	q->op = (enum fs_op)i;
	if (q->op != FS_SET_STAT && q->op != FS_FSET_STAT && q->op != FS_OPEN_FILE)
		return true;
	nested = q->dst;
	q->dst = (struct span){ 0 };
	return q->op == FS_OPEN_FILE ? decode_payload(nested, options_table, ARRAY_SIZE(options_table), q)
				     : decode_payload(nested, attrs_table, ARRAY_SIZE(attrs_table), q);
}

bool fs_read_request(struct span payload, struct fs_request *q)
{
	static const struct field table[] = { { "op", FIELD_RAW, 0, true } };
	struct span op;

	*q = (struct fs_request){
		.len = FS_UNSET_U64,
		.limit = FS_ENTRIES_USUAL,
		.mode = FS_UNSET_U32,
		.attrs = {
			.mode = FS_UNSET_U32, .uid = FS_UNSET_U32, .gid = FS_UNSET_U32, .size = FS_UNSET_U64,
			.atime = FS_UNSET_TIME, .mtime = FS_UNSET_TIME,
		},
		.options.mode = FS_UNSET_U32,
	};
	return decode_payload(payload, table, ARRAY_SIZE(table), &op) && read_op(op, q) && paths_fit(q);
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "dir";
	case S_IFLNK:
		return "symlink";
	default:
		return "other";
	}
}

static void put_number(struct cbor_writer *w, const char *key, int64_t v)
{
	cbor_put_text(w, key);
	cbor_put_int(w, v);
}

bool fs_put_entry(struct cbor_writer *w, struct span path, const struct stat *st)
{
	const size_t before = w->len;

	cbor_put_map(w, 13);
	cbor_put_text(w, "path");
	cbor_put_lossy(w, path);
	cbor_put_text(w, "kind");
	cbor_put_text(w, kind_of(st->st_mode));
	put_number(w, "size", st->st_size);
	put_number(w, "mode", st->st_mode & 07777);
	put_number(w, "modified", st->st_mtim.tv_sec);
	put_number(w, "uid", st->st_uid);
	put_number(w, "gid", st->st_gid);
	put_number(w, "atime", st->st_atim.tv_sec);
	put_number(w, "mtime", st->st_mtim.tv_sec);
	put_number(w, "mtime_nanos", st->st_mtim.tv_nsec);
	cbor_put_text(w, "dev");
	cbor_put_uint(w, st->st_dev);
	cbor_put_text(w, "ino");
	cbor_put_uint(w, st->st_ino);
	cbor_put_text(w, "nlink");
	cbor_put_uint(w, st->st_nlink);
	if (!w->overflow)
		return true;
	w->len = before;
	w->overflow = false;
	return false;
}

static bool send_response(struct buf *q, uint32_t id, const struct cbor_writer *w, struct span rest)
{
	return !w->overflow && wire_append(q, id, MSG_FS_RESPONSE, span_of(w->buf, w->len), rest);
}

bool fs_send_ok(struct buf *q, uint32_t id)
{
	uint8_t mem[16];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, 1);
	cbor_put_text(&w, "ok");
	cbor_put_bool(&w, true);
	return send_response(q, id, &w, (struct span){ 0 });
}

bool fs_send_failed(struct buf *q, uint32_t id, int err, const char *what)
{
	uint8_t mem[MESSAGE_TEXT_MAX + 128];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));
	char text[MESSAGE_TEXT_MAX];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(err));
	cbor_put_map(&w, 4);
	cbor_put_text(&w, "ok");
	cbor_put_bool(&w, false);
	cbor_put_text(&w, "error");
	cbor_put_text(&w, text);
	put_number(&w, "errno", err);
	cbor_put_text(&w, "errno_name");
	cbor_put_text(&w, errname(err));
	return send_response(q, id, &w, (struct span){ 0 });
}

/* {ok: true, data: {VARIANT: what comes next}} */
static void put_data(struct cbor_writer *w, const char *variant)
{
	cbor_put_map(w, 2);
	cbor_put_text(w, "ok");
	cbor_put_bool(w, true);
	cbor_put_text(w, "data");
	cbor_put_map(w, 1);
	cbor_put_text(w, variant);
}

bool fs_send_stat(struct buf *q, uint32_t id, struct span path, const struct stat *st)
{
	uint8_t mem[3 * PATH_MAX + 512];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	put_data(&w, "Stat");
	return fs_put_entry(&w, path, st) && send_response(q, id, &w, (struct span){ 0 });
}

bool fs_send_list(struct buf *q, uint32_t id, size_t n, struct span entries)
{
	uint8_t mem[64];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	put_data(&w, "List");
	cbor_put_array(&w, n);
	return send_response(q, id, &w, entries);
}

bool fs_send_handle(struct buf *q, uint32_t id, uint64_t handle)
{
	uint8_t mem[64];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	put_data(&w, "Handle");
	cbor_put_uint(&w, handle);
	return send_response(q, id, &w, (struct span){ 0 });
}

bool fs_send_path(struct buf *q, uint32_t id, struct span path)
{
	uint8_t mem[3 * PATH_MAX + 64];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	put_data(&w, "Path");
	cbor_put_lossy(&w, path);
	return send_response(q, id, &w, (struct span){ 0 });
}

bool fs_send_hole(struct buf *q, uint32_t id, uint64_t bytes)
{
	uint8_t mem[32];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, 1);
	cbor_put_text(&w, "bytes");
	cbor_put_uint(&w, bytes);
	return !w.overflow && wire_append(q, id, MSG_FS_HOLE, span_of(w.buf, w.len), (struct span){ 0 });
}
