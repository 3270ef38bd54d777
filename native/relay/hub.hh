#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "../src/util/unique_fd.hh"
#include "agent_line.hh"
#include "client.hh"
#include "id_range.hh"
#include "poll_set.hh"

namespace relay {

/** Hears what clients do. */
class ClientWatch {
 public:
  virtual ~ClientWatch() = default;
  /** A frame that goes on to the agent. */
  virtual void on_client_frame(const Frame& frame) = 0;
  /** One has gone, and with it all that it had opened. */
  virtual void on_client_gone(IdRange range) = 0;
};

/** All clients: who may use which ids, whose frame goes next, whom the agent should stop talking to. */
class Hub {
 public:
  /** Called with each frame that has the flag SHUTDOWN, and expected to send it on. */
  using OnShutdown = std::function<void(Bytes frame)>;

  /** @param watch outlives this. */
  explicit Hub(ClientWatch& watch) : watch_(watch) {}

  void listen_on(msb::UniqueFd listener) { listener_ = std::move(listener); }
  void stop_listening() { listener_.reset(); }

  /** The agent is there: everybody who waits gets the handshake now, everybody else as they come. */
  void open(std::string ready_frame);

  void join(PollSet& set, double now_ms);
  void serve(const PollSet& set, double now_ms);
  /** When to try again where accept ran out of something. */
  std::optional<double> accept_again_ms() const { return accept_again_ms_; }

  /** A frame from the agent, to the client whose id it carries. */
  void route(const Frame& frame);
  /** Moves frames to the agent while it has room, one from each client in turn. true: there may be more. */
  bool pump(AgentLine& agent, const OnShutdown& on_shutdown);
  void flush();
  bool has_output() const;

 private:
  struct Slot {
    std::unique_ptr<Client> client;
    bool announce_gone = false;  // the agent has not been told yet; until then nobody else gets the ids
    bool paused = false;         // what the agent was told last
  };

  void accept_some(double now_ms);
  Slot* free_slot();
  void drop(Slot& slot);
  IdRange range_of(const Slot& slot) const { return range_of_slot(static_cast<uint32_t>(&slot - slots_.data())); }
  void send_controls(AgentLine& agent);
  bool pump_one(Slot& slot, AgentLine& agent, const OnShutdown& on_shutdown);

  ClientWatch& watch_;
  msb::UniqueFd listener_;
  PollSet::Index listener_index_ = PollSet::kNone;
  std::optional<double> accept_again_ms_;
  std::string ready_frame_;
  std::array<Slot, kMostClients> slots_;
  uint32_t next_slot_ = 0;
  uint32_t next_turn_ = 0;
};

}  // namespace relay
