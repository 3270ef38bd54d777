// SPDX-License-Identifier: Apache-2.0
#include "fs_transfers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "messages.h"

struct fs_transfer {
	struct fs_transfer *next;
	uint32_t id;
	uint64_t handle, at, left;
	uint64_t taken;		/* of a write: not told yet */
	bool is_write;
	bool sparse;
	bool bounded;		/* a write whose length was said */
	bool close;		/* the handle goes with it */
};

static struct fs_transfer **find(struct fs_transfers *ts, uint32_t id)
{
	struct fs_transfer **at = &ts->list;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void end(struct fs_transfers *ts, struct fs_transfer **at, int result)
{
	struct fs_transfer *t = *at;
	int saved = errno;

	if (t->close && fs_handles_close(ts->handles, t->handle) < 0 && result == 0)
		result = -1;
	else
		errno = saved;
	if (result < 0)
		fs_send_failed(ts->out, t->id, errno, fs_op_name(t->is_write ? FS_WRITE : FS_READ));
	else
		fs_send_ok(ts->out, t->id);
	*at = t->next;
	free(t);
}

void fs_transfers_begin(struct fs_transfers *ts, uint32_t id, const struct fs_request *q)
{
	const bool is_write = q->op == FS_WRITE;
	struct fs_handle *h = fs_handles_find(ts->handles, q->handle);
	int mode = h && !h->dir ? fcntl(h->fd, F_GETFL) & O_ACCMODE : 0;
	struct fs_transfer *t;

	if (h && h->dir)
		errno = EISDIR;
	else if (h && mode == (is_write ? O_RDONLY : O_WRONLY))
		errno = EBADF;
	else if (h && (q->offset > INT64_MAX || (q->len != FS_UNSET_U64 && q->len > INT64_MAX - q->offset)))
		errno = EINVAL;
	else if (h && (t = malloc(sizeof(*t)))) {
		*t = (struct fs_transfer){
			.next = ts->list,
			.id = id,
			.handle = q->handle,
			.at = q->offset,
			.left = q->len,
			.is_write = is_write,
			.sparse = q->sparse,
			.bounded = q->len != FS_UNSET_U64,
			.close = q->close,
		};
		ts->list = t;
		return;
	}
	fs_send_failed(ts->out, id, errno, fs_op_name(q->op));
}

/* At the offset, or where the file itself goes on if it is none to have offsets. */
static ssize_t read_at(int fd, void *mem, size_t len, uint64_t at)
{
	ssize_t n = pread(fd, mem, len, (off_t)at);

	return n < 0 && errno == ESPIPE ? read(fd, mem, len) : n;
}

static ssize_t write_at(const struct fs_handle *h, const void *mem, size_t len, uint64_t at)
{
	ssize_t n = h->append ? -1 : pwrite(h->fd, mem, len, (off_t)at);

	return h->append || (n < 0 && errno == ESPIPE) ? write(h->fd, mem, len) : n;
}

/* How far the hole goes that begins at `t->at`; 0: there is none. */
static uint64_t hole_at(int fd, const struct fs_transfer *t)
{
	off_t data = lseek(fd, (off_t)t->at, SEEK_DATA);
	struct stat st;

	if (data < 0 && errno == ENXIO && fstat(fd, &st) == 0)
		data = st.st_size;	/* to its end */
	return data > (off_t)t->at ? min_size((size_t)data - t->at, t->left) : 0;
}

/* Sends the next piece of a file. */
static void read_on(struct fs_transfers *ts, struct fs_transfer **at)
{
	struct fs_transfer *t = *at;
	struct fs_handle *h = fs_handles_find(ts->handles, t->handle);
	uint64_t hole = h && t->sparse ? hole_at(h->fd, t) : 0;
	ssize_t n;

	if (hole > 0) {
		fs_send_hole(ts->out, t->id, hole);
		n = (ssize_t)hole;
	} else {
		uint8_t *room = h ? fs_slots_room(ts->slots) : NULL;

		n = room ? read_at(h->fd, room, min_size(FS_SLOT_SIZE, t->left), t->at) : -1;
		if (n < 0 && errno == EINTR)
			return;
		if (n > 0)
			fs_slots_send(ts->slots, ts->out, t->id, (size_t)n);
	}
	if (n > 0) {
		t->at += (uint64_t)n;
		t->left -= (uint64_t)n;
		return;
	}
	end(ts, at, (int)n);
}

/* Reads take turns: the one that had its turn goes to the end of the line. */
bool fs_transfers_read(struct fs_transfers *ts)
{
	struct fs_transfer **at = &ts->list;
	struct fs_transfer *t;

	while (*at && (*at)->is_write)
		at = &(*at)->next;
	t = *at;
	if (!t)
		return false;
	read_on(ts, at);
	if (*at == t && t->next) {
		*at = t->next;
		while (*at)
			at = &(*at)->next;
		*at = t;
		t->next = NULL;
	}
	return true;
}

void fs_transfers_write(struct fs_transfers *ts, uint32_t id, struct span data)
{
	struct fs_transfer **at = find(ts, id);
	struct fs_transfer *t = *at;
	struct fs_handle *h;

	if (!t || !t->is_write)
		return;		/* it has failed, and the two have crossed */
	if (data.len == 0 || data.len > t->left) {
		/* As many bytes as were said, or it is not what was meant. */
		errno = EMSGSIZE;
		end(ts, at, t->bounded && t->left != data.len ? -1 : 0);
		return;
	}
	h = fs_handles_find(ts->handles, t->handle);
	for (size_t done = 0; done < data.len;) {
		ssize_t n = h ? write_at(h, data.p + done, data.len - done, t->at) : -1;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			end(ts, at, -1);
			return;
		}
		done += (size_t)n;
		t->at += (uint64_t)n;
	}
	t->left -= t->bounded ? data.len : 0;
	t->taken += data.len;
	if (t->taken >= TAKEN_STEP) {
		msg_send_taken(ts->out, id, t->taken);
		t->taken = 0;
	}
}
