#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "lifetime.hh"

namespace relay {

struct SpawnError {
  std::string step;
  int error = 0;
};

/** What exit.json says. Times are milliseconds since the relay's start. */
struct ExitRecord {
  int64_t started_at_unix_ms = 0;
  std::optional<double> ready_ms;
  double exit_ms = 0;
  std::optional<double> shutdown_ms;
  std::optional<double> kill_ms;
  std::optional<double> owner_death_ms;
  std::optional<double> idle_timeout_ms;
  std::optional<double> max_duration_ms;
  /** What the owner had said last; these are durations. */
  Limits limits;
  /** Why the relay ended the VMM; the first reason stays. */
  const char* cause = nullptr;
  std::optional<pid_t> vmm_pid;
  std::optional<int> vmm_code;
  std::optional<int> vmm_signal;
  std::optional<SpawnError> spawn_error;
  std::optional<std::string> halted;  // the body of msb.halted, as it came

  std::string to_json() const;
};

/** Whole or not at all. false: not at all. */
bool write_exit_record(int directory, const ExitRecord& record);

}  // namespace relay
