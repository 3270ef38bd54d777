#include "lock.hh"

#include <fcntl.h>
#include <sys/file.h>

#include "../util/sys_error.hh"

namespace msb {

bool try_lock(int fd, bool shared) {
  if (retry([&] { return ::flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB); }) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  throw_errno("flock");
}

namespace {

UniqueFd open_file(const std::string& path, int more) {
  const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | more;
  UniqueFd fd(retry([&] { return ::open(path.c_str(), flags, 0600); }));
  if (!fd) throw_errno("open", path);
  return fd;
}

}  // namespace

UniqueFd open_lock_file(const std::string& path) { return open_file(path, O_CREAT); }

UniqueFd open_existing_lock_file(const std::string& path) { return open_file(path, 0); }

}  // namespace msb
