// No `#pragma once`: the fuzz targets bring smaller ones, which a short input reaches (test/fuzz/small_queues.hh).
#ifndef RELAY_QUEUE_BOUNDS_HH
#define RELAY_QUEUE_BOUNDS_HH

#include <cstddef>

namespace relay {

/** What waits for one client: beyond it, its sessions are paused; below it, they go on; beyond that, it is cut off. */
constexpr size_t kPauseAbove = 1024 * 1024;
constexpr size_t kResumeBelow = 256 * 1024;
constexpr size_t kMostForClient = 16 * 1024 * 1024;

/** A message so long is written to its client at once, where less waits for the round's end. Its data is in the log by then. */
constexpr size_t kWorthACall = 16 * 1024;

/** What waits for the agent until no more is taken from clients. */
constexpr size_t kAgentHighWater = 256 * 1024;

}  // namespace relay

#endif
