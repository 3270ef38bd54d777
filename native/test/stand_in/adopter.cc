// Plays whoever makes a VMM as the relay's child before there is a relay: it starts the VMM itself and becomes the relay.
//
//   adopter RELAY ARG... -- VMM ARG...       becomes       RELAY ARG... --adopt PID
//
// The VMM is born with what the relay would give it; the relay's ends of that are 6, 7 and 8. With
// VMM_ENDS_FIRST in the environment the VMM has ended before the relay begins.

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr int kFirstEnd = 6;
constexpr int kFree = 32;  // above all numbers that have a meaning

[[noreturn]] void become_vmm(char** argv, const int (&ends)[3]) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int output = ends[0];
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::dup2(ends[1], 3);
  ::dup2(ends[2], 4);
  ::close_range(5, ~0U, 0);
  ::execv(argv[0], argv);
  ::_exit(127);
}

}  // namespace

int main(int argc, char** argv) {
  int ours[3];
  int theirs[3];
  for (int i = 0; i < 3; i++) {
    int pair[2];
    if (i == 0 ? ::pipe(pair) : ::socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 90;
    ours[i] = ::fcntl(pair[0], F_DUPFD, kFree);
    theirs[i] = ::fcntl(pair[1], F_DUPFD, kFree);
    ::close(pair[0]);
    ::close(pair[1]);
  }

  std::vector<char*> relay;
  int i = 1;
  for (; i < argc && std::strcmp(argv[i], "--") != 0; i++) relay.push_back(argv[i]);
  if (i + 1 >= argc) return 91;

  const pid_t vmm = ::fork();
  if (vmm == 0) become_vmm(argv + i + 1, theirs);
  siginfo_t info;
  if (::getenv("VMM_ENDS_FIRST") != nullptr) ::waitid(P_PID, static_cast<id_t>(vmm), &info, WEXITED | WNOWAIT);

  std::string pid = std::to_string(vmm);
  char adopt[] = "--adopt";
  relay.insert(relay.end(), {adopt, pid.data(), nullptr});
  for (int end = 0; end < 3; end++) {
    ::dup2(ours[end], kFirstEnd + end);
  }
  ::close_range(kFirstEnd + 3, ~0U, 0);
  ::execv(relay[0], relay.data());
  return 92;
}
