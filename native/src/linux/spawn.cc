#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sys/process.hh"
#include "../util/sys_error.hh"

namespace msb {

namespace {

/** As the kernel counts them, on every architecture that we know of. */
constexpr int kSignals = 64;

/** Everything the child needs, made before it exists: it shares our memory and must not allocate. */
struct Child {
  const char* file;
  const char* cwd;
  char* const* argv;
  char* const* envp;
  int* fds;
  int count;
  const char* failed_step;
  int error;
};

/** Before Linux 5.9 there is no close_range. */
void close_from(unsigned first) {
#ifdef SYS_close_range
  if (::syscall(SYS_close_range, first, ~0U, 0U) == 0) return;
#endif
  rlimit limit{};
  const rlim_t most = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1048576 ? limit.rlim_cur : 1048576;
  for (rlim_t fd = first; fd < most; fd++) ::close(static_cast<int>(fd));
}

int fail(Child& child, const char* step) {
  child.error = errno;
  child.failed_step = step;
  return 127;
}

// Runs on a borrowed stack in our own memory while the thread that made it is stopped: system calls only.
int run_child(void* argument) {
  Child& child = *static_cast<Child*>(argument);

  // Handlers first, mask last: one of Node's handlers must never run here. By the bare call, since glibc's leaves out
  // the two signals that it keeps for itself, and they can be ignored too. All zero is SIG_DFL.
  const unsigned long action[8] = {};
  for (int signal = 1; signal <= kSignals; signal++) ::syscall(SYS_rt_sigaction, signal, action, nullptr, kSignals / 8);

  if (::setsid() < 0) return fail(child, "setsid");
  if (::chdir(child.cwd) != 0) return fail(child, "chdir");

  // Out of the way first, so that no target overwrites a source that is still needed; dup2 then clears close-on-exec.
  for (int i = 0; i < child.count; i++) {
    child.fds[i] = ::fcntl(child.fds[i], F_DUPFD_CLOEXEC, child.count);
    if (child.fds[i] < 0) return fail(child, "fcntl");
  }
  for (int i = 0; i < child.count; i++) {
    if (::dup2(child.fds[i], i) < 0) return fail(child, "dup2");
  }
  close_from(static_cast<unsigned>(child.count));

  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(child.file, child.argv, child.envp);
  return fail(child, "execve");
}

class ChildStack {
 public:
  ChildStack() {
    memory_ = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory_ == MAP_FAILED) throw_errno("mmap");
  }
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;
  ~ChildStack() { ::munmap(memory_, kSize); }
  void* top() const { return static_cast<char*>(memory_) + kSize; }

 private:
  static constexpr size_t kSize = 64 * 1024;
  void* memory_;
};

std::vector<char*> pointers(const std::vector<std::string>& strings, const std::string* first = nullptr) {
  std::vector<char*> result;
  result.reserve(strings.size() + 2);
  if (first != nullptr) result.push_back(const_cast<char*>(first->c_str()));
  for (const std::string& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

// vfork's semantics with a stack of its own: no page table of Node's large heap is copied, and a failure comes back
// through memory. CLONE_PIDFD leaves no moment at which the pid could be another's.
Spawned spawn_process(const SpawnRequest& request) {
  std::vector<char*> argv = pointers(request.args, &request.file);
  std::vector<char*> envp = pointers(request.env);
  std::vector<int> fds = request.fds;
  Child child{request.file.c_str(), request.cwd.c_str(), argv.data(), envp.data(), fds.data(),
              static_cast<int>(fds.size()), nullptr, 0};
  const ChildStack stack;

  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  const pid_t pid = ::clone(run_child, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, &pidfd);
  const int clone_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw SysError("clone", clone_error, request.file);

  UniqueFd handle(pidfd);
  if (child.failed_step != nullptr) {
    retry([&] { return ::waitpid(pid, nullptr, 0); });
    const bool about_cwd = std::string(child.failed_step) == "chdir";
    throw SysError(child.failed_step, child.error, about_cwd ? request.cwd : request.file);
  }
  return {pid, std::move(handle)};
}

}  // namespace msb
