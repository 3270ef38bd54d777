#include "leash.hh"

#include <unistd.h>

#include "decimal.hh"
#include "io.hh"

namespace relay {

namespace {

/** Two numbers of as many digits as are read, and what stands between and behind them. */
constexpr size_t kMostLine = 48;
/** A year, a leap year: timers beyond it are none. */
constexpr uint64_t kMostMs = 366ULL * 24 * 3600 * 1000;

std::optional<int64_t> unless_zero(uint64_t ms) {
  if (ms == 0) return std::nullopt;
  return static_cast<int64_t>(ms);
}

std::optional<Limits> parse_limits(const std::string& line) {
  const size_t space = line.find(' ');
  uint64_t idle = 0;
  uint64_t duration = 0;
  if (space == std::string::npos) return std::nullopt;
  if (!parse_decimal(line.substr(0, space), 0, kMostMs, idle)) return std::nullopt;
  if (!parse_decimal(line.substr(space + 1), 0, kMostMs, duration)) return std::nullopt;
  return Limits{unless_zero(idle), unless_zero(duration)};
}

}  // namespace

void Leash::say_ready() const { (void)!::write(fd_.get(), "R", 1); }

void Leash::hear(char byte) {
  if (!line_) {
    if (byte == 'D') detached_ = true;
    if (byte == 'L') line_.emplace();
  } else if (byte != '\n') {
    if (line_->size() < kMostLine) line_->push_back(byte);
  } else {
    if (const auto limits = parse_limits(*line_)) limits_ = limits;
    line_.reset();
  }
}

bool Leash::owner_died() {
  while (fd_) {
    const ReadResult result = read_some(fd_.get(), [this](Bytes bytes) {
      for (const char byte : bytes) hear(byte);
    });
    if (result == ReadResult::kNothing) return false;
    if (detached_ || result == ReadResult::kEnd) fd_.reset();
    if (!detached_ && result == ReadResult::kEnd) return true;
  }
  return false;
}

}  // namespace relay
