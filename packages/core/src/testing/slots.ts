import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, watch } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { clearTimeout, monotonicMs, setTimeout } from '../host/clock.js';
import { errnoOf, native } from '../host/native.js';
import { withLock } from '../store/locked.js';
import { hostMemoryMib } from './host-memory.js';

/** What machines take of a host, or a host has for them. */
export interface Share {
  readonly memoryMib: number;
  readonly cpus: number;
}

/** The queue's own lock is held for the time of reading a directory; somebody who was stopped in there is not waited for longer. */
const queueTimeoutMs = 30_000;

/** A claim that was just made is locked by its maker; making and locking take microseconds. */
const claimTimeoutMs = 5_000;

/**
 * A claim that is given up is seen at once, by its file's disappearance. One whose process was killed leaves its file, and only
 * its lock goes, of which nobody is told: so the queue is looked at again after this time.
 */
const lookAgainMs = 500;

/** A machine's place on this host. */
export interface Slot extends Disposable {
  /** Milliseconds spent in the queue. */
  readonly waitedMs: number;
}

/** Where in the queue somebody is. */
export interface QueuePosition {
  /** Machines that have a place now. */
  readonly running: number;
  /** Claims that come first. */
  readonly ahead: number;
}

/** What this host has for machines: three quarters of its memory, and its processors, twice over where a hypervisor runs them. */
export function hostShare(emulated: boolean): Share {
  return {
    memoryMib: Math.floor(hostMemoryMib() * 0.75),
    cpus: availableParallelism() * (emulated ? 1 : 2),
  };
}

/**
 * The places for machines on this host, shared by all workers of all runs, without a daemon. Each claim is a file whose lock its
 * claimant holds, in the order of their coming; one is granted as soon as it and all that came before it fit, so a large one
 * is not overtaken for ever by small ones. The kernel frees the locks of those who die.
 *
 * A machine that nobody has asked for yet has a reservation, a file of another kind: it is for memory alone, since such a machine
 * stands still, and it is in no claim's way.
 */
export class Slots {
  readonly #directory: string;
  readonly #capacity: Share;

  constructor(directory: string, capacity: Share) {
    this.#directory = directory;
    this.#capacity = capacity;
  }

  /**
   * Claims a place; resolves when it is granted. A claim of more than the host has is granted when it is alone.
   *
   * @param options.wait false takes the place at once, over the host's capacity if need be: for those who hold one already, since
   *   two who each hold one and wait for another would wait for ever.
   * @param options.signal gives the claim up.
   * @param options.onWait hears where in the queue the claim is, whenever that changes.
   */
  async claim(
    { memoryMib, cpus }: Share,
    options: {
      readonly wait: boolean;
      readonly signal?: AbortSignal | undefined;
      readonly onWait?: ((position: QueuePosition) => void) | undefined;
    },
  ): Promise<Slot> {
    const begin = monotonicMs();
    options.signal?.throwIfAborted();
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const claim = await this.#enqueue({
      memoryMib: Math.min(memoryMib, this.#capacity.memoryMib),
      cpus: Math.min(cpus, this.#capacity.cpus),
    });
    try {
      if (options.wait) await this.#granted(claim, options);
    } catch (error) {
      this.#release(claim);
      throw error;
    }
    return { waitedMs: monotonicMs() - begin, [Symbol.dispose]: () => this.#release(claim) };
  }

  /**
   * Takes memory for a machine that nobody has asked for yet: at once, or not at all.
   *
   * @returns null where it does not fit beside all claims and reservations, or somebody waits for a place.
   */
  async reserve({ memoryMib }: Pick<Share, 'memoryMib'>): Promise<Disposable | null> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const reservation = await this.#locked(async () =>
      this.#hasRoom(memoryMib) ? this.#lockNew(reservationName(memoryMib)) : null,
    );
    return reservation && { [Symbol.dispose]: () => this.#release(reservation) };
  }

  #enqueue(share: Share): Promise<Claim> {
    return this.#locked(async () => {
      const last = this.#files().at(-1);
      return this.#lockNew(claimName({ ...share, order: (last?.order ?? 0) + 1 }));
    });
  }

  async #lockNew(name: string): Promise<Claim> {
    const lock = await native.lockFile(join(this.#directory, name), claimTimeoutMs);
    native.ownFd(lock);
    return { name, lock };
  }

  async #granted(
    claim: Claim,
    {
      signal,
      onWait,
    }: { signal?: AbortSignal | undefined; onWait?: ((p: QueuePosition) => void) | undefined },
  ): Promise<void> {
    using watcher = closing(watch(this.#directory, { persistent: true }));
    let told = '';
    for (;;) {
      const changed = anyChange(watcher, signal);
      const position = await this.#locked(async () => this.#positionOf(claim));
      if (position === null) return changed.forget();
      const news = `${position.running} ${position.ahead}`;
      if (news !== told) onWait?.(position);
      told = news;
      await changed.promise;
      signal?.throwIfAborted();
    }
  }

  /** Where the claim is in the queue; null when its time has come. Clears away the claims of the dead. */
  #positionOf(claim: Claim): QueuePosition | null {
    let { memoryMib, cpus } = this.#capacity;
    let running = 0;
    let ahead = 0;
    for (const file of this.#files()) {
      const mine = file.name === claim.name;
      if (!mine && !this.#lives(file.name)) continue;
      memoryMib -= file.memoryMib;
      cpus -= file.cpus;
      const fits = memoryMib >= 0 && cpus >= 0;
      if (mine) return fits || ahead + running === 0 ? null : { running, ahead };
      if (fits) running++;
      else ahead++;
    }
    return null; // somebody cleared the directory away
  }

  /** Whether so much memory is left by all claims and reservations, and nobody waits for a place. Clears away those of the dead. */
  #hasRoom(wantedMib: number): boolean {
    let { memoryMib, cpus } = this.#capacity;
    for (const file of this.#files()) {
      if (!this.#lives(file.name)) continue;
      memoryMib -= file.memoryMib;
      cpus -= file.cpus;
      if (memoryMib < 0 || cpus < 0) return false;
    }
    for (const name of readdirSync(this.#directory)) {
      const reservedMib = parseReservationName(name);
      if (reservedMib !== undefined && this.#lives(name)) memoryMib -= reservedMib;
    }
    return memoryMib >= wantedMib;
  }

  #lives(name: string): boolean {
    const path = join(this.#directory, name);
    try {
      const lock = native.tryLockFile(path);
      if (lock === null) return true;
      rmSync(path, { force: true });
      native.closeFd(lock);
      return false;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  #release(claim: Claim): void {
    if (claim.released) return;
    claim.released = true;
    rmSync(join(this.#directory, claim.name), { force: true });
    native.closeFd(claim.lock);
  }

  /** All claims, in the order of their coming. */
  #files(): (ClaimFile & { readonly name: string })[] {
    return readdirSync(this.#directory)
      .flatMap((name) => {
        const file = parseClaimName(name);
        return file ? [{ ...file, name }] : [];
      })
      .sort((a, b) => a.order - b.order);
  }

  #locked<T>(work: () => Promise<T>): Promise<T> {
    return withLock(join(this.#directory, 'queue.lock'), queueTimeoutMs, work);
  }
}

/** A claim or a reservation of ours. */
interface Claim {
  readonly name: string;
  /** The descriptor whose lock says that the claimant lives. */
  readonly lock: number;
  released?: boolean;
}

interface ClaimFile extends Share {
  readonly order: number;
}

function claimName({ order, memoryMib, cpus }: ClaimFile): string {
  return `${order}-${memoryMib}m-${cpus}c-${randomBytes(4).toString('hex')}`;
}

function parseClaimName(name: string): ClaimFile | undefined {
  const [, order, memoryMib, cpus] = /^(\d{1,15})-(\d{1,9})m-(\d{1,6})c-[0-9a-f]{8}$/.exec(name) ?? [];
  if (order === undefined) return undefined;
  return { order: Number(order), memoryMib: Number(memoryMib), cpus: Number(cpus) };
}

function reservationName(memoryMib: number): string {
  return `ahead-${memoryMib}m-${randomBytes(4).toString('hex')}`;
}

function parseReservationName(name: string): number | undefined {
  const [, memoryMib] = /^ahead-(\d{1,9})m-[0-9a-f]{8}$/.exec(name) ?? [];
  return memoryMib === undefined ? undefined : Number(memoryMib);
}

function closing(watcher: ReturnType<typeof watch>) {
  watcher.on('error', () => {}); // then the queue is looked at by the clock alone
  return Object.assign(watcher, { [Symbol.dispose]: () => watcher.close() });
}

/** Listens from now on; `promise` resolves at a change, after {@link lookAgainMs}, or on abort. */
function anyChange(watcher: ReturnType<typeof watch>, signal: AbortSignal | undefined) {
  const over = new AbortController();
  // Not AbortSignal.timeout: one that only another signal refers to may be collected, and never fires.
  const timer = setTimeout(() => over.abort(), lookAgainMs);
  const until = signal ? AbortSignal.any([over.signal, signal]) : over.signal;
  const promise = once(watcher, 'change', { signal: until }).then(
    () => {},
    () => {},
  );
  promise.finally(() => clearTimeout(timer));
  return { promise, forget: () => over.abort() };
}
