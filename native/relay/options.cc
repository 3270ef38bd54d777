#include "options.hh"

#include <cstddef>

#include "decimal.hh"

namespace relay {

namespace {

constexpr uint64_t kLeastConsole = 4096;
constexpr uint64_t kMostConsole = 64 << 20;  // the part after the head is kept in memory too
constexpr uint64_t kMostBudget = 3600 * 1000;
constexpr uint64_t kMostVmmDescriptors = 8;
constexpr uint64_t kLeastPid = 2;
constexpr uint64_t kMostPid = 1 << 22;  // Linux's own limit

std::string out_of_range(const std::string& option, uint64_t least, uint64_t most) {
  return option + " takes a number from " + std::to_string(least) + " to " + std::to_string(most);
}

/** An absolute path with a last component: what is renamed and removed must be plain. */
bool usable_path(const std::string& path) {
  if (path.size() < 2 || path.front() != '/' || path.back() == '/') return false;
  const std::string last = path.substr(path.rfind('/') + 1);
  return last != "." && last != ".." && path.find('\0') == std::string::npos;
}

}  // namespace

std::string parse_options(const std::vector<std::string>& arguments, Options& options) {
  size_t i = 0;
  for (; i < arguments.size() && arguments[i] != "--"; i++) {
    const std::string& option = arguments[i];
    if (option == "--ephemeral") {
      options.ephemeral = true;
      continue;
    }
    const bool known = option == "--sandbox-dir" || option == "--socket" || option == "--console-limit" ||
                       option == "--owner-death-budget" || option == "--lifetime-budget" ||
                       option == "--vmm-descriptors" || option == "--adopt";
    if (!known) return "unknown option " + option;
    if (i + 1 >= arguments.size() || arguments[i + 1] == "--") return option + " needs a value";
    const std::string& value = arguments[++i];

    uint64_t number = 0;
    if (option == "--sandbox-dir" || option == "--socket") {
      if (!usable_path(value)) return option + " takes an absolute path";
      (option == "--socket" ? options.socket_path : options.sandbox_dir) = value;
    } else if (option == "--console-limit") {
      if (!parse_decimal(value, kLeastConsole, kMostConsole, number)) {
        return out_of_range(option, kLeastConsole, kMostConsole);
      }
      options.console_limit = number;
    } else if (option == "--vmm-descriptors") {
      if (!parse_decimal(value, 0, kMostVmmDescriptors, number)) return out_of_range(option, 0, kMostVmmDescriptors);
      options.vmm_descriptors = static_cast<int>(number);
    } else if (option == "--adopt") {
      if (!parse_decimal(value, kLeastPid, kMostPid, number)) return out_of_range(option, kLeastPid, kMostPid);
      options.adopt = static_cast<pid_t>(number);
    } else {
      if (!parse_decimal(value, 0, kMostBudget, number)) return out_of_range(option, 0, kMostBudget);
      (option == "--lifetime-budget" ? options.lifetime_budget_ms : options.owner_death_budget_ms) =
          static_cast<int64_t>(number);
    }
  }
  if (options.sandbox_dir.empty()) return "--sandbox-dir is missing";
  if (options.socket_path.empty()) return "--socket is missing";
  if (options.adopt) return i == arguments.size() ? "" : "--adopt takes the place of the VMM's command line";
  if (i == arguments.size()) return "-- and the VMM's command line are missing";
  options.vmm.assign(arguments.begin() + static_cast<ptrdiff_t>(i) + 1, arguments.end());
  if (options.vmm.empty()) return "the VMM's command line is missing after --";
  return {};
}

}  // namespace relay
