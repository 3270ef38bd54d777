#include "signals.hh"

#include <signal.h>
#include <unistd.h>

#include "io.hh"

namespace relay {

namespace {

volatile sig_atomic_t wake_fd = -1;

void on_signal(int number) {
  const int saved = errno;
  const char byte = static_cast<char>(number);
  (void)!::write(wake_fd, &byte, 1);  // a full pipe wakes too, and holds the number already
  errno = saved;
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART | SA_NOCLDSTOP;
  ::sigaction(number, &action, nullptr);
}

}  // namespace

bool Signals::start() {
  int fds[2];
  if (::pipe(fds) != 0) return false;
  read_.reset(fds[0]);
  write_.reset(fds[1]);
  if (!make_ours(fds[0]) || !make_ours(fds[1])) return false;
  wake_fd = fds[1];
  handle(SIGTERM, on_signal);
  handle(SIGCHLD, on_signal);
  // A client that has gone, a terminal that was closed, a Ctrl+C meant for others: none is ours to die of.
  handle(SIGPIPE, SIG_IGN);
  handle(SIGHUP, SIG_IGN);
  handle(SIGINT, SIG_IGN);
  return true;
}

Signals::Seen Signals::take(const PollSet& set) const {
  Seen seen;
  if (!set.readable(index_)) return seen;
  const auto note = [&seen](Bytes numbers) {
    for (const char number : numbers) {
      seen.terminate |= number == SIGTERM;
      seen.child |= number == SIGCHLD;
    }
  };
  while (read_some(read_.get(), note) == ReadResult::kData) {
  }
  return seen;
}

}  // namespace relay
