#pragma once

#include <utility>

#include "../util/unique_fd.hh"

namespace msb {

std::pair<UniqueFd, UniqueFd> socket_pair();

}  // namespace msb
