#include "args.hh"
#include "exit_wait.hh"
#include "exports.hh"
#include "js_error.hh"
#include "message_wait.hh"
#include "sys/message.hh"
#include "sys/process.hh"
#include "waits.hh"

namespace msb {

namespace {

Napi::Value js_spawn(const Napi::CallbackInfo& info) {
  if (!info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "The argument `options` must be an object");
  const Napi::Object options = info[0].As<Napi::Object>();
  SpawnRequest request;
  request.file = path(options.Get("file"), "options.file");
  request.args = texts(options.Get("args"), "options.args");
  request.env = environment(options.Get("env"), "options.env");
  request.cwd = path(options.Get("cwd"), "options.cwd");
  request.fds = descriptors(options.Get("fds"), "options.fds");

  Spawned child = spawn_process(request);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("pid", static_cast<double>(child.pid));
  result.Set("pidfd", child.handle.release());
  return result;
}

Napi::Value js_pidfd_open(const Napi::CallbackInfo& info) {
  const auto pid = static_cast<pid_t>(integer(info[0], "pid", 1, 0x7fffffff));
  return Napi::Number::New(info.Env(), open_process(pid).release());
}

Napi::Value js_pidfd_signal(const Napi::CallbackInfo& info) {
  const int handle = descriptor(info[0], "pidfd");
  const int signal = static_cast<int>(integer(info[1], "signal", 0, 64));
  return Napi::Boolean::New(info.Env(), signal_process(handle, signal));
}

Napi::Value js_pidfd_wait(const Napi::CallbackInfo& info) {
  const int handle = descriptor(info[0], "pidfd");
  const int64_t limit = timeout(info[1], "timeoutMs");
  try {
    return Waits::of(info.Env()).add(wait_for_exit(handle), limit);
  } catch (const SysError& error) {
    const auto deferred = Napi::Promise::Deferred::New(info.Env());
    deferred.Reject(to_js(info.Env(), error).Value());
    return deferred.Promise();
  }
}

Napi::Value js_message_pair(const Napi::CallbackInfo& info) {
  auto [ours, theirs] = message_socket_pair();
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  result.Set(0U, ours.release());
  result.Set(1U, theirs.release());
  return result;
}

Napi::Value js_ask(const Napi::CallbackInfo& info) {
  const int socket = descriptor(info[0], "socket");
  const std::string question = bytes(info[1], "bytes");
  const std::vector<int> fds = descriptors(info[2], "fds");
  const int64_t limit = timeout(info[3], "timeoutMs");
  try {
    send_message(socket, question, fds);
    return Waits::of(info.Env()).add(wait_for_message(socket), limit);
  } catch (const SysError& error) {
    const auto deferred = Napi::Promise::Deferred::New(info.Env());
    deferred.Reject(to_js(info.Env(), error).Value());
    return deferred.Promise();
  }
}

}  // namespace

void export_processes(Napi::Env env, Napi::Object exports) {
  exports.Set("spawn", Napi::Function::New<guarded<js_spawn>>(env, "spawn"));
  exports.Set("pidfdOpen", Napi::Function::New<guarded<js_pidfd_open>>(env, "pidfdOpen"));
  exports.Set("pidfdSignal", Napi::Function::New<guarded<js_pidfd_signal>>(env, "pidfdSignal"));
  exports.Set("messagePair", Napi::Function::New<guarded<js_message_pair>>(env, "messagePair"));
  exports.Set("ask", Napi::Function::New<guarded<js_ask>>(env, "ask"));
  exports.Set("pidfdWait", Napi::Function::New<guarded<js_pidfd_wait>>(env, "pidfdWait"));
}

}  // namespace msb
