#include "exec_message.hh"

#include "cbor.hh"

namespace relay {

namespace {

/** Command lines and environments can be long; each of their items takes a byte of the frame at least. */
constexpr uint64_t kMostRequestItems = 1 << 20;
/** Both are far smaller; what is larger need not be looked into. */
constexpr size_t kMostHousekeeping = 256;

}  // namespace

Request read_request(const Frame& frame) {
  const auto request = message(frame.body);
  if (!request || request->type != "core.exec.request") return {};
  return {true, is_true(request->payload, "tty", kMostRequestItems)};
}

bool is_housekeeping(const Frame& frame) {
  if (frame.body.size() > kMostHousekeeping) return false;
  const auto type = message_type(frame.body);
  return type == "core.ping" || type == "core.clock.sync";
}

std::optional<ExecOutput> read_output(const Frame& frame) {
  const auto output = message(frame.body);
  if (!output) return std::nullopt;
  const bool is_stderr = output->type == "core.exec.stderr";
  if (!is_stderr && output->type != "core.exec.stdout") return std::nullopt;
  const auto data = bytes_field(output->payload, "data");
  if (!data) return std::nullopt;
  return ExecOutput{is_stderr, *data};
}

}  // namespace relay
