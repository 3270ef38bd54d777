#include <unistd.h>

#include <cerrno>

#include "args.hh"
#include "exports.hh"
#include "js_error.hh"
#include "lock_wait.hh"
#include "owned_fds.hh"
#include "sys/clone_file.hh"
#include "sys/lock.hh"
#include "waits.hh"

namespace msb {

namespace {

Napi::Promise rejected(Napi::Env env, const SysError& error) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  deferred.Reject(to_js(env, error).Value());
  return deferred.Promise();
}

Napi::Value js_try_lock_file(const Napi::CallbackInfo& info) {
  UniqueFd fd = open_existing_lock_file(path(info[0], "path"));
  if (!try_lock(fd.get())) return info.Env().Null();
  return Napi::Number::New(info.Env(), fd.release());
}

Napi::Value js_lock_file(const Napi::CallbackInfo& info) {
  const std::string file = path(info[0], "path");
  const int64_t limit = timeout(info[1], "timeoutMs");
  const bool shared = info[2].ToBoolean();
  try {
    UniqueFd fd = open_lock_file(file);
    if (!try_lock(fd.get(), shared))
      return Waits::of(info.Env()).add(wait_for_lock(std::move(fd), file, shared), limit);
    const auto deferred = Napi::Promise::Deferred::New(info.Env());
    deferred.Resolve(Napi::Number::New(info.Env(), fd.release()));
    return deferred.Promise();
  } catch (const SysError& error) {
    return rejected(info.Env(), error);
  }
}

Napi::Value js_own_fd(const Napi::CallbackInfo& info) {
  own_fd(info.Env(), descriptor(info[0], "fd"));
  return info.Env().Undefined();
}

Napi::Value js_close_fd(const Napi::CallbackInfo& info) {
  const int fd = descriptor(info[0], "fd");
  disown_fd(info.Env(), fd);  // first: the number may be another file's as soon as it is free
  if (::close(fd) != 0 && errno == EBADF) throw_errno("close");
  return info.Env().Undefined();
}

/** Copies on libuv's pool, which is what it is for: the work is long but always moves. */
class CloneWork : public Napi::AsyncWorker {
 public:
  CloneWork(Napi::Env env, std::string src, std::string dst)
      : Napi::AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        src_(std::move(src)),
        dst_(std::move(dst)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    try {
      result_ = clone_file(src_, dst_);
    } catch (const SysError& error) {
      failure_ = std::make_unique<SysError>(error);
    }
  }

  void OnOK() override {
    if (failure_) {
      deferred_.Reject(to_js(Env(), *failure_).Value());
      return;
    }
    Napi::Object result = Napi::Object::New(Env());
    result.Set("method", result_.reflink ? "reflink" : "sparse");
    result.Set("bytes", Napi::Number::New(Env(), static_cast<double>(result_.bytes)));
    deferred_.Resolve(result);
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  std::string src_;
  std::string dst_;
  CloneResult result_{};
  std::unique_ptr<SysError> failure_;
};

Napi::Value js_clone_file(const Napi::CallbackInfo& info) {
  // Deletes itself when it is done.
  auto* work = new CloneWork(info.Env(), path(info[0], "src"), path(info[1], "dst"));
  const Napi::Promise promise = work->promise();
  work->Queue();
  return promise;
}

}  // namespace

void export_files(Napi::Env env, Napi::Object exports) {
  exports.Set("tryLockFile", Napi::Function::New<guarded<js_try_lock_file>>(env, "tryLockFile"));
  exports.Set("lockFile", Napi::Function::New<guarded<js_lock_file>>(env, "lockFile"));
  exports.Set("ownFd", Napi::Function::New<guarded<js_own_fd>>(env, "ownFd"));
  exports.Set("closeFd", Napi::Function::New<guarded<js_close_fd>>(env, "closeFd"));
  exports.Set("cloneFile", Napi::Function::New<guarded<js_clone_file>>(env, "cloneFile"));
}

}  // namespace msb
