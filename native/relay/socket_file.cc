#include "socket_file.hh"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "io.hh"
#include "same_file.hh"

namespace relay {

namespace {

namespace fs = std::filesystem;

/** Room for connections that wait to be accepted: as many as are served. */
constexpr int kBacklog = 128;

SpawnError failed(const char* step) {
  const int error = errno;
  return {step, error};
}

/** One that is there already was left by a relay that was killed, and must be as that one made it. */
bool make_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return true;
  if (errno != EEXIST) return false;
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() &&
      (info.st_mode & 0077) == 0) {
    return true;
  }
  errno = EEXIST;
  return false;
}

/** Anything but a socket stays, and bind then fails. Nobody listens at the socket: the sandbox's lock is ours. */
void remove_stale(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) ::unlink(path.c_str());
}

}  // namespace

std::optional<SpawnError> SocketFile::open(const std::string& path, msb::UniqueFd& listener) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return SpawnError{"bind", ENAMETOOLONG};
  std::memcpy(address.sun_path, path.data(), path.size());

  if (!make_private_directory(fs::path(path).parent_path())) return failed("mkdir");
  path_ = path;
  remove_stale(path);
  msb::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  if (!fd || !make_ours(fd.get())) return failed("socket");
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed("bind");
  bound_ = ::lstat(path.c_str(), &born_) == 0;
  // Nobody can connect before listen, so there is no moment at which the umask's mode counts.
  if (::chmod(path.c_str(), 0600) != 0) return failed("chmod");
  if (::listen(fd.get(), kBacklog) != 0) return failed("listen");
  listener = std::move(fd);
  return std::nullopt;
}

void SocketFile::remove() const {
  if (path_.empty()) return;
  struct stat now{};
  if (bound_ && ::lstat(path_.c_str(), &now) == 0 && same_file(born_, now)) ::unlink(path_.c_str());

  const fs::path path(path_);
  const fs::path directory = path.parent_path();
  // By those names the directory is one sandbox's own. By any other it may be anybody's.
  if (path.filename() == "agent.sock") ::unlink((directory / "qmp.sock").c_str());
  ::rmdir(directory.c_str());
}

}  // namespace relay
