#pragma once

#include "../src/util/unique_fd.hh"
#include "poll_set.hh"

namespace relay {

/** SIGTERM and SIGCHLD as something to poll for. There is one in a process. */
class Signals {
 public:
  /** From here on; false where there is no pipe to be had. */
  bool start();

  void join(PollSet& set) { index_ = set.add(read_.get(), POLLIN); }

  struct Seen {
    bool terminate = false;
    bool child = false;
  };
  Seen take(const PollSet& set) const;

 private:
  msb::UniqueFd read_;
  msb::UniqueFd write_;
  PollSet::Index index_ = PollSet::kNone;
};

}  // namespace relay
