#include "present_path.hh"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "same_file.hh"

namespace relay {

namespace {

/** What the kernel calls it. Of a directory that has been removed this is no path, or one that others may have taken. */
std::string name_of(int directory) {
  char path[PATH_MAX] = {};
#ifdef __APPLE__
  if (::fcntl(directory, F_GETPATH, path) != 0) return {};
#else
  const std::string link = "/proc/self/fd/" + std::to_string(directory);
  if (::readlink(link.c_str(), path, sizeof path - 1) < 0) return {};
#endif
  return path;
}

}  // namespace

std::optional<std::string> present_path(int directory) {
  const std::string path = name_of(directory);
  struct stat held{};
  struct stat there{};
  if (::fstat(directory, &held) != 0 || ::lstat(path.c_str(), &there) != 0 || !same_file(held, there)) return std::nullopt;
  return path;
}

}  // namespace relay
