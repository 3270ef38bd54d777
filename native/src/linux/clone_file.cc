#include "../sys/clone_file.hh"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "../util/sys_error.hh"
#include "../util/unique_fd.hh"

namespace msb {

namespace {

constexpr size_t kChunk = 1 << 20;

void copy_by_hand(int in, int out, off_t at, off_t end) {
  const auto buffer = std::make_unique<char[]>(kChunk);
  while (at < end) {
    const auto want = static_cast<size_t>(end - at) < kChunk ? static_cast<size_t>(end - at) : kChunk;
    const ssize_t got = retry([&] { return ::pread(in, buffer.get(), want, at); });
    if (got < 0) throw_errno("pread");
    if (got == 0) throw SysError("pread", EIO);  // the source shrank under us
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = retry([&] {
        return ::pwrite(out, buffer.get() + done, static_cast<size_t>(got - done), at + done);
      });
      if (put < 0) throw_errno("pwrite");
      done += put;
    }
    at += got;
  }
}

/** In the kernel where it can, which some file systems do without moving a byte. */
void copy_range(int in, int out, off_t at, off_t end) {
  while (at < end) {
    loff_t from = at;
    loff_t to = at;
    const ssize_t moved =
        retry([&] { return ::copy_file_range(in, &from, out, &to, static_cast<size_t>(end - at), 0); });
    if (moved > 0) {
      at += moved;
      continue;
    }
    // 0 is also what some old kernels answer for files they cannot splice: reading by hand tells the two apart.
    const bool cannot = moved == 0 || errno == EXDEV || errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP ||
                        errno == EPERM || errno == EBADF;
    if (!cannot) throw_errno("copy_file_range");
    copy_by_hand(in, out, at, end);
    return;
  }
}

uint64_t copy_data(int in, int out, off_t size) {
  uint64_t copied = 0;
  off_t at = 0;
  while (at < size) {
    off_t data = ::lseek(in, at, SEEK_DATA);
    off_t hole = size;
    if (data < 0) {
      if (errno == ENXIO) break;  // nothing but hole from here on
      if (errno != EINVAL && errno != EOPNOTSUPP) throw_errno("lseek");
      data = at;  // a file system that does not know its holes: all of it is data
    } else {
      hole = ::lseek(in, data, SEEK_HOLE);
      if (hole < 0) throw_errno("lseek");
      if (hole > size) hole = size;
    }
    if (data >= size) break;
    copy_range(in, out, data, hole);
    copied += static_cast<uint64_t>(hole - data);
    at = hole;
  }
  return copied;
}

CloneResult fill(int in, int out) {
  struct stat info{};
  if (::fstat(in, &info) != 0) throw_errno("fstat");
  if (!S_ISREG(info.st_mode)) throw SysError("open", S_ISDIR(info.st_mode) ? EISDIR : EINVAL);
  // Whatever keeps a reflink from working, a copy may still do: only the copy's errors count.
  if (::ioctl(out, FICLONE, in) == 0) return {true, 0};
  if (::ftruncate(out, info.st_size) != 0) throw_errno("ftruncate");
  return {false, copy_data(in, out, info.st_size)};
}

}  // namespace

CloneResult clone_file(const std::string& src, const std::string& dst) {
  UniqueFd in(retry([&] { return ::open(src.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (!in) throw_errno("open", src);
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  UniqueFd out(retry([&] { return ::open(dst.c_str(), flags, 0600); }));
  if (!out) throw_errno("open", dst);
  try {
    const CloneResult result = fill(in.get(), out.get());
    // Some file systems report a full disk only here.
    if (::close(out.release()) != 0 && errno != EINTR) throw_errno("close");
    return result;
  } catch (const SysError& error) {
    ::unlink(dst.c_str());
    throw SysError(error.syscall(), error.error(), error.syscall() == std::string("open") ? src : dst);
  } catch (...) {
    ::unlink(dst.c_str());
    throw;
  }
}

}  // namespace msb
