#include <signal.h>

#include "tap.hh"

int main() {
  ::signal(SIGPIPE, SIG_IGN);  // as the relay does
  return tap::run();
}
