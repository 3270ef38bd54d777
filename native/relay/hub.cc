#include "hub.hh"

#include <sys/socket.h>

#include "io.hh"
#include "messages.hh"

namespace relay {

namespace {

/** Descriptors may have run out; the connection stays in the backlog meanwhile. */
constexpr double kAcceptPauseMs = 100;

}  // namespace

void Hub::open(std::string ready_frame) {
  ready_frame_ = std::move(ready_frame);
  for (Slot& slot : slots_) {
    if (slot.client) slot.client->greet(ready_frame_);
  }
}

void Hub::join(PollSet& set, double now_ms) {
  listener_index_ = PollSet::kNone;
  if (accept_again_ms_ && *accept_again_ms_ <= now_ms) accept_again_ms_.reset();
  if (listener_ && !accept_again_ms_) listener_index_ = set.add(listener_.get(), POLLIN);
  for (Slot& slot : slots_) {
    if (slot.client) slot.client->join(set);
  }
}

void Hub::serve(const PollSet& set, double now_ms) {
  for (Slot& slot : slots_) {
    if (slot.client) slot.client->serve(set);
  }
  // Last: a client that came just now has no place in this round's set.
  if (set.readable(listener_index_)) accept_some(now_ms);
}

void Hub::accept_some(double now_ms) {
  for (uint32_t i = 0; i < kMostClients; i++) {
    msb::UniqueFd fd(::accept(listener_.get(), nullptr, nullptr));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) accept_again_ms_ = now_ms + kAcceptPauseMs;
      return;
    }
    Slot* slot = make_ours(fd.get()) ? free_slot() : nullptr;
    if (slot == nullptr) continue;  // full: it sees the end of file
    const auto index = static_cast<uint32_t>(slot - slots_.data());
    slot->client = std::make_unique<Client>(std::move(fd), range_of_slot(index));
    if (!ready_frame_.empty()) slot->client->greet(ready_frame_);
  }
}

/** The one that has been free the longest, so that a late frame of an old session meets no new client. */
Hub::Slot* Hub::free_slot() {
  for (uint32_t i = 0; i < kMostClients; i++) {
    const uint32_t index = (next_slot_ + i) % kMostClients;
    Slot& slot = slots_[index];
    if (slot.client || slot.announce_gone) continue;
    next_slot_ = index + 1;
    return &slot;
  }
  return nullptr;
}

void Hub::drop(Slot& slot) {
  // One that never got its ids has left nothing with the agent.
  slot.announce_gone = slot.client->greeted();
  watch_.on_client_gone(range_of(slot));
  slot.client.reset();
  slot.paused = false;
}

void Hub::route(const Frame& frame) {
  const auto index = slot_of_id(frame.id);
  if (!index) return;
  Slot& slot = slots_[*index];
  if (!slot.client || !slot.client->greeted()) return;
  if (!slot.client->send(frame.whole)) drop(slot);
}

bool Hub::pump(AgentLine& agent, const OnShutdown& on_shutdown) {
  send_controls(agent);
  uint32_t idle = 0;
  while (idle < kMostClients && agent.has_room()) {
    Slot& slot = slots_[next_turn_];
    next_turn_ = (next_turn_ + 1) % kMostClients;
    idle = slot.client && pump_one(slot, agent, on_shutdown) ? 0 : idle + 1;
  }
  // Those whom this round has lost.
  send_controls(agent);
  return !agent.has_room();
}

/** What the agent has to know of a client: that it has gone, that it reads slowly, that it has caught up. */
void Hub::send_controls(AgentLine& agent) {
  for (uint32_t i = 0; i < kMostClients && agent.has_room(); i++) {
    Slot& slot = slots_[i];
    if (slot.announce_gone) {
      agent.send(client_disconnected_frame(range_of_slot(i)));
      slot.announce_gone = false;
    } else if (slot.client && slot.client->wants_pause(slot.paused) != slot.paused) {
      slot.paused = !slot.paused;
      agent.send(flow_frame(range_of_slot(i), slot.paused));
    }
  }
}

bool Hub::pump_one(Slot& slot, AgentLine& agent, const OnShutdown& on_shutdown) {
  Frame frame;
  switch (slot.client->next(frame)) {
    case Client::Next::kNothing:
      return false;
    case Client::Next::kFrame:
      if ((frame.flags & kShutdown) != 0) {
        on_shutdown(frame.whole);
      } else {
        agent.send(frame.whole);
        watch_.on_client_frame(frame);
      }
      return true;
    case Client::Next::kGone:
    case Client::Next::kViolation:
      drop(slot);
      return false;
  }
  return false;
}

void Hub::flush() {
  for (Slot& slot : slots_) {
    if (slot.client) slot.client->flush();
  }
}

bool Hub::has_output() const {
  for (const Slot& slot : slots_) {
    if (slot.client && slot.client->has_output()) return true;
  }
  return false;
}

}  // namespace relay
