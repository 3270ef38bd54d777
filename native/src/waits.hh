#pragma once

#include <napi.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "util/unique_fd.hh"

namespace msb {

/** Makes the promise's value on JavaScript's thread; throws a SysError to reject. */
using Settlement = std::function<Napi::Value(Napi::Env)>;

/** Something that happens outside. All but the constructor runs on the watcher's thread. */
class WaitSource {
 public:
  virtual ~WaitSource() = default;
  /** Readable when there may be something. */
  virtual int descriptor() const = 0;
  /** Called when readable; an empty Settlement goes on waiting. */
  virtual Settlement ready() = 0;
  /** Called once all sources of the same round have answered. */
  virtual void settled() {}
  virtual Settlement timed_out() = 0;
};

/**
 * The promises of one environment that wait for something outside: one thread polls for all of them. While any is
 * pending the event loop stays alive; each has a timeout, so that it cannot stay so for ever. When the environment
 * ends the thread is joined and what was pending is dropped.
 */
class Waits {
 public:
  /** The environment's own; there is nothing global. */
  static Waits& of(Napi::Env env);

  explicit Waits(Napi::Env env) : env_(env) {}
  Waits(const Waits&) = delete;
  Waits& operator=(const Waits&) = delete;
  ~Waits() { stop(); }

  Napi::Promise add(std::unique_ptr<WaitSource> source, int64_t timeout_ms);

 private:
  using Clock = std::chrono::steady_clock;
  struct Wait {
    uint64_t id;
    std::unique_ptr<WaitSource> source;
    Clock::time_point deadline;
  };
  struct Delivery {
    uint64_t id;
    Settlement settlement;
  };

  void start();
  void stop();
  void watch();
  void poll_once(std::vector<Wait>& waits);
  void deliver(uint64_t id, Settlement settlement);
  void settle(const Delivery& delivery);
  static void on_delivery(napi_env env, napi_value callback, void* context, void* data);

  // JavaScript's thread only.
  Napi::Env env_;
  std::unordered_map<uint64_t, napi_deferred> pending_;
  uint64_t last_id_ = 0;
  std::thread thread_;
  UniqueFd wake_write_;

  // Set before the thread starts.
  napi_threadsafe_function deliveries_ = nullptr;
  UniqueFd wake_read_;

  std::mutex mutex_;
  std::vector<Wait> added_;  // guarded by mutex_
  bool stopping_ = false;    // guarded by mutex_
};

}  // namespace msb
