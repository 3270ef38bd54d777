#pragma once

#include <optional>
#include <vector>

#include "agent_line.hh"
#include "bootstrap.hh"
#include "bounded_log.hh"
#include "clock.hh"
#include "exec_log.hh"
#include "exit_record.hh"
#include "hub.hh"
#include "leash.hh"
#include "lifetime.hh"
#include "lock_file.hh"
#include "log_pipe.hh"
#include "options.hh"
#include "poll_set.hh"
#include "sandbox_dir.hh"
#include "sessions.hh"
#include "signals.hh"
#include "socket_file.hh"
#include "vmm_process.hh"

namespace relay {

/** What main() has opened: from here on each descriptor has one owner. */
struct Parts {
  Signals signals;
  SandboxDir dir;
  LockFile lock;
  msb::UniqueFd leash;
  msb::UniqueFd bootstrap;
  msb::UniqueFd console_log;
  msb::UniqueFd vmm_log;
  std::vector<msb::UniqueFd> for_vmm;
};

/** One machine's life, from the bootstrap frame to exit.json. */
class Relay : private ClientWatch {
 public:
  Relay(const Options& options, Parts parts);

  /** Returns when the VMM has ended and everything that is left of it has been put away. */
  void run();

 private:
  enum class Phase { kBootstrap, kRunning, kDraining, kDone };
  class ClientShutdown;

  void adopt_vmm();
  void open_to_clients();
  void round();
  PollTimeout next_timeout() const;
  void on_signals();
  void on_leash();
  void on_owner_death();
  void on_client_frame(const Frame& frame) override;
  void on_client_gone(IdRange range) override;
  void on_bootstrap();
  void start_vmm();
  void on_agent_readable();
  void on_agent_frame(const Frame& frame);
  void on_agent_control(const Frame& frame);
  void on_session_frame(const Frame& frame);
  void on_vmm_end(const VmmProcess::End& end);
  void on_deadlines();
  bool is_over() const;
  bool is_in_use() const;
  void ask_to_stop(const char* cause, int64_t budget_ms);
  void drain();
  void end_vmm(const char* cause);
  void fail_to_start(const SpawnError& error);
  void put_away();
  void note(const std::string& line);

  const Options& options_;
  Clock clock_;
  Signals signals_;
  SandboxDir dir_;
  SocketFile socket_;
  LockFile lock_;
  Leash leash_;
  Bootstrap bootstrap_;
  BoundedLog console_log_;
  BoundedLog vmm_log_;
  ExecLog exec_log_;
  LogPipe console_;
  LogPipe vmm_output_;
  AgentLine agent_;
  Hub hub_;
  Sessions sessions_;
  Lifetime lifetime_;
  std::vector<msb::UniqueFd> for_vmm_;  // until it has been started
  VmmProcess vmm_;
  ExitRecord record_;
  PollSet set_;

  Phase phase_ = Phase::kBootstrap;
  bool go_on_ = false;  // the next round must not wait
  bool hang_up_ = false;  // the agent has said its last word
  bool remove_dir_ = false;
  const char* stop_cause_ = nullptr;  // why the guest is to stop, where it is we who told it so
  std::optional<double> stop_deadline_ms_;
  std::optional<double> drain_deadline_ms_;
  bool lines_drained_ = false;
};

}  // namespace relay
