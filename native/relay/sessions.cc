#include "sessions.hh"

namespace relay {

void Sessions::open(uint32_t id, Session session) {
  if (sessions_.size() < kMost || sessions_.count(id) > 0) sessions_[id] = session;
}

const Session* Sessions::find(uint32_t id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

bool Sessions::end(IdRange range) {
  const auto first = sessions_.lower_bound(range.start);
  const auto last = sessions_.lower_bound(range.end);
  const bool some = first != last;
  sessions_.erase(first, last);
  return some;
}

}  // namespace relay
