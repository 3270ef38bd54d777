#pragma once

#include <cstdint>
#include <string>

#include "byte_queue.hh"

namespace relay {

// [len: u32 BE] [id: u32 BE] [flags: u8] [body]; len counts what follows it.
constexpr size_t kLengthSize = 4;
constexpr size_t kIdAndFlagsSize = 5;
constexpr uint32_t kMostFrameLength = 4 * 1024 * 1024;

enum Flags : uint8_t { kTerminal = 1, kSessionStart = 2, kShutdown = 4 };

/** Looks into a parser's buffer: good until the parser is used again. */
struct Frame {
  uint32_t id = 0;
  uint8_t flags = 0;
  Bytes body;
  Bytes whole;
};

void append_u32(std::string& out, uint32_t number);
std::string encode_frame(uint32_t id, uint8_t flags, Bytes body);

/** Takes a byte stream apart. Memory grows with the bytes that came, never with the length that was promised. */
class FrameParser {
 public:
  enum class Result { kFrame, kIncomplete, kBad };

  void feed(Bytes bytes) { buffer_.append(bytes); }
  /** Where so many bytes may be read to; took() says how many came. */
  char* room(size_t most) { return buffer_.room(most); }
  void took(size_t count) { buffer_.commit(count); }
  /** After kBad the stream has lost its meaning for good. */
  Result next(Frame& frame);
  /** Bytes that belong to no frame taken so far. */
  size_t pending() const { return buffer_.size(); }

 private:
  ByteQueue buffer_;
};

}  // namespace relay
