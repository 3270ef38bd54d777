#include "exit_wait.hh"

#include <fcntl.h>

#include "sys/process.hh"
#include "util/sys_error.hh"

namespace msb {

namespace {

Napi::Value number_or_null(Napi::Env env, const std::optional<int>& number) {
  if (number) return Napi::Number::New(env, *number);
  return env.Null();
}

class ExitWait : public WaitSource {
 public:
  explicit ExitWait(UniqueFd handle) : handle_(std::move(handle)) {}

  int descriptor() const override { return handle_.get(); }

  Settlement ready() override {
    try {
      const std::optional<ExitStatus> status = peek_exit(handle_.get());
      if (!status) return {};
      ended_ = true;
      return [status = *status](Napi::Env env) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("exitCode", number_or_null(env, status.code));
        result.Set("signal", number_or_null(env, status.signal));
        return result;
      };
    } catch (const SysError& error) {
      return [error](Napi::Env) -> Napi::Value { throw error; };
    }
  }

  void settled() override {
    if (ended_) reap_process(handle_.get());
  }

  Settlement timed_out() override {
    return [](Napi::Env) -> Napi::Value {
      throw SysError("waitid", ETIMEDOUT, {}, "the process has not ended in time");
    };
  }

 private:
  UniqueFd handle_;
  bool ended_ = false;
};

}  // namespace

// A descriptor of our own, so that the caller may close theirs while we wait.
std::unique_ptr<WaitSource> wait_for_exit(int handle) {
  UniqueFd own(::fcntl(handle, F_DUPFD_CLOEXEC, 0));
  if (!own) throw_errno("fcntl");
  return std::make_unique<ExitWait>(std::move(own));
}

}  // namespace msb
