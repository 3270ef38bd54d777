#include "byte_queue.hh"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace relay {

namespace {

constexpr size_t kLeastCapacity = 4 * 1024;
/** A queue that was long once gives its memory back. */
constexpr size_t kKeptCapacity = 512 * 1024;

}  // namespace

/** Not a std::string: that writes zeros to where is to be read to. */
char* ByteQueue::room(size_t most) {
  if (empty()) clear();
  if (capacity_ - end_ < most) {
    // Half at a time: each byte is moved once at most.
    if (begin_ >= size() && capacity_ - size() >= most) {
      std::memmove(memory_.get(), memory_.get() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    } else {
      grow(std::max({kLeastCapacity, 2 * size(), size() + most}));
    }
  }
  return memory_.get() + end_;
}

void ByteQueue::grow(size_t capacity) {
  std::unique_ptr<char, Free> memory(static_cast<char*>(std::malloc(capacity)));
  if (!memory) throw std::bad_alloc();
  const Bytes kept = view();
  if (!kept.empty()) std::memcpy(memory.get(), kept.data(), kept.size());
  memory_ = std::move(memory);
  capacity_ = capacity;
  begin_ = 0;
  end_ = kept.size();
}

void ByteQueue::append(Bytes bytes) {
  if (bytes.empty()) return;
  std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
  commit(bytes.size());
}

Bytes ByteQueue::take(size_t count) {
  const Bytes taken = view().substr(0, count);
  begin_ += taken.size();
  return taken;
}

void ByteQueue::clear() {
  begin_ = end_ = 0;
  if (capacity_ <= kKeptCapacity) return;
  memory_.reset();
  capacity_ = 0;
}

ByteQueue::Result ByteQueue::write_to(int fd) {
  while (!empty()) {
    const ssize_t written = ::write(fd, view().data(), size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Result::kOk : Result::kBroken;
    }
    take(static_cast<size_t>(written));
  }
  clear();
  return Result::kOk;
}

}  // namespace relay
