#include "socket.hh"

#include <fcntl.h>
#include <sys/socket.h>

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

}  // namespace msb
