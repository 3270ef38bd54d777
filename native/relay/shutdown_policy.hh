#pragma once

#include <sys/types.h>

namespace relay {

/** A client's shutdown frame has come, whole and allowed. */
class ShutdownRequest {
 public:
  virtual ~ShutdownRequest() = default;
  /** Notes when, and that the machine is stopping. */
  virtual void record() = 0;
  /** Sends it on to the agent. */
  virtual void forward() = 0;
  virtual pid_t vmm_pid() const = 0;
};

void on_client_shutdown(ShutdownRequest& request);

}  // namespace relay
