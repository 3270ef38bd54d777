#pragma once

#include <poll.h>

#include <cerrno>
#include <vector>

namespace relay {

/** The descriptors of one round. poll and not epoll: there are 140 at most, and macOS has it too. */
class PollSet {
 public:
  using Index = int;
  static constexpr Index kNone = -1;

  void clear() { fds_.clear(); }

  Index add(int fd, short events) {
    fds_.push_back({fd, events, 0});
    return static_cast<Index>(fds_.size()) - 1;
  }

  void wait(int timeout_ms) {
    if (::poll(fds_.data(), static_cast<nfds_t>(fds_.size()), timeout_ms) >= 0) return;
    for (pollfd& entry : fds_) entry.revents = 0;
  }

  short events(Index index) const { return index == kNone ? short{0} : fds_[static_cast<size_t>(index)].revents; }
  bool readable(Index index) const { return (events(index) & (POLLIN | POLLHUP | POLLERR | POLLNVAL)) != 0; }
  bool hung_up(Index index) const { return (events(index) & (POLLHUP | POLLERR | POLLNVAL)) != 0; }

 private:
  std::vector<pollfd> fds_;
};

}  // namespace relay
