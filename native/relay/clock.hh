#pragma once

#include <time.h>

#include <cstdint>
#include <optional>

namespace relay {

inline int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

/** Milliseconds since the relay started. */
class Clock {
 public:
  double now_ms() const { return static_cast<double>(monotonic_ns() - start_ns_) / 1e6; }

 private:
  int64_t start_ns_ = monotonic_ns();
};

/** The soonest of several points in time, as a timeout for poll. */
class PollTimeout {
 public:
  explicit PollTimeout(double now_ms) : now_ms_(now_ms) {}

  void until(const std::optional<double>& deadline_ms) {
    if (!deadline_ms) return;
    const double left = *deadline_ms - now_ms_;
    // Rounded up, so that it does not spin in a deadline's last millisecond.
    const int whole = left <= 0 ? 0 : static_cast<int>(left < 3600e3 ? left : 3600e3) + 1;
    if (timeout_ < 0 || whole < timeout_) timeout_ = whole;
  }

  int value() const { return timeout_; }

 private:
  double now_ms_;
  int timeout_ = -1;
};

}  // namespace relay
