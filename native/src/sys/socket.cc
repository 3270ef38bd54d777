#include "socket.hh"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "../util/sys_error.hh"

namespace msb {

namespace {

#ifdef SOCK_CLOEXEC
constexpr int kType = SOCK_STREAM | SOCK_CLOEXEC;
void set_close_on_exec(int) {}
#else
constexpr int kType = SOCK_STREAM;
void set_close_on_exec(int fd) {
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) throw_errno("fcntl");
}
#endif

}  // namespace

std::pair<UniqueFd, UniqueFd> socket_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, kType, 0, fds) != 0) throw_errno("socketpair");
  std::pair<UniqueFd, UniqueFd> pair{UniqueFd(fds[0]), UniqueFd(fds[1])};
  set_close_on_exec(fds[0]);
  set_close_on_exec(fds[1]);
  return pair;
}

UniqueFd listen_unix(const std::string& path, int backlog) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  constexpr size_t kMost = sizeof(address.sun_path) - 1;
  if (path.size() > kMost) {
    throw SysError("bind", ENAMETOOLONG, path,
                   "the path of a Unix socket has at most " + std::to_string(kMost) + " bytes, this one has " +
                       std::to_string(path.size()) +
                       "; set XDG_RUNTIME_DIR (or TMPDIR) to a directory with a shorter name");
  }
  std::memcpy(address.sun_path, path.data(), path.size());

  UniqueFd fd(::socket(AF_UNIX, kType, 0));
  if (!fd) throw_errno("socket");
  set_close_on_exec(fd.get());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw_errno("bind", path);
  }
  // Nobody can connect before listen, so there is no moment at which the umask's mode counts. (umask itself is
  // shared by all threads and so not ours to change.)
  const char* failed = nullptr;
  if (::chmod(path.c_str(), 0600) != 0) {
    failed = "chmod";
  } else if (::listen(fd.get(), backlog) != 0) {
    failed = "listen";
  }
  if (failed != nullptr) {
    const int error = errno;
    ::unlink(path.c_str());
    throw SysError(failed, error, path);
  }
  return fd;
}

}  // namespace msb
