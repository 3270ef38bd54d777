#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "../src/util/unique_fd.hh"
#include "exit_record.hh"

namespace relay {

/** Our ends of what the VMM is born with. */
struct VmmEnds {
  msb::UniqueFd output;
  msb::UniqueFd agent;
  msb::UniqueFd console;
};

/** The VMM, our child. Once it runs it ends when we do, however we end. */
class VmmProcess {
 public:
  /**
   * It is born with 0 /dev/null; 1 and 2 a pipe to us; 3 the agent's line; 4 the console's; from 5 on the owner's.
   * Nothing, or what failed and how.
   */
  std::optional<SpawnError> start(const std::vector<std::string>& command, const std::vector<msb::UniqueFd>& owners,
                                  VmmEnds& ends);

  /** Takes one that was made as our child, whose end may have come before anybody waited for it. As start() otherwise. */
  std::optional<SpawnError> adopt(pid_t pid);
  /** Our ends of one that was adopted: we were born with them. */
  static std::optional<SpawnError> take_ends(VmmEnds& ends);

  std::optional<pid_t> pid() const { return pid_; }
  bool running() const { return pid_ && !ended_; }
  void kill();

  struct End {
    std::optional<int> code;
    std::optional<int> signal;
  };
  /** Reaps it, if it has ended. */
  std::optional<End> reap();
  /** Kills it, if it has not ended, and waits until it has. */
  std::optional<End> put_down();

 private:
  std::optional<End> wait(int flags);

  std::optional<pid_t> pid_;
  bool ended_ = false;
};

}  // namespace relay
