#include "../../relay/frame.hh"

#include <random>
#include <vector>

#include "tap.hh"

using relay::Bytes;
using relay::Frame;
using relay::FrameParser;
using Result = relay::FrameParser::Result;

namespace {

std::string header(uint32_t length) {
  std::string bytes;
  relay::append_u32(bytes, length);
  return bytes;
}

}  // namespace

TEST("frame: what is encoded comes out again") {
  FrameParser parser;
  const std::string encoded = relay::encode_frame(0x01020304, relay::kTerminal, "body");
  CHECK(encoded == std::string("\0\0\0\x09\1\2\3\4\1body", 13));
  parser.feed(encoded);
  Frame frame;
  CHECK(parser.next(frame) == Result::kFrame);
  CHECK(frame.id == 0x01020304 && frame.flags == relay::kTerminal);
  CHECK(frame.body == "body" && frame.whole == encoded);
  CHECK(parser.next(frame) == Result::kIncomplete && parser.pending() == 0);
}

TEST("frame: byte by byte") {
  FrameParser parser;
  Frame frame;
  const std::string encoded = relay::encode_frame(7, 0, "x") + relay::encode_frame(8, 0, "");
  std::vector<uint32_t> ids;
  for (const char byte : encoded) {
    parser.feed(Bytes(&byte, 1));
    while (parser.next(frame) == Result::kFrame) ids.push_back(frame.id);
  }
  CHECK((ids == std::vector<uint32_t>{7, 8}));
}

TEST("frame: an empty body is the shortest, 4 MiB the longest") {
  Frame frame;
  FrameParser shortest;
  shortest.feed(header(5) + std::string(5, '\0'));
  CHECK(shortest.next(frame) == Result::kFrame && frame.body.empty());

  FrameParser longest;
  longest.feed(header(relay::kMostFrameLength));
  CHECK(longest.next(frame) == Result::kIncomplete);
  longest.feed(std::string(relay::kMostFrameLength, 'x'));
  CHECK(longest.next(frame) == Result::kFrame && frame.body.size() == relay::kMostFrameLength - 5);
}

TEST("frame: too short and too long are bad, and known from the length alone") {
  Frame frame;
  for (const uint32_t length : {0U, 4U, relay::kMostFrameLength + 1, 0xffffffffU}) {
    FrameParser parser;
    parser.feed(header(length));
    CHECK(parser.next(frame) == Result::kBad);
    parser.feed(relay::encode_frame(1, 0, "a good one"));
    CHECK(parser.next(frame) == Result::kBad);
  }
}

TEST("frame: any cut of a stream gives the same frames") {
  std::mt19937 random(42);
  std::string stream;
  std::vector<size_t> sizes;
  for (uint32_t id = 0; id < 200; id++) {
    sizes.push_back(random() % (id % 20 == 0 ? 200000 : 300));
    stream += relay::encode_frame(id, 0, std::string(sizes.back(), static_cast<char>(id)));
  }
  for (int attempt = 0; attempt < 5; attempt++) {
    FrameParser parser;
    Frame frame;
    uint32_t expected = 0;
    for (size_t at = 0; at < stream.size();) {
      const size_t size = std::min<size_t>(stream.size() - at, 1 + random() % 70000);
      parser.feed(Bytes(stream).substr(at, size));
      at += size;
      while (parser.next(frame) == Result::kFrame) {
        CHECK(frame.id == expected && frame.body == std::string(sizes[expected], static_cast<char>(expected)));
        expected++;
      }
    }
    CHECK(expected == 200 && parser.pending() == 0);
  }
}
