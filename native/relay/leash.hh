#pragma once

#include <optional>
#include <string>

#include "../src/util/unique_fd.hh"
#include "lifetime.hh"
#include "poll_set.hh"

namespace relay {

/**
 * A socket whose other end lives and dies with the owner. `R` tells it that clients can connect. `D` lets go of it: what
 * happens to the owner then means nothing any more. `L<idle> <duration>\n`, in milliseconds, 0 for none, says how long the
 * machine may run, as of now.
 */
class Leash {
 public:
  void open(msb::UniqueFd fd) { fd_ = std::move(fd); }

  /** An owner that is dead already is noticed when the leash is read. */
  void say_ready() const;

  void join(PollSet& set) { index_ = fd_ ? set.add(fd_.get(), POLLIN) : PollSet::kNone; }
  bool readable(const PollSet& set) const { return set.readable(index_); }

  /** Reads what there is; true when the owner has died. Says so once. */
  bool owner_died();
  /** What the owner has said since this was asked last. */
  std::optional<Limits> take_limits() { return std::exchange(limits_, std::nullopt); }

 private:
  void hear(char byte);

  msb::UniqueFd fd_;
  bool detached_ = false;
  std::optional<std::string> line_;  // what has come of one that has begun
  std::optional<Limits> limits_;
  PollSet::Index index_ = PollSet::kNone;
};

}  // namespace relay
