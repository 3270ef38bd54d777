import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { TimeoutError } from '../errors.js';
import { errnoOf, native } from '../host/native.js';

/**
 * Runs `work` while holding the lock file at `path`; the kernel frees it should this process die.
 *
 * @throws TimeoutError when another process holds it for longer than `timeoutMs`; the signal's reason while it waits.
 */
export async function withLock<T>(
  path: string,
  timeoutMs: number,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return during(await lock(path, timeoutMs, false, signal), work);
}

/** Like {@link withLock}, but beside others who want it shared too; it keeps out who wants it alone. */
export async function withSharedLock<T>(
  path: string,
  timeoutMs: number,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return during(await lock(path, timeoutMs, true, signal), work);
}

/** A shared lock for whoever keeps it: until `native.closeFd`, or the end of this process. @throws TimeoutError */
export function sharedLock(path: string, timeoutMs: number): Promise<number> {
  return lock(path, timeoutMs, true);
}

async function lock(path: string, timeoutMs: number, shared: boolean, signal?: AbortSignal): Promise<number> {
  signal?.throwIfAborted();
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const waiting = native.lockFile(path, timeoutMs, shared);
  try {
    return await (signal ? unlessAborted(waiting, signal) : waiting);
  } catch (error) {
    if (errnoOf(error) !== 'ETIMEDOUT') throw error;
    throw new TimeoutError(`Another process has held the lock ${path} for more than ${timeoutMs} ms.`, {
      cause: error,
    });
  }
}

/** A lock that comes when nobody waits for it any more is given back. */
async function unlessAborted(waiting: Promise<number>, signal: AbortSignal): Promise<number> {
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([waiting, aborted]);
  } catch (error) {
    if (signal.aborted) waiting.then(native.closeFd, () => {});
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function during<T>(fd: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    native.closeFd(fd);
  }
}
