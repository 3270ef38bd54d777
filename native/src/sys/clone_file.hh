#pragma once

#include <cstdint>
#include <string>

namespace msb {

struct CloneResult {
  bool reflink;
  uint64_t bytes;
};

/** dst (0600) must not exist; after a failure there is none. */
CloneResult clone_file(const std::string& src, const std::string& dst);

}  // namespace msb
