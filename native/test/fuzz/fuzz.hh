#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../../relay/frame.hh"

/** A promise of the code under test. One that is broken is a crash, with the input beside it. */
#define PROMISE(condition)                                                                       \
  do {                                                                                           \
    if (!(condition)) {                                                                          \
      std::fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);       \
      std::abort();                                                                              \
    }                                                                                            \
  } while (false)

namespace fuzz {

/** What an input's bytes decide, one after the other; what is taken past its end is nought. */
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  size_t size() const { return rest_.size(); }
  uint8_t byte() {
    const relay::Bytes taken = bytes(1);
    return taken.empty() ? uint8_t{0} : static_cast<uint8_t>(taken[0]);
  }
  uint16_t word() {
    const uint8_t high = byte();
    return static_cast<uint16_t>(high << 8 | byte());
  }
  uint32_t long_word() {
    const uint32_t high = word();
    return high << 16 | word();
  }
  relay::Bytes bytes(size_t most) {
    const relay::Bytes taken = rest_.substr(0, most);
    rest_.remove_prefix(taken.size());
    return taken;
  }

 private:
  relay::Bytes rest_;
};

/** In memory of just its size, so that the sanitizer sees a byte too far. */
class Exact {
 public:
  explicit Exact(relay::Bytes bytes) : size_(bytes.size()), memory_(new char[bytes.size() + (bytes.empty() ? 1 : 0)]) {
    bytes.copy(memory_, size_);
  }
  ~Exact() { delete[] memory_; }
  Exact(const Exact&) = delete;
  Exact& operator=(const Exact&) = delete;
  relay::Bytes bytes() const { return {memory_, size_}; }

 private:
  size_t size_;
  char* memory_;
};

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
