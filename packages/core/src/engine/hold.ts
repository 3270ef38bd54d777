import { read, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { clearTimeout, setTimeout } from '../host/clock.js';
import { errnoOf, native } from '../host/native.js';
import type { SandboxConfig } from '../store/record.js';
import { ended, endRelay } from './end-relay.js';

/** Making a directory and a socket takes milliseconds; seconds pass only where the machine or a file system hangs. */
const readyTimeoutMs = 5_000;

/** A relay that was told to end, or whose leash was dropped, has its own bounds; this is beyond all of them. */
const goneTimeoutMs = 10_000;

type Lifetimes = Pick<SandboxConfig, 'idleTimeoutSecs' | 'maxDurationSecs'>;

/** The relay did not come so far that clients can connect, so there was no VMM either. */
export class RelayNotReadyError extends Error {
  override readonly name = 'RelayNotReadyError';

  /** @param timeoutMs how long it was waited for; null when it has ended by itself. */
  constructor(readonly timeoutMs: number | null) {
    super(timeoutMs === null ? 'The relay has ended.' : `The relay was not ready within ${timeoutMs} ms.`);
  }
}

/**
 * The owner's hold on a machine: the leash, whose end in the relay tells when we die (ours goes with this process, or this
 * worker thread), and the relay itself, which is our child.
 */
export class Hold {
  #leash: number | undefined;
  #pidfd: number | undefined;
  /**
   * A read of the leash that another thread is at; it never rejects. The leash is not closed before it has ended: it would go on
   * with whatever file gets the number next.
   */
  #reading: Promise<boolean> | undefined;

  /** @param relayPid good as long as this is not released: until then the relay is a zombie at least. */
  constructor(
    leash: number,
    pidfd: number,
    readonly relayPid: number,
  ) {
    this.#leash = leash;
    this.#pidfd = pidfd;
    native.ownFd(leash);
  }

  /**
   * Waits for the relay's word that clients can connect, for `timeoutMs` at most. Called once, before anything else. When it fails,
   * only {@link end} is left: the relay may live, and the read of its word end with it alone.
   *
   * @throws RelayNotReadyError; the signal's reason.
   */
  async ready(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#leash === undefined) throw new RelayNotReadyError(null);
    const word = readByte(this.#leash);
    this.#reading = word.catch(() => false); // reported below
    const came = await inTime(word, Math.min(timeoutMs, readyTimeoutMs), signal);
    this.#reading = undefined;
    if (!came) throw new RelayNotReadyError(null);
  }

  /** Tells for how long the machine may run, as of now: it is its user's. */
  limit({ idleTimeoutSecs = 0, maxDurationSecs = 0 }: Lifetimes): void {
    if (idleTimeoutSecs > 0 || maxDurationSecs > 0)
      this.#say(`L${idleTimeoutSecs * 1000} ${maxDurationSecs * 1000}\n`);
  }

  /** Lets go for good: the machine no longer depends on this process. */
  detach(): void {
    if (this.#leash === undefined) return;
    this.#say('D');
    native.closeFd(this.#leash);
    this.#leash = undefined;
  }

  #say(words: string): void {
    if (this.#leash === undefined) return;
    try {
      writeSync(this.#leash, words);
    } catch (error) {
      if (errnoOf(error) !== 'EPIPE') throw error; // the machine has ended before we said it
    }
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
    if (leash !== undefined && (await this.#unread())) native.closeFd(leash);
    if (pidfd === undefined) return;
    await ended(pidfd, goneTimeoutMs);
    native.closeFd(pidfd);
  }

  /** Whether nobody reads the leash any more. */
  async #unread(): Promise<boolean> {
    if (this.#reading === undefined) return true;
    // The end of the relay ends it at once, unless a child of the relay has the leash too. Then ours has to stay open.
    return inTime(this.#reading, goneTimeoutMs).then(
      () => true,
      () => false,
    );
  }
}

/** Whether a byte comes; false at the end, which the death of whoever has the other end brings about too. */
async function readByte(fd: number): Promise<boolean> {
  const { bytesRead } = await promisify(read)(fd, Buffer.alloc(1), 0, 1, null);
  return bytesRead === 1;
}

async function inTime(word: Promise<boolean>, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  let giveUp: (reason: unknown) => void = () => {};
  const given = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const timer = setTimeout(() => giveUp(new RelayNotReadyError(timeoutMs)), timeoutMs);
  const onAbort = () => giveUp(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([word, given]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
