#pragma once

#include <napi.h>

namespace msb {

void export_host(Napi::Env env, Napi::Object exports);
void export_files(Napi::Env env, Napi::Object exports);
void export_processes(Napi::Env env, Napi::Object exports);

}  // namespace msb
