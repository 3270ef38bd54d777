#include "lock_file.hh"

#include <sys/file.h>
#include <unistd.h>

#include <string>

namespace relay {

namespace {

constexpr size_t kSize = 32;

const char* name(LockFile::State state) {
  switch (state) {
    case LockFile::State::kStarting:
      return "starting";
    case LockFile::State::kRunning:
      return "running";
    case LockFile::State::kStopping:
      return "stopping";
  }
  return "";
}

}  // namespace

bool LockFile::open(msb::UniqueFd fd) {
  // Changes nothing where the open file description holds it already, as it should.
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return false;
  fd_ = std::move(fd);
  write_line();
  return true;
}

void LockFile::advance(State state) {
  if (state <= state_) return;
  state_ = state;
  write_line();
}

/** In one call and always of one size, so that no reader sees half of it or the rest of an older one. */
void LockFile::write_line() const {
  std::string line = std::to_string(::getpid()) + " " + name(state_) + "\n";
  line.resize(kSize, ' ');
  (void)!::pwrite(fd_.get(), line.data(), line.size(), 0);
}

}  // namespace relay
