import { existsSync, fstatSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { IoError, SandboxNotFoundError, SandboxReplacedError, SandboxStillRunningError } from '../errors.js';
import { monotonicMs } from '../host/clock.js';
import { errnoOf, native } from '../host/native.js';
import { type Places, socketDirectory } from '../host/paths.js';
import {
  type LockLine,
  readBootRecord,
  readExitRecord,
  readLockLine,
  readSandboxRecord,
} from './read-records.js';
import type { BootRecord, ExitRecord, SandboxRecord } from './record.js';
import { writeWhole } from './whole-file.js';

/** How long a lock may be held by somebody who only looks; looking takes microseconds. */
const glanceMs = 250;
const glanceStepMs = 5;

/** Who keeps a sandbox's lock. `null`: nobody, it does not run. */
export type Holder =
  | { readonly kind: 'relay'; readonly pidfd: number; readonly state: 'starting' | 'running' | 'stopping' }
  | { readonly kind: 'creator' }
  | null;

/** One sandbox's directory: its files by name, and its lock, which alone tells whether it runs. */
export class SandboxDirectory {
  readonly path: string;
  /** Where its sockets are while it runs. */
  readonly sockets: string;
  /** Where it was before it got its name: processes that were started there still say so. */
  readonly bornAt: string;

  constructor(places: Places, path: string, bornAt = path) {
    this.path = path;
    this.bornAt = bornAt;
    this.sockets = socketDirectory(places, basename(path));
  }

  get agentSocket(): string {
    return join(this.sockets, 'agent.sock');
  }
  get controlSocket(): string {
    return join(this.sockets, 'qmp.sock');
  }
  get upper(): string {
    return join(this.path, 'upper.ext4');
  }
  get consoleLog(): string {
    return join(this.path, 'console.log');
  }
  get vmmLog(): string {
    return join(this.path, 'vmm.log');
  }
  get #lock(): string {
    return join(this.path, 'lock');
  }
  get #boot(): string {
    return join(this.path, 'boot.json');
  }
  get #creating(): string {
    return join(this.path, 'creating');
  }

  /** @throws SandboxNotFoundError when it has gone; IoError when what is there is no record. */
  record(): SandboxRecord {
    const path = join(this.path, 'record.json');
    const text = readIfThere(path);
    if (text === null) throw new SandboxNotFoundError(`There is no sandbox at ${this.path}.`);
    const record = readSandboxRecord(text);
    if (record) return record;
    throw new IoError(
      `${path} is damaged: it does not say what the sandbox is. Once nothing of it runs, remove ${this.path}.`,
    );
  }

  /** How its last run ended; null when it never ran, or its relay was killed. */
  exitRecord(): ExitRecord | null {
    const text = readIfThere(join(this.path, 'exit.json'));
    return text === null ? null : readExitRecord(text);
  }

  forgetExit(): void {
    rmSync(join(this.path, 'exit.json'), { force: true });
  }

  /** Whether its create has not succeeded (yet). */
  get creating(): boolean {
    return existsSync(this.#creating);
  }

  /** Its create has succeeded: from now on it outlives whoever made it. */
  created(): void {
    rmSync(this.#creating);
  }

  /** When it was made, or its machine last began to run, was told to stop, or ended. */
  changedAt(): Date {
    const files = [join(this.path, 'record.json'), this.#lock, this.#boot, join(this.path, 'exit.json')];
    return new Date(
      Math.max(...files.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0)),
    );
  }

  /** Notes how its machine came to run. */
  noteBoot(boot: BootRecord): void {
    writeWhole(this.#boot, `${JSON.stringify(boot)}\n`);
  }

  /** How the machine of its last run came to run; null when it never has. */
  bootRecord(): BootRecord | null {
    const text = readIfThere(this.#boot);
    return text === null ? null : readBootRecord(text);
  }

  /**
   * Who holds the lock. The pidfd comes before the lock is asked for: if the lock is still held then, its holder was alive when
   * the pidfd was opened, so the pidfd is the holder's and not that of a later process with the same number. The caller closes
   * it.
   */
  async holder(): Promise<Holder> {
    const relay = this.#relay();
    const lock = await this.#tryAcquire(relay !== undefined);
    if (lock !== undefined) {
      native.closeFd(lock);
      if (relay) native.closeFd(relay.pidfd);
      return null;
    }
    return relay ? { kind: 'relay', ...relay } : { kind: 'creator' };
  }

  /**
   * Takes the lock for a change of state.
   *
   * @returns the descriptor, which the caller closes or hands to a relay.
   * @throws SandboxStillRunningError when somebody else keeps it; SandboxNotFoundError when the directory has gone.
   */
  async acquire(): Promise<number> {
    const relay = this.#relay();
    if (relay) native.closeFd(relay.pidfd);
    const lock = await this.#tryAcquire(relay !== undefined);
    if (lock === undefined) {
      const { name } = this.record().config;
      throw new SandboxStillRunningError(
        `Sandbox "${name}" is running. Stop it first (stop or kill), then try again.`,
      );
    }
    if (sameFile(lock, this.#lock)) return lock;
    native.closeFd(lock); // the directory was removed, and maybe made again, while we waited
    throw new SandboxNotFoundError(`There is no sandbox at ${this.path} any more.`);
  }

  /** Takes the lock if nobody has it, without a wait. @throws SandboxNotFoundError when the directory has gone. */
  tryAcquire(): number | null {
    try {
      const lock = native.tryLockFile(this.#lock);
      if (lock === null || sameFile(lock, this.#lock)) return lock;
      native.closeFd(lock);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    throw new SandboxNotFoundError(`There is no sandbox at ${this.path} any more.`);
  }

  /**
   * @param relayLives a lock that is held is then the relay's, and there is nothing to wait for. Otherwise it may be held by one
   *   who only looks, as we do.
   * @returns undefined when it is held.
   */
  async #tryAcquire(relayLives: boolean): Promise<number | undefined> {
    try {
      // Tried again rather than waited for: a wait that is given up takes the lock for a moment when it gets free at last.
      for (const deadline = monotonicMs() + glanceMs; ; await delay(glanceStepMs)) {
        const fd = native.tryLockFile(this.#lock); // never makes it: the directory may be on its way out
        if (fd !== null) return fd;
        if (relayLives || monotonicMs() > deadline) return undefined;
      }
    } catch (error) {
      if (errnoOf(error) === 'ENOENT')
        throw new SandboxNotFoundError(`There is no sandbox at ${this.path} any more.`);
      throw error;
    }
  }

  /** Whether this is still the sandbox with that id. @throws SandboxReplacedError, SandboxNotFoundError */
  expectId(id: string): void {
    const record = this.record();
    if (record.id === id) return;
    throw new SandboxReplacedError(
      `Sandbox "${record.config.name}" was removed and made again; this handle belongs to the old one. Get a new one by name.`,
    );
  }

  /** Removes it for good. The caller holds the lock, which this closes. */
  async remove(lockFd: number): Promise<void> {
    const trash = join(dirname(this.path), `.trash-${process.pid}-${basename(this.path)}-${lockFd}`);
    try {
      await rm(this.sockets, { recursive: true, force: true }); // first: whoever gets the name next makes them anew
      renameSync(this.path, trash);
    } finally {
      native.closeFd(lockFd);
    }
    await rm(trash, { recursive: true, force: true });
  }

  /** Removes what came to nothing. Its relay, if it had one, has ended, and may have been quicker. */
  async discard(): Promise<void> {
    try {
      await this.remove(await this.acquire());
    } catch (error) {
      if (!(error instanceof SandboxNotFoundError)) throw error;
    }
  }

  /** The process that wrote its number into the lock file, if it lives. */
  #relay(): { pidfd: number; state: 'starting' | 'running' | 'stopping' } | undefined {
    const line = readLockLine(readIfThere(this.#lock) ?? '');
    const pidfd = line && openPidfd(line.pid);
    return pidfd === undefined ? undefined : { pidfd, state: (line as LockLine).state };
  }
}

/** A file that is made whole by a rename; null when there is none. */
function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function openPidfd(pid: number): number | undefined {
  try {
    return native.pidfdOpen(pid);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}

/** @returns the lock; null when somebody holds it; undefined when there is none. */
export function tryLock(path: string): number | null | undefined {
  try {
    return native.tryLockFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether the path still names the file that is open. */
export function sameFile(fd: number, path: string): boolean {
  try {
    const [open, named] = [fstatSync(fd), statSync(path)];
    return open.ino === named.ino && open.dev === named.dev;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Opens (and if need be empties) a log of ours for appending. */
export function openLog(path: string): number {
  rmSync(path, { force: true });
  return openSync(path, 'ax', 0o600);
}
