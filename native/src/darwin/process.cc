#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/event.h>
#include <sys/wait.h>

#include <map>
#include <mutex>

#include "../sys/process.hh"
#include "../util/sys_error.hh"

namespace msb {

namespace {

// A kqueue cannot be asked what it watches. The table is the process's, since descriptors are; an entry is
// overwritten when its number is used anew.
std::mutex table_mutex;
std::map<int, pid_t> table;

pid_t pid_of(int handle) {
  const std::lock_guard<std::mutex> guard(table_mutex);
  const auto found = table.find(handle);
  if (found == table.end()) throw SysError("kevent", EBADF);
  return found->second;
}

bool has_ended(int handle) {
  pollfd ended{handle, POLLIN, 0};
  return retry([&] { return ::poll(&ended, 1, 0); }) == 1;
}

/** posix_spawn's functions return the error. */
void check(int error, const char* step, const std::string& path) {
  if (error != 0) throw SysError(step, error, path);
}

std::vector<char*> pointers(const std::vector<std::string>& strings, const std::string* first = nullptr) {
  std::vector<char*> result;
  if (first != nullptr) result.push_back(const_cast<char*>(first->c_str()));
  for (const std::string& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

UniqueFd open_process(pid_t pid) {
  UniqueFd fd(::kqueue());
  if (!fd) throw_errno("kqueue");
  struct kevent event;
  EV_SET(&event, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, nullptr);
  if (::kevent(fd.get(), &event, 1, nullptr, 0, nullptr) != 0) throw_errno("kevent");
  const std::lock_guard<std::mutex> guard(table_mutex);
  table[fd.get()] = pid;
  return fd;
}

bool signal_process(int handle, int signal) {
  const pid_t pid = pid_of(handle);
  if (has_ended(handle)) return false;
  if (::kill(pid, signal) == 0) return true;
  if (errno == ESRCH) return false;
  throw_errno("kill");
}

std::optional<ExitStatus> peek_exit(int handle) {
  siginfo_t info{};
  if (retry([&] { return ::waitid(P_PID, static_cast<id_t>(pid_of(handle)), &info, WEXITED | WNOHANG | WNOWAIT); }) != 0) {
    if (errno == ECHILD) return ExitStatus{};
    throw_errno("waitid");
  }
  if (info.si_pid == 0) return std::nullopt;
  if (info.si_code == CLD_EXITED) return ExitStatus{info.si_status, std::nullopt};
  return ExitStatus{std::nullopt, info.si_status};
}

void reap_process(int handle) {
  const pid_t pid = pid_of(handle);
  retry([&] { return ::waitpid(pid, nullptr, WNOHANG); });
}

Spawned spawn_process(const SpawnRequest& request) {
  std::vector<char*> argv = pointers(request.args, &request.file);
  std::vector<char*> envp = pointers(request.env);
  const int count = static_cast<int>(request.fds.size());

  // Out of the way first, so that no target overwrites a source that is still needed.
  std::vector<UniqueFd> sources;
  for (const int fd : request.fds) {
    sources.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, count));
    if (!sources.back()) throw_errno("fcntl", request.file);
  }

  posix_spawn_file_actions_t actions;
  check(::posix_spawn_file_actions_init(&actions), "posix_spawn", request.file);
  posix_spawnattr_t attributes;
  check(::posix_spawnattr_init(&attributes), "posix_spawn", request.file);
  for (int i = 0; i < count; i++) ::posix_spawn_file_actions_adddup2(&actions, sources[i].get(), i);
  ::posix_spawn_file_actions_addchdir_np(&actions, request.cwd.c_str());
  sigset_t all;
  sigset_t none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_CLOEXEC_DEFAULT | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_START_SUSPENDED);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, request.file.c_str(), &actions, &attributes, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  check(error, "execve", request.file);
  // A kqueue refuses a process that has ended, so this one begins only when it is watched.
  Spawned child{pid, open_process(pid)};
  ::kill(pid, SIGCONT);
  return child;
}

}  // namespace msb
