#include "../sys/clone_file.hh"

#include <copyfile.h>
#include <fcntl.h>
#include <sys/clonefile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/sys_error.hh"

namespace msb {

CloneResult clone_file(const std::string& src, const std::string& dst) {
  if (::clonefile(src.c_str(), dst.c_str(), CLONE_NOFOLLOW) == 0) {
    ::chmod(dst.c_str(), 0600);
    return {true, 0};
  }
  if (errno != ENOTSUP && errno != EXDEV) throw_errno("clonefile", errno == ENOENT ? src : dst);
  struct stat info{};
  if (::stat(src.c_str(), &info) != 0) throw_errno("stat", src);
  if (::copyfile(src.c_str(), dst.c_str(), nullptr, COPYFILE_DATA | COPYFILE_DATA_SPARSE | COPYFILE_EXCL) != 0) {
    const int error = errno;
    if (error != EEXIST) ::unlink(dst.c_str());
    throw SysError("copyfile", error, dst);
  }
  ::chmod(dst.c_str(), 0600);
  return {false, static_cast<uint64_t>(info.st_blocks) * 512};
}

}  // namespace msb
