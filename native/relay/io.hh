#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "frame.hh"

namespace relay {

enum class ReadResult { kData, kNothing, kEnd };

constexpr size_t kReadSize = 64 * 1024;

/** One read of a descriptor that does not block. An error is an end: what was sent before it has been read by then. */
inline ReadResult read_to(int fd, char* room, size_t most, size_t& count) {
  for (;;) {
    const ssize_t got = ::read(fd, room, most);
    if (got > 0) {
      count = static_cast<size_t>(got);
      return ReadResult::kData;
    }
    if (got == 0) return ReadResult::kEnd;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? ReadResult::kNothing : ReadResult::kEnd;
  }
}

/** The same, into a parser of frames. */
inline ReadResult read_frames(int fd, FrameParser& parser, size_t most) {
  size_t count = 0;
  const ReadResult result = read_to(fd, parser.room(most), most, count);
  parser.took(count);
  return result;
}

/** The same, to whoever wants the bytes for a moment. */
template <typename Sink>
ReadResult read_some(int fd, Sink sink) {
  char buffer[kReadSize];
  size_t count = 0;
  const ReadResult result = read_to(fd, buffer, sizeof buffer, count);
  if (result == ReadResult::kData) sink(Bytes(buffer, count));
  return result;
}

/** Close-on-exec and not blocking: what every descriptor of this program is. */
inline bool make_ours(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

}  // namespace relay
