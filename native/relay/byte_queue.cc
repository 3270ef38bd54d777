#include "byte_queue.hh"

#include <unistd.h>

#include <cerrno>

namespace relay {

namespace {

/** A queue that was long once gives its memory back. */
constexpr size_t kKeptCapacity = 256 * 1024;

}  // namespace

void ByteQueue::clear() {
  bytes_.clear();
  if (bytes_.capacity() > kKeptCapacity) bytes_.shrink_to_fit();
  position_ = 0;
}

ByteQueue::Result ByteQueue::write_to(int fd) {
  while (!empty()) {
    const ssize_t written = ::write(fd, bytes_.data() + position_, size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Result::kOk : Result::kBroken;
    }
    taken(static_cast<size_t>(written));
  }
  return Result::kOk;
}

void ByteQueue::taken(size_t count) {
  position_ += count;
  if (empty()) {
    clear();
  } else if (position_ > bytes_.size() / 2) {
    // Half at a time: each byte is moved once at most.
    bytes_.erase(0, position_);
    position_ = 0;
  }
}

}  // namespace relay
