#include "messages.hh"

#include "cbor.hh"
#include "frame.hh"

namespace relay {

namespace {

constexpr uint64_t kGeneration = 7;

std::string control_frame(Bytes type, Bytes payload, uint8_t flags = 0) {
  std::string body;
  cbor_map(body, 3);
  cbor_text(body, "v");
  cbor_uint(body, kGeneration);
  cbor_text(body, "t");
  cbor_text(body, type);
  cbor_text(body, "p");
  cbor_bytes(body, payload);
  return encode_frame(0, flags, body);
}

std::string empty_payload() {
  std::string payload;
  cbor_map(payload, 0);
  return payload;
}

void append_range(std::string& payload, IdRange range) {
  cbor_text(payload, "id_start");
  cbor_uint(payload, range.start);
  cbor_text(payload, "id_end_exclusive");
  cbor_uint(payload, range.end);
}

}  // namespace

std::string init_ack_frame() { return control_frame("core.init.ack", empty_payload()); }

std::string shutdown_frame() { return control_frame("core.shutdown", empty_payload(), kShutdown); }

std::string shutdown_frame(std::chrono::milliseconds budget) {
  std::string payload;
  cbor_map(payload, 1);
  cbor_text(payload, "budget_ns");
  cbor_uint(payload, static_cast<uint64_t>(std::chrono::nanoseconds(budget).count()));
  return control_frame("core.shutdown", payload, kShutdown);
}

std::string client_disconnected_frame(IdRange range) {
  std::string payload;
  cbor_map(payload, 2);
  append_range(payload, range);
  return control_frame("core.relay.client.disconnected", payload);
}

std::string flow_frame(IdRange range, bool paused) {
  std::string payload;
  cbor_map(payload, 3);
  append_range(payload, range);
  cbor_text(payload, "paused");
  cbor_bool(payload, paused);
  return control_frame("msb.flow", payload);
}

}  // namespace relay
