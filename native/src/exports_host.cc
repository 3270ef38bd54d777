#include "args.hh"
#include "exports.hh"
#include "js_error.hh"
#include "sys/probe.hh"
#include "sys/socket.hh"
#include "sys/tsc.hh"
#include "util/errno_name.hh"

namespace msb {

namespace {

Napi::Value probe_result(Napi::Env env, const Probe& probe) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("ok", probe.failed_step == nullptr);
  if (probe.failed_step == nullptr) {
    result.Set("apiVersion", probe.api_version);
  } else {
    result.Set("step", probe.failed_step);
    result.Set("code", errno_name(probe.error));
    result.Set("errno", -probe.error);
  }
  return result;
}

Napi::Value js_probe_kvm(const Napi::CallbackInfo& info) {
  const std::string device = info[0].IsUndefined() ? "/dev/kvm" : path(info[0], "path");
  return probe_result(info.Env(), probe_kvm(device));
}

Napi::Value js_probe_hvf(const Napi::CallbackInfo& info) { return probe_result(info.Env(), probe_hvf()); }

Napi::Value js_socket_pair(const Napi::CallbackInfo& info) {
  auto [ours, theirs] = socket_pair();
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  result.Set(0U, ours.release());
  result.Set(1U, theirs.release());
  return result;
}

Napi::Value js_measure_tsc_khz(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), measure_tsc_khz()); }

}  // namespace

void export_host(Napi::Env env, Napi::Object exports) {
  exports.Set("probeKvm", Napi::Function::New<guarded<js_probe_kvm>>(env, "probeKvm"));
  exports.Set("probeHvf", Napi::Function::New<guarded<js_probe_hvf>>(env, "probeHvf"));
  exports.Set("socketPair", Napi::Function::New<guarded<js_socket_pair>>(env, "socketPair"));
  exports.Set("measureTscKhz", Napi::Function::New<guarded<js_measure_tsc_khz>>(env, "measureTscKhz"));
}

}  // namespace msb
