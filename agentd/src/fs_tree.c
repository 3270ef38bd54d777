// SPDX-License-Identifier: Apache-2.0
#include "fs_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "util.h"

/* Closes and keeps errno. */
static int close_after(int fd, int result)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return result;
}

int tree_make_dirs(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	struct stat st;
	size_t len = strlen(path);

	if (len >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(part, path, len + 1);
	for (size_t i = 1; i < len; i++) {
		if (part[i] != '/' || part[i - 1] == '/')
			continue;
		part[i] = '\0';
		if (mkdir(part, 0777) < 0 && errno != EEXIST && errno != EROFS)
			return -1;
		part[i] = '/';
	}
	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST || stat(path, &st) < 0)
		return -1;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode) ? 0 : -1;
}

/* Calls `each` for what is in a directory, whose descriptor it takes over. */
static int for_each(int fd, unsigned depth, int (*each)(int dir, const char *name, unsigned depth, void *arg), void *arg)
{
	DIR *dir;
	struct dirent *e;
	int result = 0;

	if (depth == TREE_DEPTH_MAX) {
		errno = ENAMETOOLONG;
		return close_after(fd, -1);
	}
	dir = fdopendir(fd);
	if (!dir)
		return close_after(fd, -1);
	while (result == 0) {
		errno = 0;
		e = readdir(dir);
		if (!e) {
			result = errno ? -1 : 0;
			break;
		}
		if (!is_dots(e->d_name))
			result = each(fd, e->d_name, depth + 1, arg);
	}
	int saved = errno;

	closedir(dir);
	errno = saved;
	return result;
}

static int open_dir(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int remove_one(int dir, const char *name, unsigned depth, void *arg)
{
	int fd;

	if (unlinkat(dir, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	fd = open_dir(dir, name);
	if (fd < 0 || for_each(fd, depth, remove_one, arg) < 0)
		return -1;
	return unlinkat(dir, name, AT_REMOVEDIR);
}

int tree_remove(const char *path)
{
	return remove_one(AT_FDCWD, path, 0, NULL);
}

/* A copy under way: what it goes into, so that it does not go on into itself. */
struct copy {
	dev_t dev;
	ino_t ino;
	const char *name;	/* in the directory that is looked at; NULL: as it is called there */
	int into;
};

static int copy_bytes(int from, int to)
{
	static char chunk[FS_READ_SIZE];
	ssize_t n, done, more;

	while ((n = read(from, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		for (done = 0; done < n; done += more) {
			more = write(to, chunk + done, (size_t)(n - done));
			if (more < 0 && errno != EINTR)
				return -1;
			if (more < 0)
				more = 0;
		}
	}
	return 0;
}

/* From one offset to another; what the kernel cannot do by itself is read and written. */
static int copy_extent(int from, int to, off_t at, off_t end)
{
	off_t out = at;

	while (at < end) {
		ssize_t n = copy_file_range(from, &at, to, &out, (size_t)(end - at), 0);

		if (n == 0)
			return 0;	/* it has become shorter */
		if (n > 0 || errno == EINTR)
			continue;
		if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
			return -1;
		if (lseek(from, at, SEEK_SET) < 0 || lseek(to, out, SEEK_SET) < 0)
			return -1;
		return copy_bytes(from, to);
	}
	return 0;
}

static int copy_data(int from, int to, off_t size)
{
	off_t at = 0;

	/* What the kernel makes up as it is read has no size. */
	if (size == 0)
		return copy_bytes(from, to);
	while (at < size) {
		off_t data = lseek(from, at, SEEK_DATA);
		off_t hole;

		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			return lseek(from, 0, SEEK_SET) < 0 ? -1 : copy_bytes(from, to);
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0 || copy_extent(from, to, data, hole) < 0)
			return -1;
		at = hole;
	}
	return ftruncate(to, size);
}

/* The owner first: giving a file away takes its set-user-id bit. */
static int keep_attributes(int fd, const struct stat *st)
{
	return fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 ? -1 : 0;
}

static int copy_file(int dir, const char *name, int into, const char *as, int follow)
{
	int from = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | follow);
	struct stat st, there;
	int to, result;

	if (from < 0 || fstat(from, &st) < 0)
		return from < 0 ? -1 : close_after(from, -1);
	/* Opened without being emptied: it may be the very same one. */
	to = openat(into, as, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | follow, 0600);
	if (to < 0 || fstat(to, &there) < 0) {
		result = to < 0 ? -1 : close_after(to, -1);
		return close_after(from, result);
	}
	errno = EINVAL;
	result = there.st_dev == st.st_dev && there.st_ino == st.st_ino ? -1 : 0;
	if (result == 0 && (ftruncate(to, 0) < 0 || copy_data(from, to, st.st_size) < 0 || keep_attributes(to, &st) < 0))
		result = -1;
	return close_after(from, close_after(to, result));
}

static int copy_link(int dir, const char *name, int into, const char *as, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	if (symlinkat(target, into, as) < 0 &&
	    (errno != EEXIST || unlinkat(into, as, 0) < 0 || symlinkat(target, into, as) < 0))
		return -1;
	return fchownat(into, as, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
}

static int copy_one(int dir, const char *name, unsigned depth, void *arg);

static int copy_dir(int dir, const char *name, int into, const char *as, unsigned depth, struct copy *c)
{
	int from = depth ? open_dir(dir, name) : open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct copy inner = *c;
	struct stat st, made;
	int result;

	if (from < 0 || fstat(from, &st) < 0)
		return from < 0 ? -1 : close_after(from, -1);
	if (st.st_dev == c->dev && st.st_ino == c->ino) {
		errno = EINVAL;
		return close_after(from, -1);
	}
	if (mkdirat(into, as, 0700) < 0 && errno != EEXIST)
		return close_after(from, -1);
	inner.into = depth ? open_dir(into, as) : open(as, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (inner.into < 0 || fstat(inner.into, &made) < 0)
		return close_after(from, inner.into < 0 ? -1 : close_after(inner.into, -1));
	if (depth == 0) {
		inner.dev = made.st_dev;
		inner.ino = made.st_ino;
	}
	if (made.st_dev == st.st_dev && made.st_ino == st.st_ino) {
		errno = EINVAL;
		return close_after(from, close_after(inner.into, -1));
	}
	result = for_each(from, depth, copy_one, &inner);
	if (result == 0)
		result = keep_attributes(inner.into, &st);
	return close_after(inner.into, result);
}

static int copy_one(int dir, const char *name, unsigned depth, void *arg)
{
	struct copy *c = arg;
	const char *as = c->name ? c->name : name;
	int follow = depth ? O_NOFOLLOW : 0;
	struct stat st;

	if (fstatat(dir, name, &st, depth ? AT_SYMLINK_NOFOLLOW : 0) < 0)
		return -1;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(dir, name, c->into, as, follow);
	case S_IFLNK:
		return copy_link(dir, name, c->into, as, &st);
	case S_IFDIR: {
		struct copy inner = { .dev = c->dev, .ino = c->ino };

		return copy_dir(dir, name, c->into, as, depth, &inner);
	}
	default:
		if (mknodat(c->into, as, st.st_mode, st.st_rdev) < 0)
			return -1;
		return fchownat(c->into, as, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW);
	}
}

int tree_copy(const char *from, const char *to)
{
	return copy_one(AT_FDCWD, from, 0, &(struct copy){ .name = to, .into = AT_FDCWD });
}
