import { constants } from 'node:os';
import { TimeoutError } from '../errors.js';
import { errnoOf, native } from '../host/native.js';

const { SIGKILL, SIGTERM } = constants.signals;

/** The relay only has to kill its child and write a record; what takes longer is stuck. */
const relayTimeoutMs = 5_000;
/** The kernel ends a process that was sent SIGKILL; seconds pass only on a machine in distress. */
const killTimeoutMs = 10_000;

/**
 * Ends a machine at once: the relay is told to kill its VMM, and is killed itself should it not do so, which the VMM does not
 * survive. Resolves when both are gone.
 *
 * @throws TimeoutError when even SIGKILL did not end the relay.
 */
export async function endRelay(pidfd: number, timeoutMs = relayTimeoutMs): Promise<void> {
  orderKill(pidfd);
  if (await ended(pidfd, timeoutMs)) return;
  native.pidfdSignal(pidfd, SIGKILL);
  if (await ended(pidfd, killTimeoutMs)) return;
  throw new TimeoutError(
    'The relay of the sandbox did not end after SIGKILL; the machine is in distress (see dmesg).',
  );
}

/** Tells the relay to kill its VMM. */
export function orderKill(pidfd: number): void {
  native.pidfdSignal(pidfd, SIGTERM);
}

/** Whether the relay ends within that time. */
export async function ended(pidfd: number, timeoutMs: number): Promise<boolean> {
  try {
    await native.pidfdWait(pidfd, timeoutMs);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ETIMEDOUT') return false;
    throw error;
  }
}
