#pragma once

#include <string>
#include <utility>

#include "../util/unique_fd.hh"

namespace msb {

std::pair<UniqueFd, UniqueFd> socket_pair();
UniqueFd listen_unix(const std::string& path, int backlog);

}  // namespace msb
