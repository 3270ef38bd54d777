#pragma once

#include <cstdint>
#include <optional>

namespace relay {

constexpr uint32_t kMostClients = 128;
constexpr uint32_t kIdsPerClient = 0xffffffffU / kMostClients;

/** The ids that one client may use. Id 0 is nobody's. */
struct IdRange {
  uint32_t start;
  uint32_t end;  // exclusive
  bool contains(uint32_t id) const { return id >= start && id < end; }
};

constexpr IdRange range_of_slot(uint32_t slot) {
  return {slot * kIdsPerClient + 1, (slot + 1) * kIdsPerClient + 1};
}

/** Nothing for 0 and for the few ids above the last range. */
constexpr std::optional<uint32_t> slot_of_id(uint32_t id) {
  if (id == 0) return std::nullopt;
  const uint32_t slot = (id - 1) / kIdsPerClient;
  if (slot >= kMostClients) return std::nullopt;
  return slot;
}

}  // namespace relay
