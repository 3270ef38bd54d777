#include "../../relay/exec_message.hh"

#include <random>

#include "../../relay/cbor.hh"
#include "tap.hh"

using namespace relay;

namespace {

std::string body(const std::string& type, const std::string& payload, bool payload_first = false) {
  std::string out;
  cbor_map(out, 3);
  if (payload_first) {
    cbor_text(out, "p");
    cbor_bytes(out, payload);
  }
  cbor_text(out, "v");
  cbor_uint(out, 7);
  cbor_text(out, "t");
  cbor_text(out, type);
  if (!payload_first) {
    cbor_text(out, "p");
    cbor_bytes(out, payload);
  }
  return out;
}

std::string data(const std::string& bytes) {
  std::string out;
  cbor_map(out, 1);
  cbor_text(out, "data");
  cbor_bytes(out, bytes);
  return out;
}

/** Something before `tty`, as a command's environment is. */
std::string request(bool tty, int words) {
  std::string out;
  cbor_map(out, 2);
  cbor_text(out, "env");
  out += '\x9a';
  append_u32(out, static_cast<uint32_t>(words));
  for (int i = 0; i < words; i++) cbor_text(out, "KEY=value");
  cbor_text(out, "tty");
  cbor_bool(out, tty);
  return out;
}

/** Looks at bytes on the heap, of exact size, so that a read past the end is seen. */
struct Exact {
  explicit Exact(const std::string& body) : bytes(body.begin(), body.end()) {
    frame.body = Bytes(bytes.data(), bytes.size());
  }
  std::vector<char> bytes;
  Frame frame;
};

}  // namespace

TEST("messages: one that says its type or its payload twice is none") {
  for (const bool payload : {false, true}) {
    std::string twice;
    cbor_map(twice, 3);
    for (int i = 0; i < 2; i++) {
      cbor_text(twice, payload ? "p" : "t");
      if (payload)
        cbor_bytes(twice, data("x"));
      else
        cbor_text(twice, "core.exec.stdout");
    }
    cbor_text(twice, payload ? "t" : "p");
    if (payload)
      cbor_text(twice, "core.exec.stdout");
    else
      cbor_bytes(twice, data("x"));
    CHECK(!message(twice));
  }
  CHECK(message(body("core.exec.stdout", data("x"))));
}

TEST("messages: what a command wrote") {
  for (const bool first : {false, true}) {
    const Exact out(body("core.exec.stdout", data("hello"), first));
    const auto output = read_output(out.frame);
    CHECK(output && !output->is_stderr && output->data == "hello");
    const Exact err(body("core.exec.stderr", data(std::string(70000, 'e')), first));
    const auto error = read_output(err.frame);
    CHECK(error && error->is_stderr && error->data.size() == 70000);
  }
}

TEST("messages: what is no output of a command is none") {
  for (const std::string& other :
       {std::string(), std::string("core.exec.stdout"), body("core.tcp.data", data("x")), body("core.exec.stdout", ""),
        body("core.exec.stdout", "\xa1\x64"
                                 "data\x61x"),
        body("core.exec.stdout", "\xa1\x64"
                                 "data\x5a\xff\xff\xff\xff"),
        body("core.exec.stdout", std::string(300, '\xa1')), std::string("\xa2\x61t\x70"
                                                                        "core.exec.stdout\x61p\x01")}) {
    CHECK(!read_output(Exact(other).frame));
  }
}

TEST("messages: a request, and whether it is for a terminal") {
  for (const int words : {0, 3, 5000}) {
    const Request plain = read_request(Exact(body("core.exec.request", request(false, words))).frame);
    CHECK(plain.exec && !plain.terminal);
    const Request terminal = read_request(Exact(body("core.exec.request", request(true, words), true)).frame);
    CHECK(terminal.exec && terminal.terminal);
  }
  CHECK(!read_request(Exact(body("core.tcp.connect", request(true, 0))).frame).exec);
  CHECK(!read_request(Exact("rubbish").frame).exec);
  CHECK(!read_request(Exact(body("core.exec.request", "rubbish")).frame).terminal);
}

TEST("messages: pings and clocks that are set are nobody's use of a machine") {
  CHECK(is_housekeeping(Exact(body("core.ping", "\xa0")).frame));
  CHECK(is_housekeeping(Exact(body("core.clock.sync", "\xa0")).frame));
  CHECK(!is_housekeeping(Exact(body("core.touch", "\xa0")).frame));
  CHECK(!is_housekeeping(Exact(body("core.exec.stdin", data("x"))).frame));
  CHECK(!is_housekeeping(Exact(body("core.ping", std::string(300, ' '))).frame));
  CHECK(!is_housekeeping(Exact("").frame));
}

TEST("messages: random bytes and broken messages hurt nobody") {
  std::mt19937 random(11);
  const std::string goods[] = {body("core.exec.stdout", data("some output\n")), body("core.exec.request", request(true, 3))};
  for (int i = 0; i < 50000; i++) {
    std::string bytes = goods[random() % 2];
    for (uint32_t left = random() % 4; left > 0; left--) bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 1));
    const Exact exact(bytes);
    const auto output = read_output(exact.frame);
    CHECK(!output || output->data.size() <= bytes.size());
    read_request(exact.frame);
    is_housekeeping(exact.frame);
  }
}
