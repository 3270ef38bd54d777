#pragma once

#include <napi.h>

#include "util/sys_error.hh"

namespace msb {

/** An Error like Node's own: code, a negative errno, syscall, path. */
Napi::Error to_js(Napi::Env env, const SysError& error);

/** Wraps an exported function, so that SysError is the one way to fail inside. */
template <Napi::Value (*Function)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return Function(info);
  } catch (const SysError& error) {
    throw to_js(info.Env(), error);
  }
}

}  // namespace msb
