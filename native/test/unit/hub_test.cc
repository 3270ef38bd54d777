#include "../../relay/hub.hh"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <map>

#include "../../relay/cbor.hh"
#include "../../relay/io.hh"
#include "tap.hh"

using namespace relay;

namespace {

class Heard : public ClientWatch {
 public:
  void on_client_frame(const Frame& frame) override { frames.emplace_back(frame.whole); }
  void on_client_gone(IdRange range) override { gone.push_back(range.start); }
  std::vector<std::string> frames;
  std::vector<uint32_t> gone;
};

/** A hub with a real listening socket, and the agent's end of a real line. */
class Bench {
 public:
  Bench() {
    char name[] = "/tmp/hub-test-XXXXXX";
    ::mkdtemp(name);
    address_.sun_family = AF_UNIX;
    std::strcpy(address_.sun_path, (std::string(name) + "/s").c_str());
    msb::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
    ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_);
    ::listen(listener.get(), 200);
    make_ours(listener.get());
    hub.listen_on(std::move(listener));
    int fds[2];
    ::socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    make_ours(fds[0]);
    make_ours(fds[1]);
    line.open(msb::UniqueFd(fds[0]));
    guest.reset(fds[1]);
  }
  ~Bench() {
    ::unlink(address_.sun_path);
    ::rmdir(std::string(address_.sun_path, std::strlen(address_.sun_path) - 2).c_str());
  }

  msb::UniqueFd connect() {
    msb::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_);
    make_ours(fd.get());
    round();
    return fd;
  }

  void round() {
    for (int i = 0; i < 3; i++) {
      PollSet set;
      hub.join(set, 0);
      line.join(set);
      set.wait(0);
      hub.serve(set, 0);
      hub.flush();
      hub.pump(line, [this](Bytes frame) { shutdowns.emplace_back(frame); });
      line.flush();
    }
  }

  /** Everything that the guest can read now. */
  std::vector<std::string> guest_frames() {
    std::vector<std::string> frames;
    for (;;) {
      const auto result = read_some(guest.get(), [this](Bytes bytes) { parser.feed(bytes); });
      if (result != ReadResult::kData) return frames;
      Frame frame;
      while (parser.next(frame) == FrameParser::Result::kFrame) frames.emplace_back(frame.whole);
      round();
    }
  }

  void from_guest(uint32_t id, size_t size) {
    const std::string bytes = encode_frame(id, 0, std::string(size, 'g'));
    FrameParser one;
    one.feed(bytes);
    Frame frame;
    one.next(frame);
    hub.route(frame);
  }

  Heard heard;
  Hub hub{heard};
  AgentLine line;
  msb::UniqueFd guest;
  FrameParser parser;
  std::vector<std::string> shutdowns;

 private:
  sockaddr_un address_{};
};

std::string drain(int fd) {
  std::string all;
  while (read_some(fd, [&all](Bytes bytes) { all.append(bytes); }) == ReadResult::kData) {
  }
  return all;
}

bool at_end(int fd) { return read_some(fd, [](Bytes) {}) == ReadResult::kEnd; }

std::string type_of(const std::string& frame) {
  return std::string(message_type(Bytes(frame).substr(9)).value_or("?"));
}

void put(const msb::UniqueFd& fd, const std::string& bytes) {
  CHECK(::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
}

const std::string kReady = encode_frame(0, 0, "ready");

}  // namespace

TEST("hub: who comes before ready waits, who comes after is greeted at once") {
  Bench bench;
  const auto early = bench.connect();
  CHECK(drain(early.get()).empty());
  bench.hub.open(kReady);
  bench.round();
  CHECK(drain(early.get()) == std::string("\0\0\0\1\2\0\0\0", 8) + kReady);
  const auto late = bench.connect();
  CHECK(drain(late.get()) == std::string("\2\0\0\0\3\xff\xff\xff", 8) + kReady);
}

TEST("hub: frames go to the guest and come back by id") {
  Bench bench;
  bench.hub.open(kReady);
  const auto a = bench.connect();
  const auto b = bench.connect();
  drain(a.get());
  drain(b.get());
  put(a, encode_frame(1, 2, "from a"));
  bench.round();
  CHECK(bench.guest_frames() == std::vector<std::string>{encode_frame(1, 2, "from a")});
  bench.from_guest(33554432, 3);
  bench.from_guest(0xffffffff, 3);
  bench.from_guest(range_of_slot(5).start, 3);
  bench.round();
  CHECK(drain(a.get()).empty() && drain(b.get()) == encode_frame(33554432, 0, "ggg"));
}

TEST("hub: a foreign id, a bad length and id 0 without the flag end the connection") {
  for (const std::string& bad : {encode_frame(33554432, 0, ""), encode_frame(0, 0, ""), std::string(4, '\xff'),
                                 std::string(4, '\0')}) {
    Bench bench;
    bench.hub.open(kReady);
    const auto client = bench.connect();
    drain(client.get());
    put(client, encode_frame(5, 0, "good") + bad);
    bench.round();
    CHECK(at_end(client.get()));
    const auto frames = bench.guest_frames();
    CHECK(frames.size() == 2 && frames[0] == encode_frame(5, 0, "good"));
    CHECK(type_of(frames.back()) == "core.relay.client.disconnected");
  }
}

TEST("hub: the shutdown frame is handed out, with any id that is allowed") {
  Bench bench;
  bench.hub.open(kReady);
  const auto client = bench.connect();
  put(client, encode_frame(0, kShutdown, "s") + encode_frame(3, kShutdown, "t"));
  bench.round();
  CHECK((bench.shutdowns == std::vector<std::string>{encode_frame(0, kShutdown, "s"), encode_frame(3, kShutdown, "t")}));
}

TEST("hub: what was sent just before going still arrives") {
  Bench bench;
  bench.hub.open(kReady);
  {
    const auto client = bench.connect();
    std::string frames;
    for (uint32_t i = 1; i <= 500; i++) frames += encode_frame(i, 0, std::string(200, 'x'));
    put(client, frames);
  }
  bench.round();
  const auto frames = bench.guest_frames();
  CHECK(frames.size() == 501);
  CHECK(type_of(frames.back()) == "core.relay.client.disconnected");
}

TEST("hub: a guest that does not read holds back the clients, not memory") {
  Bench bench;
  bench.hub.open(kReady);
  const auto client = bench.connect();
  const std::string frame = encode_frame(1, 0, std::string(60000, 'x'));
  size_t sent = 0;
  for (int i = 0; i < 10000; i++) {
    const ssize_t count = ::write(client.get(), frame.data() + sent % frame.size(), frame.size() - sent % frame.size());
    if (count > 0) sent += static_cast<size_t>(count);
    bench.round();
    if (count < 0) break;
  }
  CHECK(sent < 4 << 20);
  size_t taken = 0;
  for (const std::string& got : bench.guest_frames()) taken += got.size();
  CHECK(taken > 0 && taken <= sent && sent - taken < frame.size());
}

TEST("hub: one frame from each in turn") {
  Bench bench;
  bench.hub.open(kReady);
  const auto greedy = bench.connect();
  const auto modest = bench.connect();
  std::string many;
  for (int i = 0; i < 1000; i++) many += encode_frame(1, 0, std::string(100, 'x'));
  put(greedy, many);
  put(modest, encode_frame(33554432, 0, "me too"));
  bench.round();
  const auto frames = bench.guest_frames();
  CHECK(frames.size() == 1001);
  CHECK(frames[0] == encode_frame(33554432, 0, "me too") || frames[1] == encode_frame(33554432, 0, "me too"));
}

TEST("hub: a slow reader is paused, resumed, and in the end cut off, alone") {
  Bench bench;
  bench.hub.open(kReady);
  const auto slow = bench.connect();
  const auto other = bench.connect();
  drain(other.get());
  for (int i = 0; i < 30; i++) bench.from_guest(1, 64 * 1024);
  bench.round();
  auto frames = bench.guest_frames();
  CHECK(frames.size() == 1 && type_of(frames[0]) == "msb.flow" && frames[0].back() == '\xf5');

  for (int i = 0; i < 100 && frames.size() == 1; i++) {
    drain(slow.get());
    bench.round();
    for (auto& frame : bench.guest_frames()) frames.push_back(frame);
  }
  CHECK(frames.size() == 2 && type_of(frames[1]) == "msb.flow" && frames[1].back() == '\xf4');

  for (int i = 0; i < 300; i++) bench.from_guest(1, 64 * 1024);
  bench.round();
  frames = bench.guest_frames();
  CHECK(frames.size() == 1 && type_of(frames[0]) == "core.relay.client.disconnected");
  bench.from_guest(33554432, 10);
  bench.round();
  CHECK(drain(other.get()) == encode_frame(33554432, 0, std::string(10, 'g')));
}

TEST("hub: 128 clients, and no more; a place is free again once the guest knows") {
  Bench bench;
  bench.hub.open(kReady);
  std::vector<msb::UniqueFd> clients;
  std::map<std::string, int> ranges;
  for (int i = 0; i < 128; i++) {
    clients.push_back(bench.connect());
    ranges[drain(clients.back().get()).substr(0, 8)]++;
  }
  CHECK(ranges.size() == 128);
  const auto refused = bench.connect();
  CHECK(at_end(refused.get()));
  clients[40].reset();
  bench.round();
  const auto again = bench.connect();
  CHECK(drain(again.get()).size() == 8 + kReady.size());
}

TEST("hub: its watch hears of what goes to the agent, and of who goes") {
  Bench bench;
  bench.hub.open(kReady);
  auto client = bench.connect();
  const std::string request = encode_frame(1, kSessionStart, "request");
  put(client, request);
  put(client, encode_frame(0, kShutdown, "stop"));
  bench.round();
  CHECK(bench.heard.frames == std::vector<std::string>{request} && bench.heard.gone.empty());
  client.reset();
  bench.round();
  CHECK(bench.heard.gone == std::vector<uint32_t>{1});
}
