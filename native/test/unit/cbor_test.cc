#include "../../relay/cbor.hh"

#include <random>

#include "../../relay/messages.hh"
#include "tap.hh"

using relay::Bytes;
using relay::message_type;

namespace {

Bytes body_of(const std::string& frame) { return Bytes(frame).substr(9); }

template <size_t Size>
std::string bytes(const char (&literal)[Size]) {
  return std::string(literal, Size - 1);
}

}  // namespace

TEST("cbor: the relay's own messages, to the byte") {
  CHECK(relay::init_ack_frame() == bytes("\0\0\0\x1d\0\0\0\0\0"
                                         "\xa3\x61v\x07\x61t\x6d"
                                         "core.init.ack\x61p\x41\xa0"));
  CHECK(relay::shutdown_frame() == bytes("\0\0\0\x1d\0\0\0\0\4"
                                         "\xa3\x61v\x07\x61t\x6d"
                                         "core.shutdown\x61p\x41\xa0"));
  const std::string hurried = relay::shutdown_frame(std::chrono::milliseconds(3000));
  CHECK(hurried[8] == 4);
  CHECK(hurried.substr(hurried.size() - 16) == bytes("\xa1\x69" "budget_ns\x1a\xb2\xd0\x5e\0"));
  CHECK(body_of(relay::client_disconnected_frame({1, 33554432})) ==
        bytes("\xa3\x61v\x07\x61t\x78\x1e"
              "core.relay.client.disconnected\x61p\x58\x21\xa2\x68id_start\x01\x70id_end_exclusive\x1a\x02\0\0\0"));
  const std::string flow = relay::flow_frame({1, 2}, true);
  CHECK(body_of(flow).substr(0, 17) == bytes("\xa3\x61v\x07\x61t\x68msb.flow\x61p"));
  CHECK(flow.substr(flow.size() - 8) == bytes("\x66paused\xf5"));
  CHECK(relay::flow_frame({1, 2}, false).back() == '\xf4');
}

TEST("cbor: the type is found wherever it stands") {
  CHECK(message_type(body_of(relay::flow_frame({1, 2}, true))) == "msb.flow");
  CHECK(message_type(bytes("\xa1\x61t\x61x")) == "x");
  // {p: {a: [1, -1, 1.0, null]}, t: "y"}: a payload that is no byte string is skipped like any other.
  CHECK(message_type(bytes("\xa2\x61p\xa1\x61"
                           "a\x84\x01\x20\xfb\0\0\0\0\0\0\0\0\xf6\x61t\x61y")) == "y");
}

TEST("cbor: what is no message has no type") {
  CHECK(!message_type(""));
  CHECK(!message_type("core.ready"));
  CHECK(!message_type(bytes("\xa0")));
  CHECK(!message_type(bytes("\xa1\x61t\x01")));         // not a text
  CHECK(!message_type(bytes("\xa1\x61t\x65hey")));      // cut short
  CHECK(!message_type(bytes("\xa1\x01\x61x")));         // a key that is no text
  CHECK(!message_type(bytes("\xbf\x61t\x61x\xff")));    // indefinite length
  CHECK(!message_type(bytes("\xa1\x61p\x5b\xff\xff\xff\xff\xff\xff\xff\xff")));
  CHECK(!message_type(bytes("\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x61p\x01")));
}

TEST("cbor: neither depth nor number of items is the guest's to choose") {
  CHECK(!message_type(bytes("\xa2\x61p") + std::string(1000, '\x81') + bytes("\x01\x61t\x61x")));
  CHECK(!message_type(bytes("\xa2\x61p\x99\x03\xe8") + std::string(1000, '\x01') + bytes("\x61t\x61x")));
  CHECK(!message_type(bytes("\xa2\x61p\x9b\xff\xff\xff\xff\xff\xff\xff\xff") + std::string(1000, '\x80')));
}

TEST("cbor: random bytes and broken messages hurt nobody") {
  std::mt19937 random(7);
  const std::string good = relay::client_disconnected_frame({1, 33554432});
  for (int i = 0; i < 50000; i++) {
    std::string body(body_of(good));
    if (i % 2 == 0) {
      body.resize(random() % 64);
      for (char& byte : body) byte = static_cast<char>(random());
    } else {
      body[random() % body.size()] = static_cast<char>(random());
      body.resize(random() % (body.size() + 1));
    }
    // On the heap and of exact size, so that a read past the end is seen.
    const std::vector<char> exact(body.begin(), body.end());
    message_type(Bytes(exact.data(), exact.size()));
  }
}
