#pragma once

#include "../src/util/unique_fd.hh"
#include "byte_queue.hh"
#include "frame.hh"
#include "id_range.hh"
#include "poll_set.hh"
#include "queue_bounds.hh"

namespace relay {

/** One connection. Holds one whole frame at most that the agent has no room for; until it has, it is not read. */
class Client {
 public:
  Client(msb::UniqueFd fd, IdRange range) : fd_(std::move(fd)), range_(range) {}

  IdRange range() const { return range_; }

  /** The handshake, with which its reading begins. */
  void greet(Bytes ready_frame);
  bool greeted() const { return greeted_; }

  void join(PollSet& set);
  /** Reads and writes what the round has made possible. */
  void serve(const PollSet& set);

  enum class Next { kFrame, kNothing, kGone, kViolation };
  /** The next frame for the agent, or why there is none. Good until the next call. */
  Next next(Frame& frame);

  /** false: it has let too much pile up. */
  bool send(Bytes bytes);
  void flush();
  bool has_output() const { return !broken_ && !out_.empty(); }

  /** Whether its sessions should be paused, given that they are (or are not) now. */
  bool wants_pause(bool paused) const { return paused ? out_.size() >= kResumeBelow : out_.size() > kPauseAbove; }

 private:
  bool may_send(const Frame& frame) const;
  void mark_broken();
  Next try_parse(Frame& frame);
  void parse_ahead();

  msb::UniqueFd fd_;
  IdRange range_;
  FrameParser in_;
  ByteQueue out_;
  Frame held_;
  Next held_state_ = Next::kNothing;
  bool greeted_ = false;
  bool unread_ = false;  // the socket may hold more
  bool broken_ = false;  // it has gone; what it sent before is still to be read
  bool at_end_ = false;  // all that it sent has been read
  PollSet::Index index_ = PollSet::kNone;
};

}  // namespace relay
