#include "agent_line.hh"

namespace relay {

void AgentLine::send(Bytes frame) {
  if (writable_) out_.append(frame);
}

void AgentLine::flush() {
  if (!fd_ || !writable_ || out_.write_to(fd_.get()) == ByteQueue::Result::kOk) return;
  // Reading goes on: the last words may still be in the socket.
  writable_ = false;
  out_.clear();
}

void AgentLine::close() {
  fd_.reset();
  writable_ = false;
  out_.clear();
}

void AgentLine::join(PollSet& set) {
  index_ = PollSet::kNone;
  if (fd_) index_ = set.add(fd_.get(), static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT)));
}

}  // namespace relay
