#include "waits.hh"

#include <poll.h>
#include <signal.h>

#include <algorithm>

#include "js_error.hh"
#include "sys/socket.hh"
#include "sys/thread.hh"

namespace msb {

Waits& Waits::of(Napi::Env env) { return *env.GetInstanceData<Waits>(); }

Napi::Promise Waits::add(std::unique_ptr<WaitSource> source, int64_t timeout_ms) {
  start();
  napi_deferred deferred;
  napi_value promise;
  if (napi_create_promise(env_, &deferred, &promise) != napi_ok) throw Napi::Error::New(env_);
  const uint64_t id = ++last_id_;
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    added_.push_back({id, std::move(source), Clock::now() + std::chrono::milliseconds(timeout_ms)});
  }
  pending_.emplace(id, deferred);
  if (pending_.size() == 1) napi_ref_threadsafe_function(env_, deliveries_);
  // A full pipe wakes as well as one more byte would.
  (void)!::write(wake_write_.get(), "", 1);
  return Napi::Promise(env_, promise);
}

void Waits::start() {
  if (thread_.joinable()) return;
  auto [read, write] = socket_pair();
  make_nonblocking(read.get());
  make_nonblocking(write.get());
  wake_read_ = std::move(read);
  wake_write_ = std::move(write);

  const napi_value name = Napi::String::New(env_, "msb:waits");
  const napi_status status = napi_create_threadsafe_function(env_, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                                             this, &Waits::on_delivery, &deliveries_);
  if (status != napi_ok) throw Napi::Error::New(env_);
  napi_unref_threadsafe_function(env_, deliveries_);
  thread_ = start_thread([this] { watch(); });
  // Hooks run last in, first out: the thread is gone before the function that it calls is.
  env_.AddCleanupHook([this] { stop(); });
}

void Waits::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    stopping_ = true;
  }
  (void)!::write(wake_write_.get(), "", 1);
  thread_.join();
}

void Waits::watch() {
  std::vector<Wait> waits;
  for (;;) {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      if (stopping_) return;
      std::move(added_.begin(), added_.end(), std::back_inserter(waits));
      added_.clear();
    }
    poll_once(waits);
  }
}

void Waits::poll_once(std::vector<Wait>& waits) {
  std::vector<pollfd> fds{{wake_read_.get(), POLLIN, 0}};
  auto deadline = Clock::time_point::max();
  for (const Wait& wait : waits) {
    fds.push_back({wait.source->descriptor(), POLLIN, 0});
    deadline = std::min(deadline, wait.deadline);
  }
  int timeout = -1;
  if (!waits.empty()) {
    // Rounded up, so that it does not spin in a deadline's last millisecond.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    timeout = static_cast<int>(std::clamp<int64_t>(left, 0, 1000 * 3600));
  }
  if (::poll(fds.data(), static_cast<nfds_t>(fds.size()), timeout) < 0) return;

  char drained[64];
  while (::read(wake_read_.get(), drained, sizeof drained) > 0) {
  }

  std::vector<Delivery> deliveries;
  std::vector<Wait> finished;
  const auto now = Clock::now();
  size_t kept = 0;
  for (size_t i = 0; i < waits.size(); i++) {
    Settlement settlement = fds[i + 1].revents != 0 ? waits[i].source->ready() : Settlement();
    if (!settlement && waits[i].deadline <= now) settlement = waits[i].source->timed_out();
    if (settlement) {
      deliveries.push_back({waits[i].id, std::move(settlement)});
      finished.push_back(std::move(waits[i]));
    } else {
      if (kept != i) waits[kept] = std::move(waits[i]);
      kept++;
    }
  }
  waits.resize(kept);
  for (const Wait& wait : finished) wait.source->settled();
  for (Delivery& delivery : deliveries) deliver(delivery.id, std::move(delivery.settlement));
}

void Waits::deliver(uint64_t id, Settlement settlement) {
  auto delivery = std::make_unique<Delivery>(Delivery{id, std::move(settlement)});
  if (napi_call_threadsafe_function(deliveries_, delivery.get(), napi_tsfn_nonblocking) == napi_ok) {
    (void)delivery.release();
  }
}

void Waits::on_delivery(napi_env env, napi_value, void* context, void* data) {
  const std::unique_ptr<Delivery> delivery(static_cast<Delivery*>(data));
  if (env == nullptr) return;  // the environment is ending; the context may be gone already
  static_cast<Waits*>(context)->settle(*delivery);
}

void Waits::settle(const Delivery& delivery) {
  const Napi::HandleScope scope(env_);
  const auto found = pending_.find(delivery.id);
  if (found == pending_.end()) return;
  const napi_deferred deferred = found->second;
  pending_.erase(found);
  if (pending_.empty()) napi_unref_threadsafe_function(env_, deliveries_);
  try {
    napi_value value;
    try {
      value = delivery.settlement(env_);
    } catch (const SysError& error) {
      napi_reject_deferred(env_, deferred, to_js(env_, error).Value());
      return;
    }
    napi_resolve_deferred(env_, deferred, value);
  } catch (const std::exception&) {
    // Only an environment that is being torn down, or out of memory, cannot make the value: nobody is waiting.
  }
}

}  // namespace msb
