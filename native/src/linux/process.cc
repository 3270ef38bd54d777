#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sys/process.hh"
#include "../util/sys_error.hh"

// Debian 11's and RHEL 8's glibc lack the wrappers, and one of the constants; the kernels have the calls.
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace msb {

namespace {

/** -1 with ECHILD: not our child. */
int wait_for(int handle, siginfo_t& info, int extra) {
  info = {};
  return retry(
      [&] { return ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(handle), &info, WEXITED | WNOHANG | extra); });
}

}  // namespace

UniqueFd open_process(pid_t pid) {
  // The kernel sets close-on-exec on every pidfd.
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) throw_errno("pidfd_open");
  return fd;
}

bool signal_process(int handle, int signal) {
  // A zombie takes signals without complaint; that it has ended is known from its pidfd alone.
  pollfd ended{handle, POLLIN, 0};
  if (retry([&] { return ::poll(&ended, 1, 0); }) == 1 && (ended.revents & POLLNVAL) == 0) {
    siginfo_t info;
    // An ordinary descriptor polls as readable too: only a pidfd may answer "it has ended".
    if (wait_for(handle, info, WNOWAIT) == 0 || errno == ECHILD) return false;
    throw_errno("pidfd_send_signal");
  }
  if (::syscall(SYS_pidfd_send_signal, handle, signal, nullptr, 0) == 0) return true;
  if (errno == ESRCH) return false;
  throw_errno("pidfd_send_signal");
}

std::optional<ExitStatus> peek_exit(int handle) {
  siginfo_t info;
  if (wait_for(handle, info, WNOWAIT) != 0) {
    if (errno == ECHILD) return ExitStatus{};
    throw_errno("waitid");
  }
  if (info.si_pid == 0) return std::nullopt;
  if (info.si_code == CLD_EXITED) return ExitStatus{info.si_status, std::nullopt};
  return ExitStatus{std::nullopt, info.si_status};
}

void reap_process(int handle) {
  siginfo_t info;
  wait_for(handle, info, 0);
}

}  // namespace msb
