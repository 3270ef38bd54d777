#include "lock.hh"

#include <fcntl.h>
#include <sys/file.h>

#include "../util/sys_error.hh"

namespace msb {

bool try_lock(int fd) {
  if (retry([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  throw_errno("flock");
}

void unlock(int fd) {
  if (retry([&] { return ::flock(fd, LOCK_UN); }) != 0) throw_errno("flock");
}

UniqueFd open_lock_file(const std::string& path) {
  const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  UniqueFd fd(retry([&] { return ::open(path.c_str(), flags, 0600); }));
  if (!fd) throw_errno("open", path);
  return fd;
}

}  // namespace msb
