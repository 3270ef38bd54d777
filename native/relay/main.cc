#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <exception>

#include "io.hh"
#include "options.hh"
#include "relay.hh"

namespace {

constexpr int kUsageError = 2;
constexpr int kFailure = 1;

int fail(int code, const std::string& message) {
  ::fprintf(stderr, "msb-relay: %s\n", message.c_str());
  return code;
}

int not_open(int fd) { return fail(kUsageError, "descriptor " + std::to_string(fd) + " is not open"); }

std::string with_errno(const std::string& what, int error) { return what + ": " + ::strerror(error); }

int start(const std::vector<std::string>& arguments) {
  relay::Options options;
  const std::string wrong = relay::parse_options(arguments, options);
  if (!wrong.empty()) return fail(kUsageError, wrong);
  for (const int fd : {relay::kLeash, relay::kLock, relay::kBootstrap}) {
    if (!relay::make_ours(fd)) return not_open(fd);
  }
  relay::Parts parts;
  for (int fd = relay::kForVmm; fd < relay::kForVmm + options.vmm_descriptors; fd++) {
    // Whether they block is not for us to change: that is a flag of what their owner has open, too.
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return not_open(fd);
    parts.for_vmm.emplace_back(fd);
  }

  if (!parts.signals.start()) return fail(kFailure, with_errno("pipe", errno));
  parts.leash.reset(relay::kLeash);
  parts.bootstrap.reset(relay::kBootstrap);
  // A directory that is somebody else's is left as it is, and so is its socket.
  if (!parts.lock.open(msb::UniqueFd(relay::kLock))) return fail(kFailure, with_errno("the sandbox's lock", errno));
  if (const int error = parts.dir.open(options.sandbox_dir)) return fail(kFailure, with_errno(options.sandbox_dir, error));
  parts.console_log = parts.dir.create("console.log");
  parts.vmm_log.reset(::fcntl(relay::kVmmLog, F_DUPFD_CLOEXEC, 0));

  relay::Relay(options, std::move(parts)).run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return start({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    // Out of memory, in effect. The VMM dies with us.
    return fail(kFailure, error.what());
  }
}
