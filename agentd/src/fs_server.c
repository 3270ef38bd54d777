// SPDX-License-Identifier: Apache-2.0
#include "fs_server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "cbor.h"
#include "fs_handles.h"
#include "fs_messages.h"
#include "fs_transfers.h"
#include "fs_tree.h"
#include "messages.h"

static struct server {
	struct fs_lines lines;
	struct buf in, out;
	struct fs_handles handles;
	struct fs_transfers transfers;
} server;

/* ---- what is said ---- */

static void flush(void)
{
	while (server.out.len > 0) {
		struct span wait = buf_span(&server.out);
		ssize_t n = write(server.lines.to, wait.p, wait.len);

		if (n > 0)
			buf_consume(&server.out, (size_t)n);
		else if (n < 0 && errno != EINTR)
			_exit(0);	/* nobody listens any more */
	}
}

static void answer_errno(uint32_t id, enum fs_op op)
{
	fs_send_failed(&server.out, id, errno, fs_op_name(op));
}

/* 0 or -1 with errno, as system calls say it. */
static void answer(uint32_t id, enum fs_op op, int result)
{
	if (result < 0)
		answer_errno(id, op);
	else
		fs_send_ok(&server.out, id);
}

/* ---- operations ---- */

/* Two at a time are needed at most; their lengths have been looked at. */
static const char *text(struct span s, int which)
{
	static char mem[2][PATH_MAX];

	memcpy(mem[which], s.p, s.len);
	mem[which][s.len] = '\0';
	return mem[which];
}

static struct timespec time_of(int64_t seconds)
{
	return seconds == FS_UNSET_TIME ? (struct timespec){ .tv_nsec = UTIME_OMIT }
					: (struct timespec){ .tv_sec = (time_t)seconds };
}

/* The owner before the mode: giving a file away takes its set-user-id bit. */
static int set_path_attrs(const char *path, const struct fs_attrs *a, bool follow)
{
	const int flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
	const struct timespec times[2] = { time_of(a->atime), time_of(a->mtime) };

	if (a->size != FS_UNSET_U64 && truncate(path, (off_t)a->size) < 0)
		return -1;
	if ((a->uid != FS_UNSET_U32 || a->gid != FS_UNSET_U32) &&
	    fchownat(AT_FDCWD, path, a->uid, a->gid, flags) < 0)
		return -1;
	if (a->mode != FS_UNSET_U32 && fchmodat(AT_FDCWD, path, a->mode & 07777, flags) < 0)
		return -1;
	return utimensat(AT_FDCWD, path, times, flags);
}

static int set_file_attrs(int fd, const struct fs_attrs *a)
{
	const struct timespec times[2] = { time_of(a->atime), time_of(a->mtime) };

	if (a->size != FS_UNSET_U64 && ftruncate(fd, (off_t)a->size) < 0)
		return -1;
	if ((a->uid != FS_UNSET_U32 || a->gid != FS_UNSET_U32) && fchown(fd, a->uid, a->gid) < 0)
		return -1;
	if (a->mode != FS_UNSET_U32 && fchmod(fd, a->mode & 07777) < 0)
		return -1;
	return futimens(fd, times);
}

static void stat_path(uint32_t id, const struct fs_request *q)
{
	struct stat st;

	if (fstatat(AT_FDCWD, text(q->path, 0), &st, q->follow_symlink ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		answer_errno(id, q->op);
	else
		fs_send_stat(&server.out, id, q->path, &st);
}

static void real_path(uint32_t id, const struct fs_request *q)
{
	char resolved[PATH_MAX];

	if (!realpath(text(q->path, 0), resolved))
		answer_errno(id, q->op);
	else
		fs_send_path(&server.out, id, span_of(resolved, strlen(resolved)));
}

static void read_link(uint32_t id, const struct fs_request *q)
{
	char target[PATH_MAX];
	ssize_t n = readlink(text(q->path, 0), target, sizeof(target));

	if (n < 0)
		answer_errno(id, q->op);
	else
		fs_send_path(&server.out, id, span_of(target, (size_t)n));
}

static int open_file(const char *path, const struct fs_open *o)
{
	const bool writes = o->write || o->append;
	int flags = O_CLOEXEC | O_NOCTTY;

	if (!o->read && !writes) {
		errno = EINVAL;
		return -1;
	}
	flags |= writes ? o->read ? O_RDWR : O_WRONLY : O_RDONLY;
	flags |= o->append ? O_APPEND : 0;
	flags |= o->create || o->create_new ? O_CREAT : 0;
	flags |= o->create_new ? O_EXCL : 0;
	flags |= o->truncate && writes ? O_TRUNC : 0;
	return open(path, flags, o->mode == FS_UNSET_U32 ? 0666 : o->mode & 07777);
}

static void answer_handle(uint32_t id, enum fs_op op, uint64_t handle)
{
	if (handle == 0)
		answer_errno(id, op);
	else
		fs_send_handle(&server.out, id, handle);
}

static void open_handle(uint32_t id, const struct fs_request *q)
{
	const char *path = text(q->path, 0);
	uint64_t handle = 0;

	if (q->op == FS_OPEN_DIR) {
		DIR *dir = opendir(path);

		if (dir)
			handle = fs_handles_add_dir(&server.handles, dir, path);
	} else {
		int fd = open_file(path, &q->options);

		if (fd >= 0)
			handle = fs_handles_add_file(&server.handles, fd, q->options.append);
	}
	answer_handle(id, q->op, handle);
}

/* Entries of a directory, as many as fit. -1 with errno. */
static int put_entries(DIR *dir, const char *path, size_t most, struct cbor_writer *w, size_t *n)
{
	/* The longest that an entry can become is known before it is taken. */
	const size_t room = 3 * (strlen(path) + 1 + NAME_MAX) + 512;
	char name[PATH_MAX + NAME_MAX + 2];

	*n = 0;
	while (*n < most && w->cap - w->len >= room) {
		struct dirent *e;
		struct stat st;
		int len;

		errno = 0;
		e = readdir(dir);
		if (!e)
			return errno ? -1 : 0;
		if (is_dots(e->d_name))
			continue;
		/* It may be gone by now. */
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		len = snprintf(name, sizeof(name), "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", e->d_name);
		if (fs_put_entry(w, span_of(name, (size_t)len), &st))
			(*n)++;
	}
	return 0;
}

static void answer_entries(uint32_t id, enum fs_op op, DIR *dir, const char *path, size_t most)
{
	struct cbor_writer w = cbor_writer(malloc(FS_LIST_SIZE), FS_LIST_SIZE);
	size_t n;

	if (!w.buf || put_entries(dir, path, most, &w, &n) < 0) {
		answer_errno(id, op);
	} else if (op == FS_LIST && (readdir(dir) || n == most)) {
		/* One answer holds so many; who has more opens the directory. */
		errno = EOVERFLOW;
		answer_errno(id, op);
	} else {
		fs_send_list(&server.out, id, n, span_of(w.buf, w.len));
	}
	free(w.buf);
}

static void list(uint32_t id, const struct fs_request *q)
{
	const char *path = text(q->path, 0);
	DIR *dir = opendir(path);

	if (!dir) {
		answer_errno(id, q->op);
		return;
	}
	answer_entries(id, q->op, dir, path, SIZE_MAX);
	closedir(dir);
}

static void read_dir(uint32_t id, const struct fs_request *q)
{
	struct fs_handle *h = fs_handles_find(&server.handles, q->handle);

	if (h && !h->dir)
		errno = ENOTDIR;
	if (!h || !h->dir)
		answer_errno(id, q->op);
	else
		answer_entries(id, q->op, h->dir, h->path, q->limit < 1 ? 1 : min_size(q->limit, FS_ENTRIES_MAX));
}

static void stat_handle(uint32_t id, const struct fs_request *q)
{
	struct fs_handle *h = fs_handles_find(&server.handles, q->handle);
	const char *path = h && h->path ? h->path : "";
	struct stat st;

	if (!h || fstat(h->fd, &st) < 0)
		answer_errno(id, q->op);
	else
		fs_send_stat(&server.out, id, span_of(path, strlen(path)), &st);
}

static int set_handle_attrs(const struct fs_request *q)
{
	struct fs_handle *h = fs_handles_find(&server.handles, q->handle);

	return h ? set_file_attrs(h->fd, &q->attrs) : -1;
}

/* ---- the loop ---- */

static void serve_request(uint32_t id, const struct fs_request *q)
{
	int flag = q->op == FS_REMOVE_DIR && !q->recursive ? AT_REMOVEDIR : 0;

	switch (q->op) {
	case FS_REAL_PATH:
		real_path(id, q);
		break;
	case FS_STAT:
		stat_path(id, q);
		break;
	case FS_SET_STAT:
		answer(id, q->op, set_path_attrs(text(q->path, 0), &q->attrs, q->follow_symlink));
		break;
	case FS_LIST:
		list(id, q);
		break;
	case FS_READ_LINK:
		read_link(id, q);
		break;
	case FS_SYMLINK:
		answer(id, q->op, symlink(text(q->path, 0), text(q->dst, 1)));
		break;
	case FS_LINK:
		answer(id, q->op, link(text(q->path, 0), text(q->dst, 1)));
		break;
	case FS_MKDIR:
		answer(id, q->op, tree_make_dirs(text(q->path, 0), q->mode == FS_UNSET_U32 ? 0777 : q->mode & 07777));
		break;
	case FS_REMOVE:
		answer(id, q->op, unlinkat(AT_FDCWD, text(q->path, 0), 0));
		break;
	case FS_REMOVE_DIR:
		answer(id, q->op, flag ? unlinkat(AT_FDCWD, text(q->path, 0), flag) : tree_remove(text(q->path, 0)));
		break;
	case FS_COPY:
		answer(id, q->op, tree_copy(text(q->path, 0), text(q->dst, 1)));
		break;
	case FS_RENAME:
		answer(id, q->op, rename(text(q->path, 0), text(q->dst, 1)));
		break;
	case FS_OPEN_FILE:
	case FS_OPEN_DIR:
		open_handle(id, q);
		break;
	case FS_CLOSE_HANDLE:
		answer(id, q->op, fs_handles_close(&server.handles, q->handle));
		break;
	case FS_READ:
	case FS_WRITE:
		fs_transfers_begin(&server.transfers, id, q);
		break;
	case FS_READ_DIR:
		read_dir(id, q);
		break;
	case FS_FSTAT:
		stat_handle(id, q);
		break;
	case FS_FSET_STAT:
		answer(id, q->op, set_handle_attrs(q));
		break;
	case FS_OP_COUNT:
		break;
	}
}

static void serve_frame(const struct frame *f)
{
	static const struct span request = { (const uint8_t *)"core.fs.request", 15 };
	struct fs_request q;
	struct envelope e;
	struct span data;

	if (fs_slots_is_told(f)) {
		data = fs_slots_take(&server.lines.in, f);
		fs_transfers_write(&server.transfers, f->id, data);
		fs_slots_give_back(&server.lines.in);
		return;
	}
	/* The agent has looked at the envelope, but this process is no part of its. */
	if (!wire_open(f->body, &e))
		return;
	if (e.type == MSG_FS_DATA && msg_read_data(e.payload, &data))
		fs_transfers_write(&server.transfers, f->id, data);
	else if (e.type == MSG_FS_REQUEST && fs_read_request(e.payload, &q))
		serve_request(f->id, &q);
	else if (e.type == MSG_FS_REQUEST)
		msg_send_error(&server.out, f->id, "invalid_payload",
			       "the payload is not what this message carries", request);
}

static void serve_frames(void)
{
	struct frame f;

	while (wire_peek(buf_span(&server.in), &f) == FRAME_WHOLE) {
		serve_frame(&f);
		buf_consume(&server.in, f.size);
		flush();
	}
}

/* False: there is nothing now. */
static bool receive(void)
{
	uint8_t *room = buf_reserve(&server.in, FS_READ_SIZE);
	ssize_t n = room ? read(server.lines.from, room, FS_READ_SIZE) : 0;

	if (n > 0)
		buf_commit(&server.in, (size_t)n);
	if (n == 0 || (n < 0 && errno != EINTR))
		_exit(0);
	return n > 0;
}

void fs_serve(const struct fs_lines *lines)
{
	struct pollfd waiting = { .fd = lines->from, .events = POLLIN };
	bool reading = false;

	prctl(PR_SET_NAME, "agentd-fs");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(022);
	server.lines = *lines;
	server.transfers = (struct fs_transfers){
		.handles = &server.handles,
		.out = &server.out,
		.slots = &server.lines.out,
	};
	server.in.max = 4 + FRAME_MAX_LEN + FS_READ_SIZE;
	server.out.max = 4 + FRAME_MAX_LEN;
	for (;;) {
		if (!reading || poll(&waiting, 1, 0) > 0)
			receive();
		serve_frames();
		reading = fs_transfers_read(&server.transfers);
		flush();
	}
}
