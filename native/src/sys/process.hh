#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "../util/unique_fd.hh"

namespace msb {

struct SpawnRequest {
  std::string file;
  std::vector<std::string> args;  // those after argv[0]
  std::vector<std::string> env;   // KEY=VALUE
  std::string cwd;
  std::vector<int> fds;  // the child's descriptor i is fds[i]
};

struct Spawned {
  pid_t pid;
  UniqueFd handle;
};

/** In a session of its own, with default signals, and with those descriptors and no other. */
Spawned spawn_process(const SpawnRequest& request);

/** A process handle is a descriptor (a pidfd; on macOS a kqueue) that polls as readable once the process has ended. */
UniqueFd open_process(pid_t pid);

/** false: it had ended already. */
bool signal_process(int handle, int signal);

struct ExitStatus {
  std::optional<int> code;
  std::optional<int> signal;
};

/**
 * Nothing while it runs; an empty status where it is not our child. Leaves a zombie, so that several waits for one
 * process can all read the status before reap_process takes it away.
 */
std::optional<ExitStatus> peek_exit(int handle);
void reap_process(int handle);

}  // namespace msb
