#pragma once

#include <string>

#include "exec_log.hh"

namespace relay {

/** Puts a stream of text into the log as the lines that it has: a serial line brings them a few characters at a time. */
class LogLines {
 public:
  LogLines(ExecLog& log, LogKind kind) : log_(log), kind_(kind) {}
  void append(Bytes bytes);
  void finish();

 private:
  ExecLog& log_;
  LogKind kind_;
  std::string line_;  // what has come of it
};

}  // namespace relay
