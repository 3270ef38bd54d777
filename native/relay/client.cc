#include "client.hh"

#include <unistd.h>

#include "io.hh"

namespace relay {

void Client::greet(Bytes ready_frame) {
  std::string range;
  append_u32(range, range_.start);
  append_u32(range, range_.end);
  out_.append(range);
  out_.append(ready_frame);
  greeted_ = true;
}

void Client::join(PollSet& set) {
  index_ = PollSet::kNone;
  // poll reports a hang-up whether asked to or not; once it is known there is nothing more to learn.
  if (broken_ || at_end_) return;
  const bool wants_input = greeted_ && held_state_ == Next::kNothing;
  index_ = set.add(fd_.get(), static_cast<short>((wants_input ? POLLIN : 0) | (out_.empty() ? 0 : POLLOUT)));
}

void Client::serve(const PollSet& set) {
  if (set.hung_up(index_)) mark_broken();
  if (!set.readable(index_)) return;
  unread_ = true;
  parse_ahead();
}

Client::Next Client::try_parse(Frame& frame) {
  switch (in_.next(frame)) {
    case FrameParser::Result::kIncomplete:
      return Next::kNothing;
    case FrameParser::Result::kBad:
      return Next::kViolation;
    case FrameParser::Result::kFrame:
      break;
  }
  return may_send(frame) ? Next::kFrame : Next::kViolation;
}

/** Reads until a frame is whole or there is nothing to read. The frame stays in the parser's buffer. */
void Client::parse_ahead() {
  while (held_state_ == Next::kNothing) {
    held_state_ = try_parse(held_);
    if (held_state_ != Next::kNothing) return;
    if (at_end_) {
      held_state_ = Next::kGone;
      return;
    }
    if (!unread_) return;
    switch (read_frames(fd_.get(), in_, kReadSize)) {
      case ReadResult::kData:
        break;
      case ReadResult::kNothing:
        unread_ = false;
        at_end_ = broken_;
        break;
      case ReadResult::kEnd:
        at_end_ = true;
        break;
    }
  }
}

Client::Next Client::next(Frame& frame) {
  parse_ahead();
  const Next state = held_state_;
  if (state == Next::kFrame) {
    frame = held_;
    held_state_ = Next::kNothing;
  }
  return state;
}

bool Client::may_send(const Frame& frame) const {
  if (frame.id == 0) return (frame.flags & kShutdown) != 0;
  return range_.contains(frame.id);
}

bool Client::send(Bytes bytes) {
  if (broken_) return true;
  if (out_.size() + bytes.size() > kMostForClient) return false;
  // What is large, and so is in the log already, need not wait for the round's end, which would copy it.
  if (out_.empty() && bytes.size() >= kWorthACall) {
    const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
  out_.append(bytes);
  return true;
}

void Client::flush() {
  if (broken_ || out_.write_to(fd_.get()) == ByteQueue::Result::kOk) return;
  mark_broken();
}

void Client::mark_broken() {
  broken_ = true;
  unread_ = true;
  out_.clear();
  // Before the handshake there is nothing that it could have said.
  if (!greeted_) at_end_ = true;
}

}  // namespace relay
