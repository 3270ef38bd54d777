#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "frame.hh"

namespace relay {

enum class ReadResult { kData, kNothing, kEnd };

constexpr size_t kReadSize = 64 * 1024;

/** One read of a descriptor that does not block. An error is an end: what was sent before it has been read by then. */
template <typename Sink>
ReadResult read_some(int fd, Sink sink) {
  char buffer[kReadSize];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got > 0) {
      sink(Bytes(buffer, static_cast<size_t>(got)));
      return ReadResult::kData;
    }
    if (got == 0) return ReadResult::kEnd;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? ReadResult::kNothing : ReadResult::kEnd;
  }
}

/** Close-on-exec and not blocking: what every descriptor of this program is. */
inline bool make_ours(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

}  // namespace relay
