#include "lifetime.hh"

namespace relay {

void Lifetime::limit(Limits limits, double now_ms) {
  limits_ = limits;
  begin_ms_ = now_ms;
  used_ms_ = now_ms;
}

std::optional<double> Lifetime::idle_deadline_ms(bool in_use) const {
  if (in_use || !limits_.idle_ms) return std::nullopt;
  return used_ms_ + static_cast<double>(*limits_.idle_ms);
}

std::optional<double> Lifetime::duration_deadline_ms() const {
  if (!limits_.duration_ms) return std::nullopt;
  return begin_ms_ + static_cast<double>(*limits_.duration_ms);
}

std::optional<double> Lifetime::deadline_ms(bool in_use) const {
  const auto idle = idle_deadline_ms(in_use);
  const auto duration = duration_deadline_ms();
  if (!idle || !duration) return idle ? idle : duration;
  return *idle < *duration ? idle : duration;
}

Lifetime::End Lifetime::over(double now_ms, bool in_use) const {
  const auto duration = duration_deadline_ms();
  if (duration && *duration <= now_ms) return End::kDuration;
  const auto idle = idle_deadline_ms(in_use);
  return idle && *idle <= now_ms ? End::kIdle : End::kNone;
}

}  // namespace relay
