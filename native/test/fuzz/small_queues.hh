// Comes before everything else, in the place of relay/queue_bounds.hh: the same bounds, smaller.
#define RELAY_QUEUE_BOUNDS_HH

#include <cstddef>

namespace relay {

constexpr size_t kPauseAbove = 16 * 1024;
constexpr size_t kResumeBelow = 4 * 1024;
constexpr size_t kMostForClient = 128 * 1024;
constexpr size_t kWorthACall = 16 * 1024;
constexpr size_t kAgentHighWater = 8 * 1024;

}  // namespace relay
