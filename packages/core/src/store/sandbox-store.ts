import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { InvalidConfigError, SandboxAlreadyExistsError, SandboxNotFoundError } from '../errors.js';
import { wallMs } from '../host/clock.js';
import { errnoOf, native } from '../host/native.js';
import type { Places } from '../host/paths.js';
import type { SandboxRecord } from './record.js';
import { SandboxDirectory, tryLock } from './sandbox-directory.js';

const maxNameBytes = 128;

/** The name of a sandbox's lock until its maker holds it. */
const unheldLock = 'lock.new';

/** What has no lock, and was not touched for so long, is what a removal left that was cut short. */
const removalGraceMs = 60_000;

/** How long the record of an ephemeral sandbox's end is left for whoever stopped it, should that process die before removing it. */
const readGraceMs = 10_000;

/** A sandbox that nobody can see yet, and its lock, held. */
export interface UnnamedSandbox {
  readonly directory: SandboxDirectory;
  readonly lock: number;
}

/** The sandboxes of one home, by name. */
export class SandboxStore {
  readonly #places: Places;
  readonly #root: string;

  constructor(places: Places) {
    this.#places = places;
    this.#root = join(places.home, 'sandboxes');
  }

  /**
   * Makes a sandbox's directory that has no name yet, and that nobody sees.
   *
   * @param fill puts into it what a sandbox has from the first; when it fails, nothing is left.
   */
  async prepare(fill: (directory: SandboxDirectory) => Promise<void>): Promise<UnnamedSandbox> {
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    const { path, lock } = await this.#lockedDirectory();
    const directory = new SandboxDirectory(this.#places, path);
    try {
      writeFileSync(join(path, 'creating'), '', { mode: 0o600 });
      await fill(directory);
      return { directory, lock };
    } catch (error) {
      rmSync(path, { recursive: true, force: true });
      native.closeFd(lock);
      throw error;
    }
  }

  /** An empty directory whose lock we hold. A sweep may take one whose lock we do not hold yet for a dead maker's: then it is another. */
  async #lockedDirectory(): Promise<{ path: string; lock: number }> {
    for (;;) {
      const path = join(this.#root, `.new-${randomBytes(8).toString('hex')}`);
      mkdirSync(path, { mode: 0o700 });
      let lock: number | undefined;
      try {
        // Under another name until it is held: whoever sees a lock that is free takes its holder for dead.
        lock = await native.lockFile(join(path, unheldLock), 1000);
        renameSync(join(path, unheldLock), join(path, 'lock'));
        return { path, lock };
      } catch (error) {
        if (lock !== undefined) native.closeFd(lock);
        if (errnoOf(error) === 'ENOENT') continue;
        rmSync(path, { recursive: true, force: true });
        throw error;
      }
    }
  }

  /**
   * Gives a prepared sandbox its name, at once and whole; its sockets, if it has some, go with it.
   *
   * @throws SandboxAlreadyExistsError when the name is taken, by an earlier claim or one that is quicker; all is as it was then.
   */
  name(unnamed: SandboxDirectory, record: SandboxRecord): SandboxDirectory {
    const { name } = record.config;
    const named = new SandboxDirectory(this.#places, this.#pathOf(name), unnamed.path);
    if (existsSync(named.path)) throw alreadyExists(name);
    writeFileSync(join(unnamed.path, 'record.json'), `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
    try {
      renameSync(unnamed.path, named.path);
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'ENOTEMPTY' || code === 'EEXIST') throw alreadyExists(name);
      throw error;
    }
    if (existsSync(unnamed.sockets)) {
      rmSync(named.sockets, { recursive: true, force: true }); // left by a relay that was killed
      renameSync(unnamed.sockets, named.sockets);
    }
    return named;
  }

  /** @throws SandboxAlreadyExistsError when the name is taken, and not by what a dead owner left, which is removed. */
  async expectFree(name: string): Promise<void> {
    await this.sweep();
    if (existsSync(this.#pathOf(name))) throw alreadyExists(name);
  }

  /**
   * Claims a name and makes the sandbox's directory, whole or not at all: `fill` gets it before anyone can see it.
   *
   * @returns the directory and its lock, held.
   * @throws SandboxAlreadyExistsError as {@link name} does.
   */
  async claim(
    record: SandboxRecord,
    fill: (directory: SandboxDirectory) => Promise<void>,
  ): Promise<{ directory: SandboxDirectory; lock: number }> {
    await this.expectFree(record.config.name);
    const { directory: unnamed, lock } = await this.prepare(fill);
    try {
      return { directory: this.name(unnamed, record), lock };
    } catch (error) {
      rmSync(unnamed.path, { recursive: true, force: true });
      native.closeFd(lock);
      throw error;
    }
  }

  /** @throws SandboxNotFoundError */
  find(name: string): SandboxDirectory {
    const directory = this.at(name);
    if (existsSync(join(directory.path, 'record.json'))) return directory;
    throw new SandboxNotFoundError(`There is no sandbox named "${name}" in ${this.#places.home}.`);
  }

  /** Where a sandbox of that name is, or would be. */
  at(name: string): SandboxDirectory {
    return new SandboxDirectory(this.#places, this.#pathOf(name));
  }

  /** All sandboxes, oldest first, without what dead owners left. */
  async list(): Promise<SandboxDirectory[]> {
    await this.sweep();
    const created = new Map<SandboxDirectory, string>();
    for (const entry of this.#entries()) {
      if (entry.startsWith('.')) continue;
      const directory = new SandboxDirectory(this.#places, join(this.#root, entry));
      try {
        created.set(directory, directory.record().createdAt);
      } catch (error) {
        if (!(error instanceof SandboxNotFoundError)) throw error; // removed since we looked
      }
    }
    return [...created.keys()].sort((a, b) => (created.get(a) ?? '').localeCompare(created.get(b) ?? ''));
  }

  /**
   * Removes what a crash or a power cut left: directories that nobody holds and that never became, or were not meant to outlive
   * their owner.
   */
  async sweep(): Promise<void> {
    for (const entry of this.#entries()) {
      const directory = new SandboxDirectory(this.#places, join(this.#root, entry));
      try {
        if (!entry.startsWith('.') && !directory.creating && !isSpent(directory)) continue;
        if (!existsSync(join(directory.path, 'lock'))) {
          removeUnheld(directory.path);
          continue;
        }
        const lock = directory.tryAcquire();
        if (lock !== null) await directory.remove(lock);
      } catch (error) {
        const gone = error instanceof SandboxNotFoundError || errnoOf(error) === 'ENOENT';
        if (!gone) throw error;
      }
    }
  }

  #entries(): string[] {
    try {
      return readdirSync(this.#root);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  #pathOf(name: string): string {
    checkName(name);
    return join(this.#root, createHash('sha256').update(name).digest('hex').slice(0, 16));
  }
}

/** Removes a directory that has no lock yet, unless its maker is at it: holds the lock that it will have, or has come to it meanwhile. */
function removeUnheld(path: string): void {
  const lock = tryLock(join(path, unheldLock));
  if (lock === null) return;
  try {
    if (lock !== undefined) unlinkSync(join(path, unheldLock));
    rmdirSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTEMPTY') throw error;
    if (wallMs() - statSync(path).mtimeMs > removalGraceMs) rmSync(path, { recursive: true, force: true });
  } finally {
    if (lock !== undefined) native.closeFd(lock);
  }
}

/** Whether it was not meant to outlive its run, and whoever stopped it has had the time to read how it ended. */
function isSpent(directory: SandboxDirectory): boolean {
  const exit = directory.exitRecord();
  const endedAt = exit ? exit.startedAtUnixMs + exit.exitMs : 0;
  return directory.record().config.ephemeral && wallMs() - endedAt > readGraceMs;
}

/** @throws InvalidConfigError */
export function checkName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0) throw new InvalidConfigError('A sandbox needs a name; it is empty.');
  if (bytes > maxNameBytes) {
    throw new InvalidConfigError(
      `The sandbox name is ${bytes} bytes long; ${maxNameBytes} bytes of UTF-8 are allowed: "${name.slice(0, 40)}…"`,
    );
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to refuse
  if (/[\u0000-\u001f\u007f]/.test(name))
    throw new InvalidConfigError('A sandbox name has no control characters.');
}

function alreadyExists(name: string): SandboxAlreadyExistsError {
  return new SandboxAlreadyExistsError(
    `There is a sandbox named "${name}" already. Choose another name, remove it, or take it over with .replace().`,
  );
}
