#include "sandbox_dir.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "present_path.hh"

namespace relay {

namespace fs = std::filesystem;

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
  const fs::path path(*present);
  const fs::path trash = path.parent_path() / (".trash-" + std::to_string(::getpid()) + "-" + path.filename().string());
  if (::rename(path.c_str(), trash.c_str()) != 0) return;

  // remove_all follows no symbolic link. While it works the lock tells a sweep that somebody does.
  std::error_code ignored;
  std::vector<fs::path> entries;
  for (const fs::directory_entry& entry : fs::directory_iterator(trash, ignored)) entries.push_back(entry.path());
  for (const fs::path& entry : entries) {
    if (entry.filename() != "lock") fs::remove_all(entry, ignored);
  }
  fs::remove_all(trash, ignored);
}

}  // namespace relay
