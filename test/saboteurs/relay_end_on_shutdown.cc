// Wrong on purpose: ends the machine when it is asked to stop, before the guest has written anything back. The tests
// for durable stops must fail with a relay that has this in the place of native/relay/shutdown_policy.cc:
//
//   make -C native build/msb-relay-end-on-shutdown OUT=build/msb-relay-end-on-shutdown
//     RELAY_POLICY=../test/saboteurs/relay_end_on_shutdown.cc

#include <signal.h>

#include "shutdown_policy.hh"

namespace relay {

void on_client_shutdown(ShutdownRequest& request) {
  request.record();
  ::kill(request.vmm_pid(), SIGKILL);
}

}  // namespace relay
