#pragma once

#include "../src/util/unique_fd.hh"
#include "byte_queue.hh"
#include "frame.hh"
#include "io.hh"
#include "poll_set.hh"
#include "queue_bounds.hh"

namespace relay {

/** The one line to the guest's agent. Whatever comes out of it may be hostile. */
class AgentLine {
 public:
  void open(msb::UniqueFd fd) { fd_ = std::move(fd); }

  /** Takes whole frames; ask has_room() first, or the queue grows. Drops them when nobody reads any more. */
  void send(Bytes frame);
  bool has_room() const { return out_.size() < kAgentHighWater; }
  void flush();

  void join(PollSet& set);
  bool readable(const PollSet& set) const { return set.readable(index_); }

  enum class Result { kNothing, kMore, kGarbage };
  /** Hands whole frames to on_frame, a bounded number of bytes at a time, so that a flood leaves time for others. */
  template <typename OnFrame>
  Result receive(OnFrame on_frame);

  bool at_end() const { return !fd_; }
  void close();

 private:
  static constexpr int kReadsPerRound = 4;
  /** More than a socket holds. */
  static constexpr size_t kMostAtOnce = 256 * 1024;

  msb::UniqueFd fd_;
  FrameParser in_;
  ByteQueue out_;
  bool writable_ = true;
  PollSet::Index index_ = PollSet::kNone;
};

template <typename OnFrame>
AgentLine::Result AgentLine::receive(OnFrame on_frame) {
  for (int reads = 0; reads < kReadsPerRound; reads++) {
    const ReadResult result = read_frames(fd_.get(), in_, kMostAtOnce);
    if (result == ReadResult::kEnd) close();
    if (result != ReadResult::kData) return Result::kNothing;
    Frame frame;
    for (;;) {
      const FrameParser::Result parsed = in_.next(frame);
      if (parsed == FrameParser::Result::kBad) return Result::kGarbage;
      if (parsed == FrameParser::Result::kIncomplete) break;
      on_frame(frame);
    }
  }
  return Result::kMore;
}

}  // namespace relay
