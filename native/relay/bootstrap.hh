#pragma once

#include <string>

#include "../src/util/unique_fd.hh"
#include "poll_set.hh"

namespace relay {

/** The first frame for the agent, which our parent left in a file or sends through a pipe. */
class Bootstrap {
 public:
  void open(msb::UniqueFd fd);

  void join(PollSet& set) { index_ = fd_ ? set.add(fd_.get(), POLLIN) : PollSet::kNone; }

  enum class State { kReading, kWhole, kFailed };
  State read(const PollSet& set);

  const std::string& frame() const { return bytes_; }
  int error() const { return error_; }

 private:
  State check();
  State fail(int error);

  msb::UniqueFd fd_;
  bool plain_file_ = false;
  std::string bytes_;
  int error_ = 0;
  PollSet::Index index_ = PollSet::kNone;
};

}  // namespace relay
