#pragma once

#include <chrono>
#include <string>

#include "id_range.hh"

namespace relay {

// The frames that the relay itself sends to the agent, all of them with id 0.

std::string init_ack_frame();
std::string shutdown_frame();
// With what the guest has until it is killed.
std::string shutdown_frame(std::chrono::milliseconds budget);
std::string client_disconnected_frame(IdRange range);
std::string flow_frame(IdRange range, bool paused);

}  // namespace relay
