import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { TimeoutError } from '../errors.js';
import { monotonicMs, wallMs } from '../host/clock.js';
import { errnoOf, native } from '../host/native.js';
import type { Places } from '../host/paths.js';
import { SandboxDirectory, sameFile, tryLock } from '../store/sandbox-directory.js';
import { Template } from './template.js';

/** What all templates together may take of the disk; one of Debian's kernel takes about 120 MiB. */
const defaultMostBytes = 4 * 1024 ** 3;

/** Somebody else who makes the same template is waited for in steps of this, so that the wait can be given up. */
const waitStepMs = 250;

/** In `stat`, a block is this many bytes, whatever the file system's are. */
const blockBytes = 512;

/**
 * The templates of one cache, by key. One is made by one process at a time, whole or not at all, under a lock that the kernel frees
 * with that process. They are opened rather than locked by those who clone them, so one may be removed at any time: whoever has it
 * open goes on.
 */
export class Templates {
  readonly #places: Places;
  readonly #root: string;
  readonly #mostBytes: number;

  constructor(places: Places, mostBytes = defaultMostBytes) {
    this.#places = { ...places, home: places.cache };
    this.#root = join(places.cache, 'templates');
    this.#mostBytes = mostBytes;
  }

  /** The template of that key if there is one; it counts as used now. */
  find(key: string): Template | null {
    const template = new Template(key, join(this.#root, key));
    try {
      const now = wallMs() / 1000;
      utimesSync(template.path, now, now);
      return template;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      throw error;
    }
  }

  /**
   * Makes the template of that key, unless somebody else does; then it waits for theirs, for half of the time.
   *
   * @param build fills a directory that it has to itself with the files of a {@link Template}.
   * @throws TimeoutError; the signal's reason; what `build` throws. Nothing is left then.
   */
  async make(
    key: string,
    build: (directory: SandboxDirectory) => Promise<void>,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<Template> {
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    const lock = await this.#lock(key, Math.ceil(timeoutMs / 2), signal);
    try {
      const made = this.find(key);
      if (made) return made;
      this.#sweep(key);
      const path = join(this.#root, `.new-${key}-${randomBytes(4).toString('hex')}`);
      mkdirSync(path, { mode: 0o700 });
      try {
        const directory = new SandboxDirectory(this.#places, path);
        writeFileSync(join(path, 'creating'), '', { mode: 0o600 }); // tells its relay whose it is should we die
        await build(directory);
        renameSync(path, join(this.#root, key));
      } finally {
        rmSync(path, { recursive: true, force: true });
      }
      this.#makeRoom(key);
      return new Template(key, join(this.#root, key));
    } finally {
      native.closeFd(lock);
    }
  }

  /** Removes a template that is no good. */
  discard({ path }: Template): void {
    const trash = this.scratch();
    try {
      renameSync(path, trash);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return; // somebody else found so, too
      throw error;
    }
    rmSync(trash, { recursive: true, force: true });
  }

  /** A path for a file that is there for a moment only: the next sweep removes it. */
  scratch(): string {
    return join(this.#root, `${trashed}${randomBytes(8).toString('hex')}`);
  }

  /** The templates there are, the one that was used last first. */
  list(): { readonly key: string; readonly usedAt: Date; readonly bytes: number }[] {
    const found = this.#entries().filter((entry) => keyShape.test(entry));
    return found
      .flatMap((key) => {
        try {
          const path = join(this.#root, key);
          const files = readdirSync(path).map((file) => statSync(join(path, file)).blocks * blockBytes);
          return [{ key, usedAt: statSync(path).mtime, bytes: files.reduce((sum, size) => sum + size, 0) }];
        } catch (error) {
          if (errnoOf(error) === 'ENOENT') return []; // removed meanwhile
          throw error;
        }
      })
      .sort((a, b) => b.usedAt.getTime() - a.usedAt.getTime());
  }

  async #lock(key: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<number> {
    const path = this.#lockOf(key);
    const deadline = monotonicMs() + timeoutMs;
    while (monotonicMs() < deadline) {
      signal?.throwIfAborted();
      try {
        const fd = await native.lockFile(path, waitStepMs);
        if (sameFile(fd, path)) return fd;
        native.closeFd(fd); // its template was removed meanwhile, and the lock with it
      } catch (error) {
        if (errnoOf(error) !== 'ETIMEDOUT') throw error;
      }
    }
    throw new TimeoutError(
      `Another process has been making the template ${key} for more than ${timeoutMs} ms.`,
    );
  }

  /** Removes what was used least recently until there is room for the one that is new. */
  #makeRoom(key: string): void {
    let bytes = 0;
    for (const template of this.list()) {
      bytes += template.bytes;
      if (bytes <= this.#mostBytes || template.key === key) continue;
      this.discard(new Template(template.key, join(this.#root, template.key)));
      this.#removeLock(template.key);
    }
  }

  /** Removes what the dead left: half templates that nobody makes, and what was being removed. */
  #sweep(ours: string): void {
    for (const entry of this.#entries()) {
      const [, key] = /^\.new-([0-9a-f]+)-/.exec(entry) ?? [];
      const dead = entry.startsWith(trashed) || (key !== undefined && (key === ours || this.#isFree(key)));
      if (dead) rmSync(join(this.#root, entry), { recursive: true, force: true });
      else if (entry.endsWith(lockSuffix)) this.#removeLock(entry.slice(0, -lockSuffix.length));
    }
  }

  #isFree(key: string): boolean {
    const fd = tryLock(this.#lockOf(key));
    if (fd === null) return false;
    if (fd !== undefined) native.closeFd(fd);
    return true;
  }

  /** The lock of a template that is gone, unless somebody has it. */
  #removeLock(key: string): void {
    if (existsSync(join(this.#root, key))) return;
    const path = this.#lockOf(key);
    const fd = tryLock(path);
    if (fd === null || fd === undefined) return;
    rmSync(path, { force: true });
    native.closeFd(fd);
  }

  #lockOf(key: string): string {
    return join(this.#root, `${key}${lockSuffix}`);
  }

  #entries(): string[] {
    try {
      return readdirSync(this.#root);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }
}

const trashed = '.trash-';
const lockSuffix = '.lock';
const keyShape = /^[0-9a-f]{32}$/;
