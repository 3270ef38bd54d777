#pragma once

#include <string>

#include "frame.hh"

namespace relay {

/** Bytes on their way to a descriptor that may not take them now. Whoever fills it watches size(). */
class ByteQueue {
 public:
  enum class Result { kOk, kBroken };

  size_t size() const { return bytes_.size() - position_; }
  bool empty() const { return size() == 0; }
  void append(Bytes bytes) { bytes_.append(bytes); }
  void clear();
  /** Writes what fits. fd must not block. */
  Result write_to(int fd);

 private:
  void taken(size_t count);

  std::string bytes_;
  size_t position_ = 0;
};

}  // namespace relay
