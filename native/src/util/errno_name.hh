#pragma once

#include <string>

namespace msb {

/** `ENOENT` for 2. A number that has no name here gives `E` and the number, never an empty string. */
std::string errno_name(int error);

}  // namespace msb
