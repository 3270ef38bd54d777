#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "../src/util/unique_fd.hh"
#include "exit_record.hh"

namespace relay {

/**
 * The socket that clients connect to, and the directory around it. We make both, and not our parent: whoever makes them is
 * there to remove them, so that no death in between leaves a name at which nobody listens. The directory is held open: its
 * owner may move it, once clients can connect.
 */
class SocketFile {
 public:
  /** From then on clients can connect. Nothing, or what failed and how; what was made until then is for remove(). */
  std::optional<SpawnError> open(const std::string& path, msb::UniqueFd& listener);
  /**
   * The socket, if it is still the same one; what the VMM's control socket leaves beside it when it is killed; and the
   * directory, if that was all.
   */
  void remove() const;

 private:
  msb::UniqueFd directory_;  // invalid as long as there is none of ours
  std::string name_;         // of the socket, in there
  struct stat born_{};
  bool bound_ = false;
};

}  // namespace relay
