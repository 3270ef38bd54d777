#pragma once

#include <napi.h>

#include <string>
#include <vector>

namespace msb {

// Each of these takes a value apart or throws a TypeError that names it.

/** A whole number between the two, both included. */
int64_t integer(const Napi::Value& value, const char* name, int64_t least, int64_t most);
int descriptor(const Napi::Value& value, const char* name);
/** Milliseconds, finite: every wait has an end. */
int64_t timeout(const Napi::Value& value, const char* name);
/** Without a NUL, at which the kernel would cut it short. */
std::string text(const Napi::Value& value, const char* name);
/** The bytes of a Uint8Array. */
std::string bytes(const Napi::Value& value, const char* name);
std::string path(const Napi::Value& value, const char* name);
std::vector<std::string> texts(const Napi::Value& value, const char* name);
std::vector<int> descriptors(const Napi::Value& value, const char* name);
/** KEY=VALUE for each own property. */
std::vector<std::string> environment(const Napi::Value& value, const char* name);

}  // namespace msb
