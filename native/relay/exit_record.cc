#include "exit_record.hh"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../src/util/errno_name.hh"
#include "../src/util/unique_fd.hh"

namespace relay {

namespace {

constexpr const char* kName = "exit.json";
constexpr const char* kNewName = ".new-exit.json";

std::string quoted(const std::string& text) {
  // Only names of steps and errors come here; nothing needs an escape.
  return '"' + text + '"';
}

std::string millis(double number) {
  char text[32];
  ::snprintf(text, sizeof text, "%.1f", number);
  return text;
}

std::string millis_or_null(const std::optional<double>& number) { return number ? millis(*number) : "null"; }

template <typename Number>
std::string int_or_null(const std::optional<Number>& number) {
  return number ? std::to_string(*number) : "null";
}

std::string hex(const std::string& bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

}  // namespace

std::string ExitRecord::to_json() const {
  std::string vmm = "null";
  if (vmm_pid) {
    vmm = "{\"pid\": " + std::to_string(*vmm_pid) + ", \"code\": " + int_or_null(vmm_code) +
          ", \"signal\": " + int_or_null(vmm_signal) + "}";
  }
  std::string failure = "null";
  if (spawn_error) {
    failure = "{\"step\": " + quoted(spawn_error->step) + ", \"errno\": " + std::to_string(spawn_error->error) +
              ", \"code\": " + quoted(msb::errno_name(spawn_error->error)) + "}";
  }
  return "{\"version\": 1, \"startedAtUnixMs\": " + std::to_string(started_at_unix_ms) +
         ", \"readyMs\": " + millis_or_null(ready_ms) + ", \"exitMs\": " + millis(exit_ms) +
         ",\n \"asked\": {\"shutdownMs\": " + millis_or_null(shutdown_ms) + ", \"killMs\": " + millis_or_null(kill_ms) +
         ", \"ownerDeathMs\": " + millis_or_null(owner_death_ms) +
         ",\n           \"idleTimeoutMs\": " + millis_or_null(idle_timeout_ms) +
         ", \"maxDurationMs\": " + millis_or_null(max_duration_ms) +
         "},\n \"limits\": {\"idleTimeoutMs\": " + int_or_null(limits.idle_ms) +
         ", \"maxDurationMs\": " + int_or_null(limits.duration_ms) +
         "},\n \"cause\": " + (cause != nullptr ? quoted(cause) : "null") + ",\n \"vmm\": " + vmm +
         ",\n \"spawnError\": " + failure + ",\n \"halted\": " + (halted ? quoted(hex(*halted)) : "null") + "}\n";
}

bool write_exit_record(int directory, const ExitRecord& record) {
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
  msb::UniqueFd file(::openat(directory, kNewName, flags, 0600));
  const std::string json = record.to_json();
  const bool written = file && ::write(file.get(), json.data(), json.size()) == static_cast<ssize_t>(json.size());
  if (written && ::renameat(directory, kNewName, directory, kName) == 0) return true;
  ::unlinkat(directory, kNewName, 0);
  return false;
}

}  // namespace relay
