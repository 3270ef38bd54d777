#include "leash.hh"

#include <unistd.h>

#include "io.hh"

namespace relay {

void Leash::say_ready() const { (void)!::write(fd_.get(), "R", 1); }

bool Leash::owner_died() {
  bool detached = false;
  while (fd_) {
    const ReadResult result = read_some(fd_.get(), [&](Bytes bytes) { detached |= bytes.find('D') != Bytes::npos; });
    if (result == ReadResult::kNothing) return false;
    if (detached || result == ReadResult::kEnd) fd_.reset();
    if (!detached && result == ReadResult::kEnd) return true;
  }
  return false;
}

}  // namespace relay
