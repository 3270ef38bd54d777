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
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let fd: number;
  try {
    fd = await native.lockFile(path, timeoutMs);
  } catch (error) {
    if (errnoOf(error) !== 'ETIMEDOUT') throw error;
    throw new TimeoutError(`Another process has held the lock ${path} for more than ${timeoutMs} ms.`, {
      cause: error,
    });
  }
  try {
    return await work();
  } finally {
    native.closeFd(fd);
  }
}
