#include "owned_fds.hh"

#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <set>

namespace msb {

namespace {

std::mutex mutex;
std::map<napi_env, std::set<int>>& owned() {
  static auto* map = new std::map<napi_env, std::set<int>>;  // never destroyed: threads may end after main has returned
  return *map;
}

void close_all(napi_env env) {
  std::set<int> fds;
  {
    const std::lock_guard<std::mutex> guard(mutex);
    const auto entry = owned().find(env);
    if (entry == owned().end()) return;
    fds = std::move(entry->second);
    owned().erase(entry);
  }
  for (const int fd : fds) {
    ::shutdown(fd, SHUT_RDWR);  // of a socket: its other end must hear of it even while a thread still reads here
    ::close(fd);
  }
}

}  // namespace

void own_fd(Napi::Env env, int fd) {
  bool first = false;
  {
    const std::lock_guard<std::mutex> guard(mutex);
    auto [entry, made] = owned().try_emplace(env);
    entry->second.insert(fd);
    first = made;
  }
  if (first) napi_add_env_cleanup_hook(env, [](void* data) { close_all(static_cast<napi_env>(data)); }, static_cast<napi_env>(env));
}

void disown_fd(Napi::Env env, int fd) {
  const std::lock_guard<std::mutex> guard(mutex);
  const auto entry = owned().find(env);
  if (entry != owned().end()) entry->second.erase(fd);
}

}  // namespace msb
