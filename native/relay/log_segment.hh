#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "frame.hh"

namespace relay {

// One file of the log of a machine, `exec.<number>.log`: a header, and records behind it, in the order of their time. All numbers
// are big-endian. docs/architecture.md has the layout for those who read it elsewhere.

/** What a record holds. Readers pass over those that they do not know. */
enum class LogKind : uint8_t {
  kContinued = 0,  // the last record of a file: the next file goes on
  kStdout = 1,
  kStderr = 2,
  kOutput = 3,   // of a command at a terminal
  kConsole = 4,  // a line of the guest's console
  kVmm = 5,      // a line of the VMM, or of the relay
  kStarted = 6,
  kStopped = 7,
};

constexpr size_t kSegmentHeaderSize = 48;
constexpr size_t kRecordHeaderSize = 32;
/** What all of these names are long. */
constexpr size_t kLogNameSize = 8;

struct SegmentHeader {
  uint32_t number = 0;
  uint32_t sessions = 0;  // how many commands there had been by then
  std::string id;
  std::string previous;  // the id of the file before; zeros where that is not known
  /** Begins each record. Random: a guest cannot put into its output what would be taken for a record. */
  std::string sync;
};

std::string encode(const SegmentHeader& header);
std::optional<SegmentHeader> decode_segment_header(Bytes bytes);

struct RecordHeader {
  uint32_t length = 0;
  LogKind kind = LogKind::kContinued;
  uint64_t time_us = 0;  // since 1970
  uint32_t session = 0;
};

void append_record_header(std::string& out, Bytes sync, const RecordHeader& header);

/** What a file that another relay has written holds. */
struct SegmentScan {
  size_t end = 0;  // of the last record that is whole
  uint32_t records = 0;
  uint32_t sessions = 0;
  bool continued = false;
};

/** Passes over what is no record. @param content with its header, which is `header`. */
SegmentScan scan_segment(Bytes content, const SegmentHeader& header);

}  // namespace relay
