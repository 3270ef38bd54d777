#pragma once

#include <cstdint>
#include <string>

#include "../src/util/unique_fd.hh"
#include "log_segment.hh"

namespace relay {

/**
 * What a machine's commands wrote, and what else is to be known of its life, over all its runs: a few files, of which the oldest
 * goes when a new one is begun. What is appended is gathered, unless it is large, and written by flush() in one call. A guest
 * that floods it costs that much disk and no more. Failing to log is never a reason to fail: what could not be written is
 * counted, and said when there is room again.
 */
class ExecLog {
 public:
  struct Bounds {
    /** A file is left for the next when the next would pass one of the two; a record that is larger has a file to itself. */
    uint64_t file_bytes = 4 << 20;
    uint32_t file_records = 32 * 1024;
    uint32_t files = 4;
  };

  ExecLog() = default;
  explicit ExecLog(Bounds bounds) : bounds_(bounds) {}

  /** Goes on with the log that is there. The directory stays open, wherever it is moved. */
  void open(int directory);

  /** The number of a command, unique in this log. */
  uint32_t new_session() { return ++sessions_; }

  void append(LogKind kind, uint32_t session, Bytes data);
  void flush();

 private:
  bool make_room(size_t data_size);
  bool next_file();
  void go_on_with(uint32_t number);
  msb::UniqueFd create(const SegmentHeader& header);
  void remove(uint32_t number) const;
  void put_header(LogKind kind, uint32_t session, size_t size);
  void put(LogKind kind, uint32_t session, Bytes data);
  void write(Bytes data);
  void report_loss();

  Bounds bounds_;
  int directory_ = -1;
  msb::UniqueFd file_;
  SegmentHeader header_;   // of that file
  uint64_t size_ = 0;      // of that file
  uint32_t records_ = 0;   // in that file, and on their way there
  uint32_t sessions_ = 0;
  std::string pending_;
  uint64_t pending_data_ = 0;  // how much of that was appended, and is not ours
  uint64_t lost_ = 0;
  uint64_t reported_ = 0;  // of what was lost, what is told in what is on its way
  int error_ = 0;
};

}  // namespace relay
