#pragma once

#include <cstdint>
#include <string>

namespace relay {

/** A number within its bounds, in decimal digits and nothing else. */
inline bool parse_decimal(const std::string& text, uint64_t least, uint64_t most, uint64_t& number) {
  if (text.empty() || text.size() > 18) return false;
  number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number >= least && number <= most;
}

}  // namespace relay
