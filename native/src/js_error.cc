#include "js_error.hh"

#include <cstring>

#include "util/errno_name.hh"

namespace msb {

Napi::Error to_js(Napi::Env env, const SysError& error) {
  const std::string code = errno_name(error.error());
  std::string message = code + ": ";
  message += error.hint().empty() ? std::strerror(error.error()) : error.hint();
  message += std::string(", ") + error.syscall();
  if (!error.path().empty()) message += " '" + error.path() + "'";

  Napi::Error result = Napi::Error::New(env, message);
  result.Set("code", code);
  result.Set("errno", Napi::Number::New(env, -error.error()));
  result.Set("syscall", error.syscall());
  if (!error.path().empty()) result.Set("path", error.path());
  return result;
}

}  // namespace msb
