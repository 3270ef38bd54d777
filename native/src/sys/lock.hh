#pragma once

#include <string>

#include "../util/unique_fd.hh"

namespace msb {

/** false: someone else holds it, in a way that does not go with this one. */
bool try_lock(int fd, bool shared = false);

/** The file, made 0600 if missing; a symbolic link is an error, not a way elsewhere. */
UniqueFd open_lock_file(const std::string& path);

/** The same, but missing is an error. */
UniqueFd open_existing_lock_file(const std::string& path);

}  // namespace msb
