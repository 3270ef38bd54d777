#pragma once

#include <string>

namespace msb {

struct Probe {
  /** nullptr: it works. */
  const char* failed_step = nullptr;
  int error = 0;
  int api_version = 0;
};

Probe probe_kvm(const std::string& path);
Probe probe_hvf();

}  // namespace msb
