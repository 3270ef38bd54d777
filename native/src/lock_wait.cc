#include "lock_wait.hh"

#include <sys/file.h>

#include "sys/socket.hh"
#include "sys/thread.hh"

namespace msb {

namespace {

/** Shared with the thread that sits in flock. Whoever lets go last closes the file, and so frees a late lock. */
struct Attempt {
  UniqueFd file;
  UniqueFd done_read;
  UniqueFd done_write;
  std::mutex mutex;
  bool finished = false;  // guarded by mutex
  int error = 0;          // guarded by mutex
};

class LockWait : public WaitSource {
 public:
  LockWait(std::shared_ptr<Attempt> attempt, std::string path) : attempt_(std::move(attempt)), path_(std::move(path)) {}

  int descriptor() const override { return attempt_->done_read.get(); }

  Settlement ready() override {
    const std::lock_guard<std::mutex> guard(attempt_->mutex);
    if (!attempt_->finished) return {};
    return [attempt = attempt_, path = path_](Napi::Env env) -> Napi::Value {
      if (attempt->error != 0) throw SysError("flock", attempt->error, path);
      return Napi::Number::New(env, attempt->file.release());
    };
  }

  Settlement timed_out() override {
    if (Settlement just_in_time = ready()) return just_in_time;
    return [path = path_](Napi::Env) -> Napi::Value {
      throw SysError("flock", ETIMEDOUT, path, "another process holds the lock");
    };
  }

 private:
  std::shared_ptr<Attempt> attempt_;
  std::string path_;
};

}  // namespace

// flock can be neither polled for nor cancelled from outside, so the thread is left to itself: after a timeout, or
// the environment's end, it holds nothing but the Attempt. (The addon is never unloaded: see pin_library.)
std::unique_ptr<WaitSource> wait_for_lock(UniqueFd file, const std::string& path, bool shared) {
  auto attempt = std::make_shared<Attempt>();
  auto [read, write] = socket_pair();
  attempt->file = std::move(file);
  attempt->done_read = std::move(read);
  attempt->done_write = std::move(write);

  start_thread([attempt, shared] {
    const int result = retry([&] { return ::flock(attempt->file.get(), shared ? LOCK_SH : LOCK_EX); });
    const int error = result == 0 ? 0 : errno;
    {
      const std::lock_guard<std::mutex> guard(attempt->mutex);
      attempt->finished = true;
      attempt->error = error;
    }
    (void)!::write(attempt->done_write.get(), "", 1);
  }).detach();
  return std::make_unique<LockWait>(attempt, path);
}

}  // namespace msb
