import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { TimeoutError } from '../errors.js';
import { errnoOf, native } from '../host/native.js';

/**
 * Runs `work` while holding the lock file at `path`; the kernel frees it should this process die.
 *
 * @throws TimeoutError when another process holds it for longer than `timeoutMs`.
 */
export async function withLock<T>(path: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  return during(await lock(path, timeoutMs, false), work);
}

/** Like {@link withLock}, but beside others who want it shared too; it keeps out who wants it alone. */
export async function withSharedLock<T>(path: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  return during(await sharedLock(path, timeoutMs), work);
}

/** A shared lock for whoever keeps it: until `native.closeFd`, or the end of this process. @throws TimeoutError */
export function sharedLock(path: string, timeoutMs: number): Promise<number> {
  return lock(path, timeoutMs, true);
}

async function lock(path: string, timeoutMs: number, shared: boolean): Promise<number> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    return await native.lockFile(path, timeoutMs, shared);
  } catch (error) {
    if (errnoOf(error) !== 'ETIMEDOUT') throw error;
    throw new TimeoutError(`Another process has held the lock ${path} for more than ${timeoutMs} ms.`, {
      cause: error,
    });
  }
}

async function during<T>(fd: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    native.closeFd(fd);
  }
}
