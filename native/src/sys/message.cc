#include "message.hh"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "../util/sys_error.hh"

namespace msb {

namespace {

constexpr size_t kMostBytes = 32 * 1024;
constexpr size_t kMostFds = 64;

#ifdef MSG_NOSIGNAL
constexpr int kNoSignal = MSG_NOSIGNAL;
#else
constexpr int kNoSignal = 0;
#endif

UniqueFd ours(int fd) {
  UniqueFd owned(fd);
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) throw_errno("fcntl");
  return owned;
}

/** All of them, so that none is lost whatever is wrong with the message. */
std::vector<UniqueFd> descriptors_of(msghdr& header) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
  }
  return fds;
}

}  // namespace

std::pair<UniqueFd, UniqueFd> message_socket_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0) throw_errno("socketpair");
  UniqueFd first = ours(fds[0]);
  // The other side is a program that knows nothing of waits: it blocks.
  UniqueFd second(fds[1]);
  if (::fcntl(fds[1], F_SETFD, FD_CLOEXEC) != 0) throw_errno("fcntl");
  return {std::move(first), std::move(second)};
}

void send_message(int socket, const std::string& bytes, const std::vector<int>& fds) {
  if (bytes.size() > kMostBytes || fds.size() > kMostFds) throw SysError("sendmsg", EMSGSIZE);
  alignas(cmsghdr) char control[CMSG_SPACE(kMostFds * sizeof(int))] = {};
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size() * sizeof(int));
  }
  ssize_t sent;
  do {
    sent = ::sendmsg(socket, &header, kNoSignal);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) throw_errno("sendmsg");
}

std::optional<Message> receive_message(int socket) {
  alignas(cmsghdr) char control[CMSG_SPACE(kMostFds * sizeof(int))];
  Message message;
  message.bytes.resize(kMostBytes);
  iovec data{message.bytes.data(), message.bytes.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t got;
  do {
    got = ::recvmsg(socket, &header, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
  if (got < 0) throw_errno("recvmsg");
  message.fds = descriptors_of(header);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) throw SysError("recvmsg", EMSGSIZE);
  if (got == 0) throw SysError("recvmsg", EPIPE);
  message.bytes.resize(static_cast<size_t>(got));
  return message;
}

}  // namespace msb
