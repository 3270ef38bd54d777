#include "socket_file.hh"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io.hh"
#include "present_path.hh"
#include "same_file.hh"

namespace relay {

namespace {

/** Room for connections that wait to be accepted: as many as are served. */
constexpr int kBacklog = 128;

SpawnError failed(const char* step) {
  const int error = errno;
  return {step, error};
}

/** One that is there already was left by a relay that was killed, and must be as that one made it. */
msb::UniqueFd make_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return {};
  msb::UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  struct stat info{};
  if (directory && ::fstat(directory.get(), &info) == 0 && info.st_uid == ::geteuid() && (info.st_mode & 0077) == 0) {
    return directory;
  }
  // Whatever has the name instead: a file, a symbolic link, a directory that others can enter.
  if (directory || errno == ENOTDIR || errno == ELOOP) errno = EEXIST;
  return {};
}

bool find(int directory, const std::string& name, struct stat& info) {
  return ::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

/** Anything but a socket stays, and bind then fails. Nobody listens at the socket: the sandbox's lock is ours. */
void remove_stale(int directory, const std::string& name) {
  struct stat info{};
  if (find(directory, name, info) && S_ISSOCK(info.st_mode)) ::unlinkat(directory, name.c_str(), 0);
}

/** Moved between the look and the removal, it is looked for again. Each time round takes one more move, so it ends. */
void remove_if_empty(int directory) {
  while (const auto path = present_path(directory)) {
    if (::rmdir(path->c_str()) == 0 || errno != ENOENT) return;
  }
}

}  // namespace

std::optional<SpawnError> SocketFile::open(const std::string& path, msb::UniqueFd& listener) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return SpawnError{"bind", ENAMETOOLONG};
  std::memcpy(address.sun_path, path.data(), path.size());

  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return SpawnError{"mkdir", EINVAL};
  name_ = path.substr(slash + 1);
  directory_ = make_private_directory(path.substr(0, slash));
  if (!directory_) return failed("mkdir");
  remove_stale(directory_.get(), name_);
  msb::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  if (!fd || !make_ours(fd.get())) return failed("socket");
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed("bind");
  bound_ = find(directory_.get(), name_, born_);
  // Nobody can connect before listen, so there is no moment at which the umask's mode counts.
  if (::fchmodat(directory_.get(), name_.c_str(), 0600, 0) != 0) return failed("chmod");
  if (::listen(fd.get(), kBacklog) != 0) return failed("listen");
  listener = std::move(fd);
  return std::nullopt;
}

void SocketFile::remove() const {
  if (!directory_) return;
  const int directory = directory_.get();
  struct stat now{};
  if (bound_ && find(directory, name_, now) && same_file(born_, now)) ::unlinkat(directory, name_.c_str(), 0);
  // By those names the directory is one sandbox's own. By any other it may be anybody's.
  if (name_ == "agent.sock") {
    for (const char* other : {"qmp.sock", "state.sock"}) ::unlinkat(directory, other, 0);
  }
  remove_if_empty(directory);
}

}  // namespace relay
