#pragma once

#include <string>

#include "../src/util/unique_fd.hh"

namespace relay {

/**
 * The sandbox's directory, by descriptor: wherever its owner moves it, and whatever gets its old name, what we write goes to
 * ours, and what we remove is ours.
 */
class SandboxDir {
 public:
  /** 0 or an errno. */
  int open(const std::string& path);

  int fd() const { return fd_.get(); }
  /** A file of ours in it, made anew; invalid where that fails. */
  msb::UniqueFd create(const char* name) const;
  bool has(const char* name) const;
  /** Out of the way by one rename first, so that nobody finds half of it; the lock goes last. */
  void remove() const;

 private:
  msb::UniqueFd fd_;
};

}  // namespace relay
