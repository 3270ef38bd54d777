#include "bootstrap.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "frame.hh"
#include "io.hh"

namespace relay {

namespace {

constexpr size_t kMost = 1024 * 1024;

}  // namespace

void Bootstrap::open(msb::UniqueFd fd) {
  fd_ = std::move(fd);
  struct stat info{};
  plain_file_ = ::fstat(fd_.get(), &info) == 0 && S_ISREG(info.st_mode);
}

Bootstrap::State Bootstrap::read(const PollSet& set) {
  if (!set.readable(index_)) return State::kReading;
  char buffer[kReadSize];
  for (;;) {
    // Whoever wrote the file through this descriptor has left the offset at its end.
    const ssize_t got = plain_file_ ? ::pread(fd_.get(), buffer, sizeof buffer, static_cast<off_t>(bytes_.size()))
                                    : ::read(fd_.get(), buffer, sizeof buffer);
    if (got == 0) return check();
    if (got > 0) {
      bytes_.append(buffer, static_cast<size_t>(got));
      if (bytes_.size() > kMost) return fail(EFBIG);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return State::kReading;
    } else if (errno != EINTR) {
      return fail(errno);
    }
  }
}

/** One frame and nothing more: the agent would lose its place in the stream otherwise. */
Bootstrap::State Bootstrap::check() {
  FrameParser parser;
  parser.feed(bytes_);
  Frame frame;
  if (parser.next(frame) != FrameParser::Result::kFrame || parser.pending() != 0) return fail(EBADMSG);
  fd_.reset();
  return State::kWhole;
}

Bootstrap::State Bootstrap::fail(int error) {
  error_ = error;
  fd_.reset();
  return State::kFailed;
}

}  // namespace relay
