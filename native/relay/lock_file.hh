#pragma once

#include "../src/util/unique_fd.hh"

namespace relay {

/** The sandbox's lock, taken before we were born, and what it says: `PID STATE`. States only go forward. */
class LockFile {
 public:
  enum class State { kStarting, kRunning, kStopping };

  /** false: it is not ours, somebody else lives in this sandbox. */
  bool open(msb::UniqueFd fd);
  void advance(State state);

 private:
  void write_line() const;

  msb::UniqueFd fd_;
  State state_ = State::kStarting;
};

}  // namespace relay
