#include "frame.hh"

namespace relay {

namespace {

uint32_t read_u32(const char* at) {
  const auto byte = [at](int i) { return static_cast<uint32_t>(static_cast<uint8_t>(at[i])); };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

}  // namespace

void append_u32(std::string& out, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift & 0xff));
}

std::string encode_frame(uint32_t id, uint8_t flags, Bytes body) {
  std::string out;
  out.reserve(kLengthSize + kIdAndFlagsSize + body.size());
  append_u32(out, static_cast<uint32_t>(kIdAndFlagsSize + body.size()));
  append_u32(out, id);
  out.push_back(static_cast<char>(flags));
  out.append(body);
  return out;
}

FrameParser::Result FrameParser::next(Frame& frame) {
  if (pending() < kLengthSize) return Result::kIncomplete;
  const char* at = buffer_.view().data();
  const uint32_t length = read_u32(at);
  if (length < kIdAndFlagsSize || length > kMostFrameLength) return Result::kBad;
  const size_t size = kLengthSize + length;
  if (pending() < size) return Result::kIncomplete;
  frame.id = read_u32(at + kLengthSize);
  frame.flags = static_cast<uint8_t>(at[kLengthSize + 4]);
  frame.whole = buffer_.take(size);
  frame.body = frame.whole.substr(kLengthSize + kIdAndFlagsSize);
  return Result::kFrame;
}

}  // namespace relay
