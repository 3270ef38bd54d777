// The console's log, whose bytes are all the guest's: never longer than its limit, its beginning is the beginning, its end is
// the end, and as long as nothing had to go it is everything.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "../../relay/bounded_log.hh"
#include "fuzz.hh"

using relay::Bytes;

namespace {

std::string contents(int file) {
  const off_t size = ::lseek(file, 0, SEEK_END);
  std::string text(static_cast<size_t>(size), '\0');
  PROMISE(::pread(file, text.data(), text.size(), 0) == size);
  return text;
}

bool ends_with(Bytes text, Bytes end) { return text.size() >= end.size() && text.substr(text.size() - end.size()) == end; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint64_t limit = 4096 + input.word() % 8192;
  const msb::UniqueFd file(::memfd_create("log", MFD_CLOEXEC));
  // What was there before is somebody else's.
  PROMISE(::write(file.get(), "old", 3) == 3);
  relay::BoundedLog log(msb::UniqueFd(::dup(file.get())), limit);
  std::string all;
  while (!input.empty()) {
    // A few bytes, many times over: the log is longer than an input may be.
    const size_t times = 1 + input.byte();
    const Bytes part = input.bytes(1 + input.byte() % 32);
    std::string piece;
    for (size_t i = 0; i < times; i++) piece += part;
    const fuzz::Exact exact(piece);
    log.append(exact.bytes());
    all += piece;
    const std::string text = contents(file.get());
    PROMISE(text.size() <= limit);
    const size_t head = std::min<size_t>(all.size(), limit / 4);
    PROMISE(Bytes(text).substr(0, head) == Bytes(all).substr(0, head));
    if (text.find(" bytes left out ...]\n") == std::string::npos || all.size() == text.size()) {
      PROMISE(text == all);
    } else {
      const size_t tail = std::min<size_t>(256, all.size() - head);
      PROMISE(ends_with(text, Bytes(all).substr(all.size() - tail)));
    }
  }
  return 0;
}
