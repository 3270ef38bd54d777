#pragma once

#include <memory>

#include "waits.hh"

namespace msb {

/** Settles with {exitCode, signal} when the process has ended, and reaps it where it is our child. */
std::unique_ptr<WaitSource> wait_for_exit(int handle);

}  // namespace msb
