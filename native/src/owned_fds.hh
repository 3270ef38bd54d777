#pragma once

#include <napi.h>

namespace msb {

/**
 * Descriptors that live as long as the thread of JavaScript that opened them. The kernel closes a process's at its end, but nobody
 * those of a worker thread that was ended in the middle: what hangs on one (a machine's leash, a lock) would outlive its owner.
 */
void own_fd(Napi::Env env, int fd);

/** From now on it is somebody else's to close. */
void disown_fd(Napi::Env env, int fd);

}  // namespace msb
