#include "tsc.hh"

#if defined(__x86_64__)

#include <time.h>
#include <x86intrin.h>

#include <cstdint>

namespace msb {

namespace {

constexpr long interval_ns = 20'000'000;
constexpr int attempts = 5;

struct Reading {
  int64_t ns;
  uint64_t ticks;
};

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Both clocks at one moment: of several attempts the one that was least interrupted between its two looks at the clock.
Reading read_both() {
  Reading best{};
  int64_t least = INT64_MAX;
  for (int attempt = 0; attempt < attempts; attempt++) {
    const int64_t before = now_ns();
    const uint64_t ticks = __rdtsc();
    const int64_t after = now_ns();
    if (after - before < least) {
      least = after - before;
      best = {before + (after - before) / 2, ticks};
    }
  }
  return best;
}

}  // namespace

double measure_tsc_khz() {
  const Reading begin = read_both();
  const timespec interval{0, interval_ns};
  nanosleep(&interval, nullptr);  // cut short by a signal is fine: what has passed is measured
  const Reading end = read_both();
  return static_cast<double>(end.ticks - begin.ticks) * 1e6 / static_cast<double>(end.ns - begin.ns);
}

}  // namespace msb

#else

namespace msb {

double measure_tsc_khz() { return 0; }

}  // namespace msb

#endif
