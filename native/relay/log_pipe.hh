#pragma once

#include "../src/util/unique_fd.hh"
#include "bounded_log.hh"
#include "io.hh"
#include "log_lines.hh"
#include "poll_set.hh"

namespace relay {

/** Carries what the VMM or its console says into a bounded log, and line by line into the one of the whole machine. */
class LogPipe {
 public:
  LogPipe(BoundedLog& log, ExecLog& whole, LogKind kind) : log_(log), lines_(whole, kind) {}

  void open(msb::UniqueFd from) { from_ = std::move(from); }
  bool at_end() const { return !from_; }
  /** No more comes: what has no end of line is one all the same. */
  void finish() { lines_.finish(); }

  void join(PollSet& set) { index_ = from_ ? set.add(from_.get(), POLLIN) : PollSet::kNone; }

  /** A bounded number of bytes at a time, so that a flood leaves time for others. */
  void serve(const PollSet& set) {
    if (!set.readable(index_)) return;
    for (int reads = 0; reads < 4; reads++) {
      const ReadResult result = read_some(from_.get(), [this](Bytes bytes) {
        log_.append(bytes);
        lines_.append(bytes);
      });
      if (result == ReadResult::kEnd) from_.reset();
      if (result != ReadResult::kData) return;
    }
  }

 private:
  BoundedLog& log_;
  LogLines lines_;
  msb::UniqueFd from_;
  PollSet::Index index_ = PollSet::kNone;
};

}  // namespace relay
