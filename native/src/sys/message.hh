#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../util/unique_fd.hh"

namespace msb {

/** What goes through a socket that keeps messages whole: bytes, and descriptors that become the receiver's. */
struct Message {
  std::string bytes;
  std::vector<UniqueFd> fds;
};

/** Such sockets, not blocking. ENOTSUP or its like where the system has none. */
std::pair<UniqueFd, UniqueFd> message_socket_pair();

void send_message(int socket, const std::string& bytes, const std::vector<int>& fds);

/** Nothing where there is none yet. EPIPE where the other side has gone, EMSGSIZE for one that is too long. */
std::optional<Message> receive_message(int socket);

}  // namespace msb
