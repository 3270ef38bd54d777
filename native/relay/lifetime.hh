#pragma once

#include <cstdint>
#include <optional>

namespace relay {

/** How long a machine may run; milliseconds. */
struct Limits {
  std::optional<int64_t> idle_ms;      // without anybody using it
  std::optional<int64_t> duration_ms;  // in all
};

/** The times by which a machine is to end by itself. Its owner says them when it is given to its user, from when on they count. */
class Lifetime {
 public:
  enum class End { kNone, kIdle, kDuration };

  void limit(Limits limits, double now_ms);
  const Limits& limits() const { return limits_; }

  /** Somebody used the machine, or has just stopped doing so. */
  void used(double now_ms) { used_ms_ = now_ms; }

  /** When to look at it next. @param in_use whether somebody uses it now, so that it is not idle */
  std::optional<double> deadline_ms(bool in_use) const;
  End over(double now_ms, bool in_use) const;

 private:
  std::optional<double> idle_deadline_ms(bool in_use) const;
  std::optional<double> duration_deadline_ms() const;

  Limits limits_;
  double begin_ms_ = 0;
  double used_ms_ = 0;
};

}  // namespace relay
