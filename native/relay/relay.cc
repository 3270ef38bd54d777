#include "relay.hh"

#include <signal.h>

#include <algorithm>

#include "cbor.hh"
#include "exec_message.hh"
#include "messages.hh"
#include "shutdown_policy.hh"

namespace relay {

namespace {

constexpr uint64_t kVmmLogLimit = 256 * 1024;
/** Every client gets a copy, so the guest must not choose its size freely. */
constexpr size_t kMostReadyFrame = 64 * 1024;
constexpr size_t kMostHaltedBody = 4096;
/** The ends of a dead VMM's sockets are at their end at once, unless somebody else has inherited them. */
constexpr double kDrainLinesMs = 1000;
constexpr double kDrainClientsMs = 250;

constexpr const char* kIdleTimeout = "idle-timeout";
constexpr const char* kMaxDuration = "max-duration";
constexpr const char* kOwnerDeath = "owner-death";

int64_t unix_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

class Relay::ClientShutdown : public ShutdownRequest {
 public:
  ClientShutdown(Relay& relay, Bytes frame) : relay_(relay), frame_(frame) {}

  void record() override {
    if (!relay_.record_.shutdown_ms) relay_.record_.shutdown_ms = relay_.clock_.now_ms();
    relay_.lock_.advance(LockFile::State::kStopping);
  }
  void forward() override { relay_.agent_.send(frame_); }
  pid_t vmm_pid() const override { return *relay_.vmm_.pid(); }

 private:
  Relay& relay_;
  Bytes frame_;
};

Relay::Relay(const Options& options, Parts parts)
    : options_(options),
      signals_(std::move(parts.signals)),
      dir_(std::move(parts.dir)),
      lock_(std::move(parts.lock)),
      console_log_(std::move(parts.console_log), options.console_limit),
      vmm_log_(std::move(parts.vmm_log), kVmmLogLimit),
      console_(console_log_, exec_log_, LogKind::kConsole),
      vmm_output_(vmm_log_, exec_log_, LogKind::kVmm),
      hub_(*this),
      for_vmm_(std::move(parts.for_vmm)) {
  record_.started_at_unix_ms = unix_ms();
  leash_.open(std::move(parts.leash));
  bootstrap_.open(std::move(parts.bootstrap));
  exec_log_.open(dir_.fd());
}

void Relay::run() {
  if (options_.adopt) adopt_vmm();
  if (phase_ == Phase::kBootstrap) open_to_clients();
  while (phase_ != Phase::kDone) round();
  if (leash_.owner_died()) on_owner_death();
  put_away();
}

/** First of all, so that no way out of here leaves it behind. */
void Relay::adopt_vmm() {
  if (const auto error = vmm_.adopt(*options_.adopt)) return fail_to_start(*error);
  record_.vmm_pid = vmm_.pid();
  // Before we could be told of it.
  if (const auto end = vmm_.reap()) on_vmm_end(*end);
}

/** Before there is a VMM, so that none is started to which nobody could talk. */
void Relay::open_to_clients() {
  msb::UniqueFd listener;
  if (const auto error = socket_.open(options_.socket_path, listener)) return fail_to_start(*error);
  hub_.listen_on(std::move(listener));
  leash_.say_ready();
}

void Relay::round() {
  set_.clear();
  signals_.join(set_);
  leash_.join(set_);
  bootstrap_.join(set_);
  agent_.join(set_);
  console_.join(set_);
  vmm_output_.join(set_);
  hub_.join(set_, clock_.now_ms());
  set_.wait(next_timeout().value());

  on_signals();
  if (leash_.readable(set_)) on_leash();
  if (phase_ == Phase::kBootstrap) on_bootstrap();
  if (agent_.readable(set_)) on_agent_readable();
  console_.serve(set_);
  vmm_output_.serve(set_);
  hub_.serve(set_, clock_.now_ms());
  // Before clients have it: who has seen a line finds it in the log.
  exec_log_.flush();
  // Clients first: only then is it known whose sessions should pause.
  hub_.flush();
  const bool left_over = hub_.pump(agent_, [this](Bytes frame) {
    ClientShutdown request(*this, frame);
    on_client_shutdown(request);
  });
  agent_.flush();
  // Where the line has taken everything at once, nothing else would wake us for the frames that had to wait.
  go_on_ = left_over && agent_.has_room();
  on_deadlines();
  exec_log_.flush();
  if (phase_ == Phase::kDraining) drain();
}

PollTimeout Relay::next_timeout() const {
  PollTimeout timeout(clock_.now_ms());
  if (go_on_) timeout.until(0);
  timeout.until(stop_deadline_ms_);
  if (!is_over()) timeout.until(lifetime_.deadline_ms(is_in_use()));
  timeout.until(drain_deadline_ms_);
  timeout.until(hub_.accept_again_ms());
  return timeout;
}

void Relay::on_signals() {
  const Signals::Seen seen = signals_.take(set_);
  // First whether it has ended: an order to kill what is dead must not be taken for the cause.
  if (seen.child) {
    if (const auto end = vmm_.reap()) on_vmm_end(*end);
  }
  if (seen.terminate && (phase_ == Phase::kBootstrap || phase_ == Phase::kRunning)) {
    if (!record_.kill_ms) record_.kill_ms = clock_.now_ms();
    end_vmm("kill");
  }
}

void Relay::on_leash() {
  const bool died = leash_.owner_died();
  if (const auto limits = leash_.take_limits()) {
    lifetime_.limit(*limits, clock_.now_ms());
    record_.limits = *limits;
  }
  if (died) on_owner_death();
}

void Relay::on_owner_death() {
  if (!record_.owner_death_ms) record_.owner_death_ms = clock_.now_ms();
  remove_dir_ = options_.ephemeral || dir_.has("creating");
  if (remove_dir_ || phase_ == Phase::kBootstrap) {
    end_vmm(kOwnerDeath);
  } else if (phase_ == Phase::kRunning) {
    note("the owner has died; asking the guest to shut down");
    ask_to_stop(kOwnerDeath, options_.owner_death_budget_ms);
  }
}

/** What the guest has not done within the budget is not waited for. Of several who ask, the one with the least patience counts. */
void Relay::ask_to_stop(const char* cause, int64_t budget_ms) {
  lock_.advance(LockFile::State::kStopping);
  agent_.send(shutdown_frame(std::chrono::milliseconds(budget_ms)));
  const double deadline_ms = clock_.now_ms() + static_cast<double>(budget_ms);
  if (stop_deadline_ms_ && *stop_deadline_ms_ <= deadline_ms) return;
  stop_deadline_ms_ = deadline_ms;
  stop_cause_ = cause;
}

void Relay::on_bootstrap() {
  switch (bootstrap_.read(set_)) {
    case Bootstrap::State::kReading:
      return;
    case Bootstrap::State::kFailed:
      return fail_to_start({"bootstrap", bootstrap_.error()});
    case Bootstrap::State::kWhole:
      return start_vmm();
  }
}

void Relay::start_vmm() {
  VmmEnds ends;
  // Closed here, whatever comes of it: when the VMM is dead, no copy of ours may keep that from the owner.
  const std::vector<msb::UniqueFd> owners = std::exchange(for_vmm_, {});
  const auto error = options_.adopt ? VmmProcess::take_ends(ends) : vmm_.start(options_.vmm, owners, ends);
  if (error) return fail_to_start(*error);
  record_.vmm_pid = vmm_.pid();
  vmm_output_.open(std::move(ends.output));
  console_.open(std::move(ends.console));
  agent_.open(std::move(ends.agent));
  agent_.send(bootstrap_.frame());
  exec_log_.append(LogKind::kStarted, 0, "--- sandbox started ---\n");
  phase_ = Phase::kRunning;
}

void Relay::fail_to_start(const SpawnError& error) {
  record_.cause = "spawn";
  record_.spawn_error = error;
  record_.exit_ms = clock_.now_ms();
  phase_ = Phase::kDone;
}

void Relay::on_agent_readable() {
  const auto result = agent_.receive([this](const Frame& frame) { on_agent_frame(frame); });
  if (hang_up_) return agent_.close();
  if (result != AgentLine::Result::kGarbage) return;
  note("the agent's line carries garbage; ending the machine");
  agent_.close();
  if (phase_ == Phase::kRunning) end_vmm("agent-protocol");
}

void Relay::on_agent_frame(const Frame& frame) {
  if (frame.id == 0) {
    on_agent_control(frame);
  } else {
    on_session_frame(frame);
    hub_.route(frame);
  }
}

/** Whatever it holds, it goes on to its client as it is. */
void Relay::on_session_frame(const Frame& frame) {
  const Session* session = sessions_.find(frame.id);
  if (session == nullptr) return;
  if (session->number > 0) {
    if (const auto output = read_output(frame)) {
      const LogKind kind = session->terminal   ? LogKind::kOutput
                           : output->is_stderr ? LogKind::kStderr
                                               : LogKind::kStdout;
      if (!output->data.empty()) exec_log_.append(kind, session->number, output->data);
    }
  }
  if ((frame.flags & kTerminal) == 0) return;
  sessions_.end(frame.id);
  lifetime_.used(clock_.now_ms());
}

void Relay::on_client_frame(const Frame& frame) {
  if ((frame.flags & kSessionStart) != 0) {
    const Request request = read_request(frame);
    sessions_.open(frame.id, {request.exec ? exec_log_.new_session() : 0, request.terminal});
  }
  if (!is_housekeeping(frame)) lifetime_.used(clock_.now_ms());
}

void Relay::on_client_gone(IdRange range) {
  if (sessions_.end(range)) lifetime_.used(clock_.now_ms());
}

void Relay::on_agent_control(const Frame& frame) {
  if ((frame.flags & kShutdown) != 0) {
    if (frame.body.size() <= kMostHaltedBody) record_.halted = std::string(frame.body);
    // The guest's kernel drops what its host has not taken when it powers off, so the agent waits for this sign.
    hang_up_ = true;
    return;
  }
  if (record_.ready_ms) return;
  const auto type = message_type(frame.body);
  if (type == "core.init.resolved") {
    if (agent_.has_room()) agent_.send(init_ack_frame());
  } else if (type == "core.ready" && frame.whole.size() <= kMostReadyFrame) {
    record_.ready_ms = clock_.now_ms();
    lock_.advance(LockFile::State::kRunning);
    hub_.open(std::string(frame.whole));
  }
}

void Relay::on_vmm_end(const VmmProcess::End& end) {
  record_.exit_ms = clock_.now_ms();
  record_.vmm_code = end.code;
  record_.vmm_signal = end.signal;
  // It may have ended by itself before our kill arrived.
  if (end.signal != SIGKILL) record_.cause = nullptr;
  hub_.stop_listening();
  stop_deadline_ms_.reset();
  drain_deadline_ms_ = record_.exit_ms + kDrainLinesMs;
  phase_ = Phase::kDraining;
}

/** Whether the machine's time has been found to be over, or means nothing any more. */
bool Relay::is_over() const {
  return phase_ != Phase::kRunning || record_.idle_timeout_ms || record_.max_duration_ms;
}

/** One that is being stopped is, too: by whoever asked, within a time of his own. */
bool Relay::is_in_use() const { return !sessions_.none() || record_.shutdown_ms || stop_cause_ != nullptr; }

void Relay::on_deadlines() {
  const double now_ms = clock_.now_ms();
  if (stop_deadline_ms_ && *stop_deadline_ms_ <= now_ms) {
    stop_deadline_ms_.reset();
    end_vmm(stop_cause_);
  }
  if (is_over()) return;
  switch (lifetime_.over(now_ms, is_in_use())) {
    case Lifetime::End::kNone:
      return;
    case Lifetime::End::kIdle:
      record_.idle_timeout_ms = now_ms;
      note("nobody has used the machine for as long as it may be idle; asking the guest to shut down");
      return ask_to_stop(kIdleTimeout, options_.lifetime_budget_ms);
    case Lifetime::End::kDuration:
      record_.max_duration_ms = now_ms;
      note("the machine has run for as long as it may; asking the guest to shut down");
      return ask_to_stop(kMaxDuration, options_.lifetime_budget_ms);
  }
}

/** The VMM is dead; its last words are still in the sockets, and then on their way to the clients. */
void Relay::drain() {
  if (!lines_drained_ && agent_.at_end() && console_.at_end() && vmm_output_.at_end()) {
    lines_drained_ = true;
    drain_deadline_ms_ = clock_.now_ms() + kDrainClientsMs;
  }
  if ((lines_drained_ && !hub_.has_output()) || *drain_deadline_ms_ <= clock_.now_ms()) phase_ = Phase::kDone;
}

void Relay::end_vmm(const char* cause) {
  if (phase_ == Phase::kDraining || phase_ == Phase::kDone) return;
  if (record_.cause == nullptr) record_.cause = cause;
  if (phase_ == Phase::kBootstrap) {
    record_.exit_ms = clock_.now_ms();
    phase_ = Phase::kDone;
  } else {
    vmm_.kill();
  }
}

void Relay::put_away() {
  // One that was adopted runs also where we have never come to talk to it.
  if (const auto end = vmm_.put_down()) {
    record_.vmm_code = end->code;
    record_.vmm_signal = end->signal;
  }
  console_.finish();
  vmm_output_.finish();
  if (record_.vmm_pid) exec_log_.append(LogKind::kStopped, 0, "--- sandbox stopped ---\n");
  exec_log_.flush();
  if (remove_dir_) {
    socket_.remove();  // first: with the directory the name gets free, and whoever takes it makes a socket of the same name
    dir_.remove();
  } else {
    write_exit_record(dir_.fd(), record_);
    socket_.remove();
  }
}

void Relay::note(const std::string& line) {
  const std::string whole = "msb-relay: " + line + "\n";
  vmm_log_.append(whole);
  exec_log_.append(LogKind::kVmm, 0, whole);
}

}  // namespace relay
