#pragma once

#include <optional>

#include "frame.hh"

namespace relay {

/** What a client asks for with a frame that opens a session. */
struct Request {
  bool exec = false;
  bool terminal = false;  // the command gets a terminal, which has one stream only
};

/** Whatever cannot be read is a request for something else than a command. */
Request read_request(const Frame& frame);

/** Whether a client's frame keeps the machine going, rather than being of use to somebody: a ping, a clock that is set. */
bool is_housekeeping(const Frame& frame);

/** What a command wrote, as a frame of the agent brings it. */
struct ExecOutput {
  bool is_stderr;
  Bytes data;
};

/** Nothing for any other frame; the guest may have sent anything. */
std::optional<ExecOutput> read_output(const Frame& frame);

}  // namespace relay
