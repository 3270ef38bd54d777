// What a relay is told by whoever starts it: the command line, the bootstrap frame from a file or, in pieces, from a pipe, and
// then what comes over the leash.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "../../relay/bootstrap.hh"
#include "../../relay/io.hh"
#include "../../relay/leash.hh"
#include "../../relay/options.hh"
#include "fuzz.hh"

using relay::Bootstrap;
using relay::Bytes;
using relay::Options;

namespace {

bool is_plain_path(const std::string& path) {
  return path.size() > 1 && path.front() == '/' && path.back() != '/' && path.find('\0') == std::string::npos;
}

void read_options(Bytes text) {
  // Words that mutations of bytes find late; a byte that is one of these stands for it.
  static const char* const words[] = {"--sandbox-dir",        "--socket",          "--ephemeral", "--console-limit",
                                      "--owner-death-budget", "--vmm-descriptors", "--adopt",     "--",
                                      "--lifetime-budget"};
  std::vector<std::string> arguments(1);
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '\n') {
      arguments.emplace_back();
    } else if (byte >= 0xf7) {
      arguments.back() += words[byte == 0xf7 ? 8 : byte - 0xf8];
    } else {
      arguments.back() += c;
    }
  }
  Options options;
  if (!relay::parse_options(arguments, options).empty()) return;
  PROMISE(is_plain_path(options.sandbox_dir) && is_plain_path(options.socket_path));
  PROMISE(options.console_limit >= 4096 && options.console_limit <= 64 << 20);
  PROMISE(options.owner_death_budget_ms >= 0 && options.owner_death_budget_ms <= 3600 * 1000);
  PROMISE(options.lifetime_budget_ms >= 0 && options.lifetime_budget_ms <= 3600 * 1000);
  PROMISE(options.vmm_descriptors >= 0 && options.vmm_descriptors <= 8);
  PROMISE(options.adopt ? *options.adopt > 1 && options.vmm.empty() : !options.vmm.empty());
}

Bootstrap::State look(Bootstrap& bootstrap) {
  relay::PollSet set;
  bootstrap.join(set);
  set.wait(0);
  return bootstrap.read(set);
}

bool is_one_frame(Bytes bytes) {
  relay::FrameParser parser;
  parser.feed(bytes);
  relay::Frame frame;
  return parser.next(frame) == relay::FrameParser::Result::kFrame && frame.whole.size() == bytes.size();
}

void judge(const Bootstrap& bootstrap, Bootstrap::State state, Bytes bytes) {
  PROMISE(state == (is_one_frame(bytes) ? Bootstrap::State::kWhole : Bootstrap::State::kFailed));
  PROMISE(state == Bootstrap::State::kWhole ? bootstrap.frame() == bytes : bootstrap.error() == EBADMSG);
}

/** Whoever wrote it has left the offset at its end. */
void read_from_file(Bytes bytes) {
  msb::UniqueFd file(::memfd_create("bootstrap", MFD_CLOEXEC));
  PROMISE(::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  Bootstrap bootstrap;
  bootstrap.open(std::move(file));
  judge(bootstrap, look(bootstrap), bytes);
}

void read_from_pipe(Bytes bytes) {
  int fds[2];
  PROMISE(::pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
  msb::UniqueFd writer(fds[1]);
  Bootstrap bootstrap;
  bootstrap.open(msb::UniqueFd(fds[0]));
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = 1 + static_cast<uint8_t>(bytes[at]) % 64;
    const ssize_t written = ::write(writer.get(), bytes.data() + at, std::min(size, bytes.size() - at));
    PROMISE(written > 0);
    at += static_cast<size_t>(written);
    PROMISE(look(bootstrap) == Bootstrap::State::kReading);
  }
  writer.reset();
  judge(bootstrap, look(bootstrap), bytes);
}

/** In pieces; the owner is gone at the end, which means something unless it has let go before. */
void read_leash(Bytes bytes) {
  int fds[2];
  PROMISE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 && relay::make_ours(fds[0]));
  relay::Leash leash;
  leash.open(msb::UniqueFd(fds[0]));
  msb::UniqueFd owner(fds[1]);
  bool died = false;
  const auto listen = [&] {
    const bool now = leash.owner_died();
    PROMISE(!now || !died);
    died = died || now;
    const auto limits = leash.take_limits();
    if (!limits) return;
    PROMISE(!limits->idle_ms || (*limits->idle_ms > 0 && *limits->idle_ms <= 366LL * 24 * 3600 * 1000));
    PROMISE(!limits->duration_ms || (*limits->duration_ms > 0 && *limits->duration_ms <= 366LL * 24 * 3600 * 1000));
  };
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = std::min(bytes.size() - at, 1 + static_cast<size_t>(static_cast<uint8_t>(bytes[at]) % 32));
    // Whoever has been let go of is not listened to any more.
    if (::send(owner.get(), bytes.data() + at, size, MSG_NOSIGNAL) < 0) break;
    at += size;
    listen();
    PROMISE(!died);
  }
  owner.reset();
  listen();
  if (bytes.find_first_of("DL") == Bytes::npos) PROMISE(died);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t which = input.byte();
  const Bytes rest = input.bytes(size);
  if (which % 4 == 2) {
    read_leash(rest);
  } else if (which % 2 == 0) {
    read_options(rest);
  } else if (which % 4 == 1) {
    read_from_file(rest);
  } else {
    read_from_pipe(rest);
  }
  return 0;
}
