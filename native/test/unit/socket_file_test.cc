#include "../../relay/socket_file.hh"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tap.hh"

using relay::SocketFile;
using relay::SpawnError;

namespace {

/** A directory as our parent makes it, with the place for a sandbox's own in it. */
struct Bench {
  Bench() {
    char name[] = "/tmp/socket-test-XXXXXX";
    CHECK(::mkdtemp(name) != nullptr);
    runtime = name;
    directory = runtime + "/d";
    path = directory + "/agent.sock";
  }
  /** Fails where anything is left. */
  ~Bench() { CHECK(::rmdir(runtime.c_str()) == 0); }

  std::string runtime;
  std::string directory;
  std::string path;
  msb::UniqueFd listener;
};

/** Permissions and type; 0 where there is nothing. */
mode_t mode_of(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_mode : 0;
}

bool failed_with(const std::optional<SpawnError>& error, const char* step, int number) {
  return error && error->step == step && error->error == number;
}

bool can_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const msb::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

TEST("socket: private whatever the umask, connectable, ours, and gone with its directory") {
  Bench bench;
  SocketFile socket;
  const mode_t before = ::umask(0);
  CHECK(!socket.open(bench.path, bench.listener));
  ::umask(before);
  CHECK(mode_of(bench.directory) == (S_IFDIR | 0700) && mode_of(bench.path) == (S_IFSOCK | 0600));
  CHECK(can_connect(bench.path));
  CHECK((::fcntl(bench.listener.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(bench.listener.get(), F_GETFL) & O_NONBLOCK) != 0);
  socket.remove();
  CHECK(mode_of(bench.directory) == 0);
}

TEST("socket: takes the place of one that a killed relay left, with what its VMM left beside it") {
  Bench bench;
  msb::UniqueFd old;
  CHECK(!SocketFile().open(bench.path, old));
  old.reset();
  CHECK(!can_connect(bench.path));
  const msb::UniqueFd control(::open((bench.directory + "/qmp.sock").c_str(), O_CREAT | O_WRONLY, 0600));
  SocketFile socket;
  CHECK(!socket.open(bench.path, bench.listener));
  CHECK(can_connect(bench.path));
  socket.remove();
}

TEST("socket: one that has taken its place is left alone") {
  Bench bench;
  SocketFile socket;
  CHECK(!socket.open(bench.path, bench.listener));
  msb::UniqueFd other;
  CHECK(!SocketFile().open(bench.path, other));
  socket.remove();
  CHECK(can_connect(bench.path));
  CHECK(::unlink(bench.path.c_str()) == 0 && ::rmdir(bench.directory.c_str()) == 0);
}

TEST("socket: moved with its directory, it works there, is removed there, and what has the old names stays") {
  Bench bench;
  SocketFile socket;
  CHECK(!socket.open(bench.path, bench.listener));
  const std::string moved = bench.runtime + "/moved";
  CHECK(::rename(bench.directory.c_str(), moved.c_str()) == 0);
  msb::UniqueFd other;
  CHECK(!SocketFile().open(bench.path, other));
  CHECK(can_connect(moved + "/agent.sock"));
  socket.remove();
  CHECK(mode_of(moved) == 0);
  CHECK(can_connect(bench.path));
  CHECK(::unlink(bench.path.c_str()) == 0 && ::rmdir(bench.directory.c_str()) == 0);
}

TEST("socket: a file of its name is no socket, stays, and is an error of bind") {
  Bench bench;
  CHECK(::mkdir(bench.directory.c_str(), 0700) == 0);
  const msb::UniqueFd file(::open(bench.path.c_str(), O_CREAT | O_WRONLY, 0600));
  SocketFile socket;
  CHECK(failed_with(socket.open(bench.path, bench.listener), "bind", EADDRINUSE));
  CHECK(!bench.listener);
  socket.remove();
  CHECK(mode_of(bench.path) == (S_IFREG | 0600));
  CHECK(::unlink(bench.path.c_str()) == 0 && ::rmdir(bench.directory.c_str()) == 0);
}

TEST("socket: a directory that cannot be made, or that others can enter, is an error of mkdir and left alone") {
  Bench bench;
  SocketFile socket;
  CHECK(failed_with(socket.open(bench.directory + "/no/agent.sock", bench.listener), "mkdir", ENOENT));
  socket.remove();

  CHECK(::mkdir(bench.directory.c_str(), 0700) == 0 && ::chmod(bench.directory.c_str(), 0750) == 0);
  CHECK(failed_with(socket.open(bench.path, bench.listener), "mkdir", EEXIST));
  socket.remove();
  CHECK(mode_of(bench.directory) == (S_IFDIR | 0750));
  CHECK(::rmdir(bench.directory.c_str()) == 0);

  CHECK(::symlink(bench.runtime.c_str(), bench.directory.c_str()) == 0);
  CHECK(failed_with(socket.open(bench.path, bench.listener), "mkdir", EEXIST));
  socket.remove();
  CHECK(::unlink(bench.directory.c_str()) == 0);
}

TEST("socket: the longest path that there is, and one byte more, for which nothing is made") {
  Bench bench;
  const size_t most = sizeof(sockaddr_un::sun_path) - 1;
  const std::string longest = bench.directory + "/" + std::string(most - bench.directory.size() - 1, 'x');
  SocketFile too_long;
  CHECK(failed_with(too_long.open(longest + "x", bench.listener), "bind", ENAMETOOLONG));
  CHECK(mode_of(bench.directory) == 0);
  SocketFile socket;
  CHECK(!socket.open(longest, bench.listener));
  CHECK(can_connect(longest));
  socket.remove();
}
