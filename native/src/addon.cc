#include <dlfcn.h>
#include <napi.h>

#include "exports.hh"
#include "waits.hh"

namespace {

/**
 * Node unloads an addon when the last worker thread that uses it ends. A thread still in flock would then return
 * into nothing, so this library stays.
 */
void pin_library() {
  Dl_info self{};
  if (::dladdr(reinterpret_cast<void*>(&pin_library), &self) != 0) {
    ::dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
  }
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  pin_library();
  env.SetInstanceData(new msb::Waits(env));
  msb::export_host(env, exports);
  msb::export_files(env, exports);
  msb::export_processes(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(msb_native, init)
