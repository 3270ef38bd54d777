#pragma once

#include <memory>
#include <string>

#include "util/unique_fd.hh"
#include "waits.hh"

namespace msb {

/** Waits for the flock of a file that someone else holds; settles with the descriptor. */
std::unique_ptr<WaitSource> wait_for_lock(UniqueFd file, const std::string& path, bool shared);

}  // namespace msb
