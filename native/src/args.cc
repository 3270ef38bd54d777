#include "args.hh"

#include <cmath>
#include <limits>

namespace msb {

namespace {

[[noreturn]] void reject(Napi::Env env, const std::string& name, const std::string& want) {
  throw Napi::TypeError::New(env, "The argument `" + name + "` must be " + want);
}

Napi::Array array(const Napi::Value& value, const char* name, const char* want) {
  if (!value.IsArray()) reject(value.Env(), name, want);
  return value.As<Napi::Array>();
}

std::string item(const char* name, uint32_t i) { return std::string(name) + "[" + std::to_string(i) + "]"; }

}  // namespace

int64_t integer(const Napi::Value& value, const char* name, int64_t least, int64_t most) {
  const auto fits = [&](double number) {
    return std::trunc(number) == number && number >= static_cast<double>(least) && number <= static_cast<double>(most);
  };
  if (!value.IsNumber() || !fits(value.As<Napi::Number>().DoubleValue())) {
    reject(value.Env(), name, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value.As<Napi::Number>().Int64Value();
}

int descriptor(const Napi::Value& value, const char* name) {
  return static_cast<int>(integer(value, name, 0, std::numeric_limits<int>::max()));
}

int64_t timeout(const Napi::Value& value, const char* name) {
  const double most = static_cast<double>(std::numeric_limits<int32_t>::max());
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number >= 0 && number <= most) return static_cast<int64_t>(std::ceil(number));
  }
  reject(value.Env(), name, "a number of milliseconds from 0 to 2147483647");
}

std::string text(const Napi::Value& value, const char* name) {
  if (!value.IsString()) reject(value.Env(), name, "a string");
  std::string result = value.As<Napi::String>().Utf8Value();
  if (result.find('\0') != std::string::npos) reject(value.Env(), name, "a string without NUL");
  return result;
}

std::string path(const Napi::Value& value, const char* name) {
  std::string result = text(value, name);
  if (result.empty()) reject(value.Env(), name, "a path, not an empty string");
  return result;
}

std::string bytes(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    reject(value.Env(), name, "a Uint8Array");
  }
  const auto array = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(array.Data()), array.ByteLength()};
}

std::vector<std::string> texts(const Napi::Value& value, const char* name) {
  const Napi::Array list = array(value, name, "an array of strings");
  std::vector<std::string> result;
  for (uint32_t i = 0; i < list.Length(); i++) result.push_back(text(list.Get(i), item(name, i).c_str()));
  return result;
}

std::vector<int> descriptors(const Napi::Value& value, const char* name) {
  const Napi::Array list = array(value, name, "an array of descriptors");
  std::vector<int> result;
  for (uint32_t i = 0; i < list.Length(); i++) result.push_back(descriptor(list.Get(i), item(name, i).c_str()));
  return result;
}

std::vector<std::string> environment(const Napi::Value& value, const char* name) {
  if (!value.IsObject() || value.IsArray()) reject(value.Env(), name, "an object of strings");
  const Napi::Object object = value.As<Napi::Object>();
  const Napi::Array keys = object.GetPropertyNames();
  std::vector<std::string> result;
  for (uint32_t i = 0; i < keys.Length(); i++) {
    const Napi::Value key = keys.Get(i);
    const std::string variable = text(key, name);
    if (variable.empty() || variable.find('=') != std::string::npos) {
      reject(value.Env(), name, "an object whose keys are not empty and have no '='");
    }
    result.push_back(variable + "=" + text(object.Get(key), (std::string(name) + "." + variable).c_str()));
  }
  return result;
}

}  // namespace msb
