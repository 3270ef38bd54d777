// A stream from the guest, cut anywhere: the parser finds the frames that a plain reading of the whole finds, and what the
// relay reads in a body lies within it. And what the relay writes itself can be read.

#include <vector>

#include "../../relay/cbor.hh"
#include "../../relay/exec_message.hh"
#include "../../relay/messages.hh"
#include "fuzz.hh"

using relay::Bytes;
using relay::Frame;
using relay::FrameParser;
using Result = relay::FrameParser::Result;

namespace {

struct Plain {
  std::vector<Bytes> frames;
  bool bad = false;
  size_t pending = 0;
};

uint32_t number_at(Bytes bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; i++) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
  return number;
}

/** The format as its description says it, with the whole stream at hand. */
Plain read_plainly(Bytes stream) {
  Plain plain;
  while (stream.size() >= 4) {
    const uint32_t length = number_at(stream, 0);
    plain.bad = length < 5 || length > 4 * 1024 * 1024;
    if (plain.bad || stream.size() - 4 < length) break;
    plain.frames.push_back(stream.substr(0, 4 + size_t{length}));
    stream.remove_prefix(4 + size_t{length});
  }
  plain.pending = stream.size();
  return plain;
}

bool lies_within(Bytes part, Bytes whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

/** What the log takes out of frames: of a body that the guest wrote, and of one that a client did. */
void read_messages(Bytes body) {
  Frame frame;
  frame.body = body;
  const auto type = relay::message_type(body);
  if (type) PROMISE(lies_within(*type, body));
  const auto message = relay::message(body);
  if (message) PROMISE(message->type == type && lies_within(message->payload, body));
  const auto output = relay::read_output(frame);
  if (output) {
    PROMISE(message && message->type == (output->is_stderr ? "core.exec.stderr" : "core.exec.stdout"));
    PROMISE(lies_within(output->data, message->payload));
  }
  const relay::Request request = relay::read_request(frame);
  PROMISE(request.exec == (message && message->type == "core.exec.request") && (request.exec || !request.terminal));
  if (relay::is_housekeeping(frame)) PROMISE(type == "core.ping" || type == "core.clock.sync");
}

void look_at(const Frame& frame, Bytes expected) {
  PROMISE(frame.whole == expected && frame.id == number_at(expected, 4));
  PROMISE(frame.flags == static_cast<uint8_t>(expected[8]) && frame.body == expected.substr(9));
  const fuzz::Exact body(frame.body);
  read_messages(body.bytes());
  PROMISE(relay::encode_frame(frame.id, frame.flags, frame.body) == expected);
}

void read_in_pieces(Bytes stream, fuzz::Input& cuts, const Plain& plain) {
  FrameParser parser;
  Frame frame;
  size_t found = 0;
  size_t fed = 0;
  Result result = Result::kIncomplete;
  while (fed < stream.size() && result != Result::kBad) {
    const size_t size = 1 + cuts.byte() % 96;
    const fuzz::Exact piece(stream.substr(fed, size));
    parser.feed(piece.bytes());
    fed += piece.bytes().size();
    while ((result = parser.next(frame)) == Result::kFrame) {
      PROMISE(found < plain.frames.size());
      look_at(frame, plain.frames[found++]);
    }
    PROMISE(parser.pending() <= fed);
  }
  PROMISE((result == Result::kBad) == plain.bad && found == plain.frames.size());
  PROMISE(plain.bad || parser.pending() == plain.pending);
  // What is bad stays bad, whatever follows.
  parser.feed(relay::encode_frame(1, 0, "good"));
  PROMISE(!plain.bad || parser.next(frame) == Result::kBad);
}

void read_own(uint32_t number) {
  const relay::IdRange range{number, number ^ 0xffffffff};
  const std::pair<std::string, const char*> own[] = {
      {relay::init_ack_frame(), "core.init.ack"},
      {relay::shutdown_frame(), "core.shutdown"},
      {relay::shutdown_frame(std::chrono::milliseconds(number)), "core.shutdown"},
      {relay::client_disconnected_frame(range), "core.relay.client.disconnected"},
      {relay::flow_frame(range, number % 2 == 0), "msb.flow"},
  };
  for (const auto& [frame, type] : own) {
    const Plain plain = read_plainly(frame);
    PROMISE(plain.frames.size() == 1 && plain.pending == 0);
    PROMISE(relay::message_type(Bytes(frame).substr(9)) == type);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes stream(reinterpret_cast<const char*>(data), size);
  // The cuts are the stream's own bytes: what finds new frames finds new cuts as well.
  fuzz::Input cuts(data, size);
  read_in_pieces(stream, cuts, read_plainly(stream));
  const fuzz::Exact whole(stream);
  read_messages(whole.bytes());
  if (size >= 4) read_own(number_at(stream, 0));
  return 0;
}
