#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace relay {

/** The descriptors that this program is born with. 0 is /dev/null; 1 and 2 are vmm.log; those from kForVmm on go to the VMM. */
enum BornWith : int { kVmmLog = 1, kLeash = 3, kLock = 4, kBootstrap = 5, kForVmm = 6 };

/** And, where it adopts a VMM, our ends of what that was born with. */
enum AdoptsWith : int { kAdoptedOutput = 6, kAdoptedAgent = 7, kAdoptedConsole = 8 };

struct Options {
  std::string sandbox_dir;
  std::string socket_path;
  bool ephemeral = false;
  uint64_t console_limit = 1 << 20;
  int64_t owner_death_budget_ms = 3000;
  int64_t lifetime_budget_ms = 10000;  // for the guest to stop when its time is over; what a client's stop gives it, too
  int vmm_descriptors = 0;  // how many of kForVmm there are
  std::vector<std::string> vmm;  // argv; the first is the path to execute; empty where one is adopted
  std::optional<pid_t> adopt;    // a VMM that runs already, our child
};

/** Empty when all is well, else what is wrong with the command line. */
std::string parse_options(const std::vector<std::string>& arguments, Options& options);

}  // namespace relay
