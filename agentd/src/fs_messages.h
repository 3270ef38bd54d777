/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FS_MESSAGES_H
#define AGENTD_FS_MESSAGES_H

#include <sys/stat.h>

#include "buf.h"
#include "util.h"

enum fs_op {
	FS_REAL_PATH,
	FS_STAT,
	FS_SET_STAT,
	FS_LIST,
	FS_READ_LINK,
	FS_SYMLINK,
	FS_LINK,	/* ours */
	FS_MKDIR,
	FS_REMOVE,
	FS_REMOVE_DIR,
	FS_COPY,
	FS_RENAME,
	FS_OPEN_FILE,
	FS_OPEN_DIR,
	FS_CLOSE_HANDLE,
	FS_READ,
	FS_WRITE,
	FS_READ_DIR,
	FS_FSTAT,
	FS_FSET_STAT,
	FS_OP_COUNT,
};

/* What is not to be changed, or was not said. */
#define FS_UNSET_U32 UINT32_MAX
#define FS_UNSET_U64 UINT64_MAX
#define FS_UNSET_TIME INT64_MIN

struct fs_attrs {
	uint32_t mode, uid, gid;
	uint64_t size;
	int64_t atime, mtime;	/* seconds since 1970 */
};

struct fs_open {
	bool read, write, append, create, truncate, create_new;
	uint32_t mode;
};

/* One core.fs.request. What its operation does not have is unset, zero or absent. */
struct fs_request {
	enum fs_op op;
	struct span path;	/* of copies and renames the old one, of links the target */
	struct span dst;	/* the new one */
	bool follow_symlink, recursive;
	bool sparse;		/* ours: holes may be told as such */
	bool close;		/* ours: the handle is closed with it */
	uint64_t handle, offset, len;
	uint32_t limit, mode;
	struct fs_attrs attrs;
	struct fs_open options;
};

bool fs_read_request(struct span payload, struct fs_request *q);

/* The name of an operation, for errors. */
const char *fs_op_name(enum fs_op op);

/* One entry of a directory, appended; false: it does not fit, and nothing was appended. */
struct cbor_writer;
bool fs_put_entry(struct cbor_writer *w, struct span path, const struct stat *st);

bool fs_send_ok(struct buf *q, uint32_t id);
bool fs_send_failed(struct buf *q, uint32_t id, int err, const char *what);
bool fs_send_stat(struct buf *q, uint32_t id, struct span path, const struct stat *st);
bool fs_send_list(struct buf *q, uint32_t id, size_t n, struct span entries);
bool fs_send_handle(struct buf *q, uint32_t id, uint64_t handle);
bool fs_send_path(struct buf *q, uint32_t id, struct span path);
bool fs_send_hole(struct buf *q, uint32_t id, uint64_t bytes);

#endif
