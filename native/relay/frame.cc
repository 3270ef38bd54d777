#include "frame.hh"

namespace relay {

namespace {

/** A buffer that one large frame has stretched is given back. */
constexpr size_t kKeptCapacity = 256 * 1024;

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

void FrameParser::feed(Bytes bytes) {
  // Here and not in next(), which hands out views of the buffer.
  if (position_ == buffer_.size()) {
    buffer_.clear();
    if (buffer_.capacity() > kKeptCapacity) buffer_.shrink_to_fit();
    position_ = 0;
  } else if (position_ > buffer_.size() / 2) {
    buffer_.erase(0, position_);
    position_ = 0;
  }
  buffer_.append(bytes);
}

FrameParser::Result FrameParser::next(Frame& frame) {
  if (pending() < kLengthSize) return Result::kIncomplete;
  const char* at = buffer_.data() + position_;
  const uint32_t length = read_u32(at);
  if (length < kIdAndFlagsSize || length > kMostFrameLength) return Result::kBad;
  const size_t size = kLengthSize + length;
  if (pending() < size) return Result::kIncomplete;
  frame.id = read_u32(at + kLengthSize);
  frame.flags = static_cast<uint8_t>(at[kLengthSize + 4]);
  frame.whole = Bytes(at, size);
  frame.body = frame.whole.substr(kLengthSize + kIdAndFlagsSize);
  position_ += size;
  return Result::kFrame;
}

}  // namespace relay
