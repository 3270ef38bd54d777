// Clients and an agent, all of which lie: frames in any pieces, ids of others, lengths that are none, floods, sides that do
// not read, sides that go. A client hears what is for it, whole and in order, or nothing more; the agent hears of each client
// only what that one may say; and no queue grows beyond its bound.

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <memory>
#include <vector>

#include "../../relay/cbor.hh"
#include "../../relay/hub.hh"
#include "../../relay/io.hh"
#include "../../relay/messages.hh"
#include "fuzz.hh"

using namespace relay;

namespace {

constexpr size_t kMostTestClients = 6;
/** Linux's own default for a socket's buffer is less. */
constexpr size_t kMostInSocket = 256 * 1024;
/** What one run may send in all: a few times what a client's queue may hold. */
constexpr size_t kMostBytes = 6 * kMostForClient;

const std::string kReady = encode_frame(0, 0, "\xa3\x61v\x07\x61tjcore.ready\x61p\x41\xa0");

/** The other side of one connection, and what it ought to have heard. */
struct Peer {
  msb::UniqueFd fd;
  std::optional<IdRange> range;   // as soon as it has been told
  std::string heard;              // since the handshake
  std::string expected;           // what the hub took for it, at most
  std::deque<std::string> sent;   // frames that the agent has not had yet
  bool honest = true;             // it has broken no rule so far
  bool ended = false;             // the hub has hung up
  bool announced = false;         // the agent has been told that it has gone
};

/** What the relay hears of its clients: just the frames that go to the agent, in their order, and whole ranges that go. */
class Watch : public ClientWatch {
 public:
  void on_client_frame(const Frame& frame) override {
    PROMISE(slot_of_id(frame.id) && (frame.flags & kShutdown) == 0);
    PROMISE(frame.whole.size() <= kLengthSize + kMostFrameLength);
    frames.emplace_back(frame.whole);
  }
  void on_client_gone(IdRange range) override {
    PROMISE(slot_of_id(range.start) && range.contains(range.end - 1));
    gone.push_back(range.start);
  }
  std::deque<std::string> frames;
  std::vector<uint32_t> gone;
};

class Bench {
 public:
  explicit Bench(fuzz::Input& input) : input_(input) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    msb::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // A name of the kernel's choice, which is in no file system.
    PROMISE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) == 0);
    socklen_t size = sizeof address_;
    PROMISE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address_), &size) == 0);
    address_size_ = size;
    PROMISE(::listen(listener.get(), 16) == 0 && make_ours(listener.get()));
    hub_.listen_on(std::move(listener));
    int fds[2];
    PROMISE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 && make_ours(fds[0]) && make_ours(fds[1]));
    line_.open(msb::UniqueFd(fds[0]));
    guest_.reset(fds[1]);
  }

  void run() {
    while (!input_.empty()) step();
    // At the end everybody reads, and what was promised has to arrive.
    guest_reads_ = true;
    for (int i = 0; i < 400; i++) {
      const size_t before = moved_;
      round();
      for (auto& peer : peers_) listen(*peer);
      if (moved_ == before && !hub_.has_output()) break;
    }
    for (const auto& peer : peers_) {
      if (!peer->range) continue;
      if (peer->ended || !peer->fd) {
        PROMISE(peer->announced || line_.at_end());
      } else {
        PROMISE(peer->heard == peer->expected);
      }
    }
  }

 private:
  void step() {
    const uint8_t what = input_.byte();
    switch (what % 12) {
      case 0:
        return connect();
      case 1:
        return open();
      case 2:
      case 3:
        return client_frame();
      case 4:
        return client_bytes();
      case 5:
        if (Peer* peer = any()) listen(*peer);
        return;
      case 6:
        return client_goes();
      case 7:
      case 8:
        return agent_frame();
      case 9:
        return agent_bytes();
      case 10:
        guest_reads_ = !guest_reads_;
        return;
      default:
        return round();
    }
  }

  Peer* any() {
    if (peers_.empty()) return nullptr;
    Peer* peer = peers_[input_.byte() % peers_.size()].get();
    return peer->fd ? peer : nullptr;
  }

  void connect() {
    if (peers_.size() == kMostTestClients) return;
    auto peer = std::make_unique<Peer>();
    peer->fd.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    PROMISE(::connect(peer->fd.get(), reinterpret_cast<sockaddr*>(&address_), address_size_) == 0 && make_ours(peer->fd.get()));
    peers_.push_back(std::move(peer));
    round();
  }

  void open() {
    if (opened_) return;
    opened_ = true;
    hub_.open(kReady);
    round();
  }

  /** Whoever has been greeted reads its handshake at once: only then can be said what is for whom. */
  void greet() {
    if (!opened_) return;
    for (auto& peer : peers_) {
      if (peer->range || peer->ended || !peer->fd) continue;
      std::string greeting(8 + kReady.size(), '\0');
      const ssize_t got = ::read(peer->fd.get(), greeting.data(), greeting.size());
      if (got <= 0) {
        peer->ended = got == 0;
        continue;
      }
      PROMISE(got == static_cast<ssize_t>(greeting.size()) && greeting.substr(8) == kReady);
      peer->range = IdRange{number(greeting, 0), number(greeting, 4)};
      for (const auto& other : peers_) {
        if (other == peer || !other->range || !other->fd || other->ended) continue;
        PROMISE(other->range->start != peer->range->start);
      }
    }
  }

  static uint32_t number(Bytes bytes, size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
    return value;
  }

  /** Ids at every edge there is; of the clients that there are, and of none. */
  uint32_t some_id() {
    const uint8_t which = input_.byte();
    if (which < 8) return which % 2 == 0 ? 0 : 0xffffffff - which;
    if (peers_.empty()) return input_.long_word();
    const auto& range = peers_[which % peers_.size()]->range;
    if (!range) return which;
    switch (which >> 5) {
      case 0:
        return range->start - 1;
      case 1:
        return range->end;
      case 2:
        return range->end - 1;
      default:
        return range->start + (which >> 5);
    }
  }

  std::string some_body() {
    const uint8_t how = input_.byte();
    if (how < 0xc0) return std::string(input_.bytes(how % 32));
    // Up to 64 KiB, so that bounds are reached.
    return std::string(std::min(bytes_left_, size_t{1} << (4 + how % 13)), static_cast<char>(how));
  }

  void client_frame() {
    Peer* peer = any();
    if (peer == nullptr) return;
    const uint32_t id = some_id();
    const uint8_t flags = input_.byte() % 8;
    const std::string frame = encode_frame(id, flags, some_body());
    const bool allowed = peer->range && (id == 0 ? (flags & kShutdown) != 0 : peer->range->contains(id));
    send(*peer, frame, allowed);
  }

  void client_bytes() {
    if (Peer* peer = any()) send(*peer, std::string(input_.bytes(input_.byte() % 24)), false);
  }

  void send(Peer& peer, const std::string& bytes, bool allowed) {
    bytes_left_ -= std::min(bytes_left_, bytes.size());
    const ssize_t count = ::write(peer.fd.get(), bytes.data(), bytes.size());
    if (count <= 0) return;
    if (!allowed) peer.honest = false;
    peer.sent.push_back(bytes);
    if (static_cast<size_t>(count) < bytes.size()) peer.honest = false;  // the next bytes are taken for the rest of it
  }

  void client_goes() {
    Peer* peer = any();
    if (peer == nullptr) return;
    if (input_.byte() % 2 == 0) {
      ::shutdown(peer->fd.get(), SHUT_WR);
      peer->honest = false;
    } else {
      strangers_ = strangers_ || !peer->range;
      peer->fd.reset();
    }
    round();
  }

  void agent_frame() {
    const uint32_t id = some_id();
    const std::string frame = encode_frame(id, input_.byte() % 8, some_body());
    const size_t times = 1 + input_.byte() % 40;
    for (size_t i = 0; i < times && bytes_left_ > 0; i++) {
      bytes_left_ -= std::min(bytes_left_, frame.size());
      agent_says(frame);
    }
  }

  void agent_bytes() { agent_says(std::string(input_.bytes(input_.byte() % 24))); }

  /** In as many writes as it takes; each time the relay reads what has come. */
  void agent_says(Bytes bytes) {
    while (!bytes.empty() && guest_ && !line_.at_end()) {
      const ssize_t count = ::write(guest_.get(), bytes.data(), bytes.size());
      if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
      receive();
    }
  }

  void receive() {
    const auto result = line_.receive([this](const Frame& frame) {
      if (frame.id == 0) {
        (void)message_type(frame.body);
        return;
      }
      for (auto& peer : peers_) {
        if (peer->range && peer->fd && !peer->ended && peer->range->contains(frame.id)) peer->expected += frame.whole;
      }
      hub_.route(frame);
      for (const auto& peer : peers_) promise_bound(*peer);
    });
    // As the relay does it: the machine is ended.
    if (result == AgentLine::Result::kGarbage) line_.close();
  }

  /** What is owed to a client that does not read is what its socket holds and a bounded queue, or it has been cut off. */
  static void promise_bound(const Peer& peer) {
    if (!peer.fd || peer.ended || peer.expected.size() - peer.heard.size() <= kMostForClient + kMostInSocket) return;
    pollfd entry{peer.fd.get(), 0, 0};
    PROMISE(::poll(&entry, 1, 0) == 1 && (entry.revents & POLLHUP) != 0);
  }

  void round() {
    for (int i = 0; i < 3; i++) {
      PollSet set;
      hub_.join(set, 0);
      line_.join(set);
      set.wait(0);
      if (line_.readable(set)) receive();
      hub_.serve(set, 0);
      hub_.flush();
      greet();
      hub_.pump(line_, [this](Bytes frame) { line_.send(frame); });
      line_.flush();
      if (guest_reads_) guest_reads();
    }
  }

  /** What comes out at the agent's side is frames, of ids that some client has or had, or the relay's own. */
  void guest_reads() {
    while (guest_ && read_some(guest_.get(), [this](Bytes bytes) {
                       moved_ += bytes.size();
                       from_hub_.feed(bytes);
                     }) == ReadResult::kData) {
    }
    Frame frame;
    FrameParser::Result result;
    while ((result = from_hub_.next(frame)) == FrameParser::Result::kFrame) {
      if (frame.id == 0) {
        control(frame);
      } else {
        if ((frame.flags & kShutdown) == 0) watched(frame);
        said_by_its_owner(frame);
      }
    }
    PROMISE(result == FrameParser::Result::kIncomplete);
  }

  /** Whatever the agent gets of a client, the watch has heard of. */
  void watched(const Frame& frame) {
    PROMISE(!watch_.frames.empty() && watch_.frames.front() == frame.whole);
    watch_.frames.pop_front();
  }

  /** A client's word for a shutdown, or the relay's about a client. */
  void control(const Frame& frame) {
    if ((frame.flags & kShutdown) != 0) {
      for (auto& peer : peers_) {
        if (peer->sent.empty() || peer->sent.front() != frame.whole) continue;
        peer->sent.pop_front();
        return;
      }
      return;  // from one that has not been honest
    }
    for (auto& peer : peers_) {
      if (!peer->range || peer->announced) continue;
      if (frame.whole == flow_frame(*peer->range, true) || frame.whole == flow_frame(*peer->range, false)) return;
      peer->announced = frame.whole == client_disconnected_frame(*peer->range);
      if (!peer->announced) continue;
      PROMISE(std::count(watch_.gone.begin(), watch_.gone.end(), peer->range->start) > 0);
      return;
    }
    PROMISE(strangers_);
  }

  /** Who has the id has sent it, just so; of one that is not honest it can only be said that the id is its own. */
  void said_by_its_owner(const Frame& frame) {
    for (auto& peer : peers_) {
      if (!peer->range || peer->announced || !peer->range->contains(frame.id)) continue;
      if (!peer->honest) return;
      PROMISE(!peer->sent.empty() && peer->sent.front() == frame.whole);
      peer->sent.pop_front();
      return;
    }
    PROMISE(strangers_);
  }

  void listen(Peer& peer) {
    if (!peer.range || !peer.fd || peer.ended) return;
    ReadResult result;
    do {
      result = read_some(peer.fd.get(), [&](Bytes bytes) {
        moved_ += bytes.size();
        peer.heard.append(bytes);
      });
    } while (result == ReadResult::kData);
    peer.ended = result == ReadResult::kEnd;
    // Never another's, never out of order; of one that was cut off, maybe not all.
    PROMISE(peer.heard.size() <= peer.expected.size());
    PROMISE(Bytes(peer.expected).substr(0, peer.heard.size()) == peer.heard);
    // An honest one is cut off for one reason only: that it let too much pile up.
    if (peer.ended && peer.honest) PROMISE(peer.expected.size() - peer.heard.size() > kMostForClient - (64 + 1) * 1024);
  }

  fuzz::Input& input_;
  size_t bytes_left_ = kMostBytes;
  Watch watch_;
  Hub hub_{watch_};
  AgentLine line_;
  msb::UniqueFd guest_;
  FrameParser from_hub_;
  std::vector<std::unique_ptr<Peer>> peers_;
  sockaddr_un address_{};
  socklen_t address_size_ = 0;
  bool opened_ = false;
  bool guest_reads_ = true;
  bool strangers_ = false;  // one has gone before it was known what its ids were
  size_t moved_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  ::signal(SIGPIPE, SIG_IGN);  // as the relay does
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  Bench(input).run();
  return 0;
}
