#pragma once

#include <memory>

#include "waits.hh"

namespace msb {

/** Waits for the next message on a socket; settles with its bytes and its descriptors. */
std::unique_ptr<WaitSource> wait_for_message(int socket);

}  // namespace msb
