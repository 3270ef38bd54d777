#include "log_lines.hh"

#include <algorithm>

namespace relay {

namespace {

/** A line that is longer comes in pieces. */
constexpr size_t kMostLine = 4096;

}  // namespace

void LogLines::append(Bytes bytes) {
  while (!bytes.empty()) {
    const size_t newline = bytes.find('\n');
    const size_t wanted = newline == Bytes::npos ? bytes.size() : newline + 1;
    const size_t taken = std::min(wanted, kMostLine - line_.size());
    line_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (line_.back() == '\n' || line_.size() == kMostLine) finish();
  }
}

void LogLines::finish() {
  if (!line_.empty()) log_.append(kind_, 0, line_);
  line_.clear();
}

}  // namespace relay
