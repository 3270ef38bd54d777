#include "sandbox_dir.hh"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "present_path.hh"

namespace relay {

namespace {

constexpr const char* kLock = "lock";
/** Of descriptors, for a tree that is as deep. */
constexpr int kMostOpen = 16;

int remove_all_but_lock(const char* path, const struct stat*, int, FTW* at) {
  if (at->level > 1 || (at->level == 1 && std::strcmp(path + at->base, kLock) != 0)) (void)std::remove(path);
  return 0;
}

}  // namespace

int SandboxDir::open(const std::string& path) {
  fd_.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  return fd_ ? 0 : errno;
}

msb::UniqueFd SandboxDir::create(const char* name) const {
  const int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
  return msb::UniqueFd(::openat(fd_.get(), name, flags, 0600));
}

bool SandboxDir::has(const char* name) const {
  struct stat info{};
  return ::fstatat(fd_.get(), name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

void SandboxDir::remove() const {
  const auto present = present_path(fd_.get());
  if (!present) return;
  const size_t name = present->rfind('/') + 1;
  const std::string trash = present->substr(0, name) + ".trash-" + std::to_string(::getpid()) + "-" + present->substr(name);
  if (::rename(present->c_str(), trash.c_str()) != 0) return;

  // No symbolic link is followed. While it works the lock tells a sweep that somebody does.
  ::nftw(trash.c_str(), remove_all_but_lock, kMostOpen, FTW_DEPTH | FTW_PHYS);
  ::unlink((trash + "/" + kLock).c_str());
  ::rmdir(trash.c_str());
}

}  // namespace relay
