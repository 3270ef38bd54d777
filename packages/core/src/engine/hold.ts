import { closeSync, writeSync } from 'node:fs';
import { errnoOf } from '../host/native.js';
import { ended, endRelay } from './end-relay.js';

/** A relay that was told to end, or whose leash was dropped, has its own bounds; this is beyond all of them. */
const goneTimeoutMs = 10_000;

/**
 * The owner's hold on a machine: the leash, whose end in the relay tells when we die (the kernel drops ours then), and the relay
 * itself, which is our child.
 */
export class Hold {
  #leash: number | undefined;
  #pidfd: number | undefined;

  constructor(leash: number, pidfd: number) {
    this.#leash = leash;
    this.#pidfd = pidfd;
  }

  /** Lets go for good: the machine no longer depends on this process. */
  detach(): void {
    if (this.#leash === undefined) return;
    try {
      writeSync(this.#leash, 'D');
    } catch (error) {
      if (errnoOf(error) !== 'EPIPE') throw error; // the machine has ended before we let go
    }
    closeSync(this.#leash);
    this.#leash = undefined;
  }

  /** Ends the machine at once. */
  async end(): Promise<void> {
    if (this.#pidfd !== undefined) await endRelay(this.#pidfd);
    await this.release();
  }

  /** Drops the leash, which ends the machine if it still runs, and waits for the relay, so that it leaves no zombie. */
  async release(): Promise<void> {
    const [leash, pidfd] = [this.#leash, this.#pidfd];
    this.#leash = undefined;
    this.#pidfd = undefined;
    if (leash !== undefined) closeSync(leash);
    if (pidfd === undefined) return;
    await ended(pidfd, goneTimeoutMs);
    closeSync(pidfd);
  }
}
