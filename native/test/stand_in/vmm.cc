// Plays the VMM: a bridge between the agent's line and the test, which plays the guest.
//
//   stand-in-vmm DATA_SOCKET COMMAND_SOCKET
//
// What comes through the data socket goes out on descriptor 3, and the other way round. At the data socket's end of
// file it exits, with the code that the command `code N` has set. It starts by listing its descriptors to the command
// socket, one `fd N TARGET` a line, then `pgid`/`sid`, then `ready`. Other commands: `console TEXT`, `stdout TEXT`,
// `repeat N TEXT` (to the console), `deaf` (does not read descriptor 3 any more), `hearing`, `hangup` (closes 3),
// `linger` (a child keeps descriptors 1 to 4 open after we are gone).

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace {

constexpr int kAgent = 3;
constexpr int kConsole = 4;

int connect_to(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::perror(path);
    ::exit(99);
  }
  return fd;
}

void write_all(int fd, const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t count = ::write(fd, bytes.data() + at, bytes.size() - at);
    if (count <= 0) return;
    at += static_cast<size_t>(count);
  }
}

std::string describe_descriptors() {
  std::string text;
  DIR* directory = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] == '.' || std::atoi(entry->d_name) == ::dirfd(directory)) continue;
    char target[256] = {};
    if (::readlinkat(::dirfd(directory), entry->d_name, target, sizeof target - 1) < 0) continue;
    text += std::string("fd ") + entry->d_name + " " + target + "\n";
  }
  ::closedir(directory);
  return text + "sid " + std::to_string(::getsid(0)) + "\n";
}

int exit_code = 0;
bool deaf = false;
bool hung_up = false;

void obey(const std::string& line) {
  const size_t space = line.find(' ');
  const std::string word = line.substr(0, space);
  const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  if (word == "code") exit_code = std::atoi(rest.c_str());
  if (word == "console") write_all(kConsole, rest + "\n");
  if (word == "stdout") write_all(1, rest + "\n");
  if (word == "deaf") deaf = true;
  if (word == "hearing") deaf = false;
  if (word == "repeat") {
    const size_t text = rest.find(' ');
    for (int i = std::atoi(rest.c_str()); i > 0; i--) write_all(kConsole, rest.substr(text + 1) + std::to_string(i) + "\n");
  }
  if (word == "hangup") {
    ::close(kAgent);
    hung_up = true;
  }
  if (word == "linger" && ::fork() == 0) {
    ::sleep(5);
    ::_exit(0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 98;
  ::signal(SIGPIPE, SIG_IGN);
  const std::string descriptors = describe_descriptors();
  const int data = connect_to(argv[1]);
  const int commands = connect_to(argv[2]);
  write_all(commands, descriptors + "ready\n");

  static char buffer[65536];
  std::string pending;
  for (;;) {
    pollfd fds[] = {{data, POLLIN, 0}, {commands, POLLIN, 0}, {deaf || hung_up ? -1 : kAgent, POLLIN, 0}};
    if (::poll(fds, 3, -1) < 0) continue;
    if (fds[1].revents != 0) {
      const ssize_t got = ::read(commands, buffer, sizeof buffer);
      if (got <= 0) ::_exit(97);
      pending.append(buffer, static_cast<size_t>(got));
      for (size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
        obey(pending.substr(0, end));
        write_all(commands, "done\n");
      }
      continue;
    }
    if (fds[2].revents != 0) {
      const ssize_t got = ::read(kAgent, buffer, sizeof buffer);
      if (got <= 0) {
        hung_up = true;  // as a guest would see it; QEMU goes on
        continue;
      }
      write_all(data, std::string(buffer, static_cast<size_t>(got)));
    }
    if (fds[0].revents != 0) {
      const ssize_t got = ::read(data, buffer, sizeof buffer);
      if (got <= 0) ::_exit(exit_code);
      write_all(kAgent, std::string(buffer, static_cast<size_t>(got)));
    }
  }
}
