#pragma once

#include <cerrno>
#include <exception>
#include <string>
#include <utility>

namespace msb {

/** A system call that failed. Crosses C++ only; at the door to JavaScript it becomes an Error. */
class SysError : public std::exception {
 public:
  SysError(const char* syscall, int error, std::string path = {}, std::string hint = {})
      : syscall_(syscall), error_(error), path_(std::move(path)), hint_(std::move(hint)) {}

  const char* what() const noexcept override { return syscall_; }
  const char* syscall() const { return syscall_; }
  int error() const { return error_; }
  const std::string& path() const { return path_; }
  /** Replaces strerror's text where there is more to say. */
  const std::string& hint() const { return hint_; }

 private:
  const char* syscall_;
  int error_;
  std::string path_;
  std::string hint_;
};

/**
 * Throws for the call that has just failed. errno is read before anything else happens: to allocate an exception may change
 * it (malloc in a new thread looks into /sys).
 */
[[noreturn]] inline void throw_errno(const char* syscall, const std::string& path = {}) {
  const int error = errno;
  throw SysError(syscall, error, path);
}

/** Repeats a call that a signal interrupted. */
template <typename Call>
auto retry(Call call) -> decltype(call()) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

}  // namespace msb
