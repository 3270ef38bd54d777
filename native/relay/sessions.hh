#pragma once

#include <cstdint>
#include <map>

#include "exec_message.hh"
#include "id_range.hh"

namespace relay {

struct Session {
  uint32_t number = 0;  // in the log; 0 for one that is no command
  bool terminal = false;
};

/** What clients have opened and the agent has not ended: the sessions that there are at the moment, by their id on the wire. */
class Sessions {
 public:
  /** Beyond a number that no client of ours comes near to, further ones are not kept. */
  void open(uint32_t id, Session session);
  /** Nothing for an id that nobody has opened, whatever the guest sends for it. */
  const Session* find(uint32_t id) const;
  /** Whether there was one. */
  bool end(uint32_t id) { return sessions_.erase(id) > 0; }
  /** Whether there were some. */
  bool end(IdRange range);
  bool none() const { return sessions_.empty(); }

 private:
  static constexpr size_t kMost = 64 * 1024;
  std::map<uint32_t, Session> sessions_;
};

}  // namespace relay
