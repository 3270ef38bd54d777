#include "leash.hh"

#include "io.hh"

namespace relay {

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
