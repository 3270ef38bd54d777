#pragma once

#include <cstdlib>
#include <memory>
#include <string_view>

namespace relay {

using Bytes = std::string_view;

/** Bytes on their way, in one piece of memory. Whoever fills it watches size(). */
class ByteQueue {
 public:
  enum class Result { kOk, kBroken };

  Bytes view() const { return {memory_.get() + begin_, size()}; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return size() == 0; }

  /** Where so many bytes may be put; commit() makes them part of it. What view() and take() gave is void then. */
  char* room(size_t most);
  void commit(size_t count) { end_ += count; }
  void append(Bytes bytes);

  /** The first so many, which stay where they are until something is put in, or it is cleared. */
  Bytes take(size_t count);
  void clear();

  /** Writes what fits. fd must not block. */
  Result write_to(int fd);

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  void grow(size_t capacity);

  std::unique_ptr<char, Free> memory_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace relay
