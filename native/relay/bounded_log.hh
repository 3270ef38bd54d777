#pragma once

#include <cstdint>
#include <string>

#include "frame.hh"
#include "../src/util/unique_fd.hh"

namespace relay {

/**
 * A log file that keeps its beginning and its end. The first bytes are written once and stay. What comes after is
 * appended until the file has reached its limit; then the older half of it gives way to one line that says how much
 * is missing, and appending goes on. So the file can be read at any time, from front to back, it is never longer than
 * the limit, and each byte is written twice on average at most. A crash leaves what was there, in the worst case with
 * some of it repeated.
 *
 * Something that is not a plain file (a terminal, a pipe) gets everything up to the limit, and then nothing more.
 * Failing to log is never a reason to fail.
 */
class BoundedLog {
 public:
  BoundedLog(msb::UniqueFd file, uint64_t limit);
  void append(Bytes bytes);

 private:
  void append_to_tail(Bytes bytes);
  void drop_older_half(size_t incoming);
  void write_at(uint64_t offset, Bytes bytes);
  std::string marker() const;

  msb::UniqueFd file_;
  uint64_t limit_;
  uint64_t head_limit_;
  bool plain_;
  uint64_t head_size_ = 0;
  uint64_t dropped_ = 0;
  std::string tail_;  // what the file holds after the head and the marker
};

}  // namespace relay
