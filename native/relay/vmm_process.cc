#include "vmm_process.hh"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <cerrno>

#include "io.hh"
#include "options.hh"

extern char** environ;

namespace relay {

namespace {

/** What the child writes into the pipe that exec would have closed. */
struct ChildFailure {
  char step[16];
  int error;
};

[[noreturn]] void give_up(int pipe, const char* step) {
  ChildFailure failure{};
  failure.error = errno;
  for (size_t i = 0; step[i] != '\0' && i + 1 < sizeof failure.step; i++) failure.step[i] = step[i];
  (void)!::write(pipe, &failure, sizeof failure);
  ::_exit(127);
}

void close_from(unsigned first) {
#ifdef SYS_close_range
  if (::syscall(SYS_close_range, first, ~0U, 0U) == 0) return;
#endif
  rlimit limit{};
  const rlim_t most = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1048576 ? limit.rlim_cur : 1048576;
  for (rlim_t fd = first; fd < most; fd++) ::close(static_cast<int>(fd));
}

/** PR_SET_PDEATHSIG works from the call on; a parent that was gone before it is noticed by who the parent is now. */
void die_with(pid_t parent) {
#ifdef __linux__
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  // macOS has nothing of the kind: there the guest's agent, whose line has broken, powers off by itself.
  if (::getppid() != parent) ::_exit(127);
}

/**
 * Runs in our own memory, while we stand still: system calls only, nothing of ours written to but `born_with`, and not
 * inlined, so that its frames lie below the one that we go on in.
 */
[[noreturn, gnu::noinline]] void become_vmm(pid_t parent, char* const* argv, std::vector<int>& born_with,
                                            int failure_pipe) {
  die_with(parent);

  for (int signal = 1; signal < NSIG; signal++) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);

  // Out of the way first, so that no target overwrites a source that is still needed.
  const int count = static_cast<int>(born_with.size());
  for (int& fd : born_with) {
    fd = ::fcntl(fd, F_DUPFD_CLOEXEC, count + 1);
    if (fd < 0) give_up(failure_pipe, "descriptors");
  }
  const int pipe = ::fcntl(failure_pipe, F_DUPFD_CLOEXEC, count + 1);
  if (pipe < 0) give_up(failure_pipe, "descriptors");
  for (int i = 0; i < count; i++) {
    if (::dup2(born_with[static_cast<size_t>(i)], i) < 0) give_up(pipe, "descriptors");
  }
  // The first number that the VMM does not get.
  if (::dup2(pipe, count) < 0) give_up(pipe, "descriptors");
  ::fcntl(count, F_SETFD, FD_CLOEXEC);
  close_from(static_cast<unsigned>(count) + 1);

  ::execve(argv[0], argv, environ);
  give_up(count, "exec");
}

bool make_pair(msb::UniqueFd& ours, msb::UniqueFd& theirs, bool socket) {
  int fds[2];
  if ((socket ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : ::pipe(fds)) != 0) return false;
  ours.reset(fds[0]);
  theirs.reset(fds[1]);
  return make_ours(fds[0]) && ::fcntl(fds[1], F_SETFD, FD_CLOEXEC) == 0;
}

SpawnError failed(const char* step) { return {step, errno}; }

}  // namespace

std::optional<SpawnError> VmmProcess::start(const std::vector<std::string>& command,
                                            const std::vector<msb::UniqueFd>& owners, VmmEnds& ends) {
  msb::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return failed("open");
  msb::UniqueFd output;
  msb::UniqueFd agent;
  msb::UniqueFd console;
  if (!make_pair(ends.output, output, false)) return failed("pipe");
  if (!make_pair(ends.agent, agent, true) || !make_pair(ends.console, console, true)) return failed("socketpair");
  int failure_fds[2];
  if (::pipe(failure_fds) != 0) return failed("pipe");
  msb::UniqueFd failure_read(failure_fds[0]);
  msb::UniqueFd failure_write(failure_fds[1]);
  ::fcntl(failure_fds[0], F_SETFD, FD_CLOEXEC);
  ::fcntl(failure_fds[1], F_SETFD, FD_CLOEXEC);

  std::vector<char*> argv;
  for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<int> born_with = {null.get(), output.get(), output.get(), agent.get(), console.get()};
  for (const msb::UniqueFd& fd : owners) born_with.push_back(fd.get());

  const pid_t self = ::getpid();
#ifdef __linux__
  // No page table is copied, and no page faults for it afterwards: a millisecond, where those are dear.
  const pid_t child = ::vfork();
#else
  const pid_t child = ::fork();  // macOS has declared its vfork obsolete
#endif
  if (child < 0) return failed("fork");
  if (child == 0) become_vmm(self, argv.data(), born_with, failure_write.get());

  failure_write.reset();
  ChildFailure failure{};
  ssize_t got;
  do {
    got = ::read(failure_read.get(), &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof failure)) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return SpawnError{failure.step, failure.error};
  }
  pid_ = child;
  return std::nullopt;
}

std::optional<SpawnError> VmmProcess::adopt(pid_t pid) {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return failed("adopt");
  pid_ = pid;
  return std::nullopt;
}

std::optional<SpawnError> VmmProcess::take_ends(VmmEnds& ends) {
  for (const int fd : {kAdoptedOutput, kAdoptedAgent, kAdoptedConsole}) {
    if (!make_ours(fd)) return failed("adopt");
  }
  ends.output.reset(kAdoptedOutput);
  ends.agent.reset(kAdoptedAgent);
  ends.console.reset(kAdoptedConsole);
  return std::nullopt;
}

void VmmProcess::kill() {
  // Not reaped yet, so the number is still its own.
  if (running()) ::kill(*pid_, SIGKILL);
}

std::optional<VmmProcess::End> VmmProcess::reap() { return wait(WNOHANG); }

std::optional<VmmProcess::End> VmmProcess::put_down() {
  kill();
  return wait(0);
}

std::optional<VmmProcess::End> VmmProcess::wait(int flags) {
  if (!running()) return std::nullopt;
  int status = 0;
  pid_t ended;
  do {
    ended = ::waitpid(*pid_, &status, flags);
  } while (ended < 0 && errno == EINTR);
  if (ended != *pid_) return std::nullopt;
  ended_ = true;
  if (WIFEXITED(status)) return End{WEXITSTATUS(status), std::nullopt};
  return End{std::nullopt, WTERMSIG(status)};
}

}  // namespace relay
