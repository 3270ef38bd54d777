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

/** Repeats a call that a signal interrupted. */
template <typename Call>
auto retry(Call call) -> decltype(call()) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

}  // namespace msb
