import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { IoError } from '../errors.js';
import { errnoOf, native } from '../host/native.js';
import type { Places } from '../host/paths.js';
import { runTool } from '../host/run-tool.js';
import { withLock } from '../store/locked.js';

/** Formatting takes a tenth of a second; a minute is a machine in trouble. */
const formatTimeoutMs = 60_000;

/**
 * Makes a fresh writable disk at `path`: a copy of an empty ext4 of that size, which is formatted once and kept. The journal is a
 * real one; the file is sparse, so it costs what the guest writes.
 *
 * @throws IoError when the disk is full, MissingDependencyError without mke2fs.
 */
export async function createUpper(places: Places, path: string, sizeMiB: number): Promise<void> {
  const blank = await blankUpper(places, sizeMiB);
  try {
    await native.cloneFile(blank, path);
  } catch (error) {
    throw diskError(`The writable disk ${path} could not be made`, error);
  }
}

async function blankUpper(places: Places, sizeMiB: number): Promise<string> {
  const directory = join(places.cache, 'uppers');
  const path = join(directory, `${sizeMiB}.ext4`);
  if (existsSync(path)) return path;
  return withLock(join(directory, `${sizeMiB}.lock`), formatTimeoutMs, async () => {
    if (existsSync(path)) return path;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const unfinished = `${path}.new-${process.pid}`;
    try {
      await runTool(
        'mke2fs',
        [
          ...['-q', '-F', '-t', 'ext4', '-m', '0'],
          // The file is all zeroes already: neither mke2fs nor the guest's kernel has to write them.
          ...['-E', 'assume_storage_prezeroed=1,lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0'],
          ...['-O', '^resize_inode', unfinished, `${sizeMiB}M`],
        ],
        { timeoutMs: formatTimeoutMs, debianPackage: 'e2fsprogs' },
      );
      renameSync(unfinished, path);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
    return path;
  });
}

/** Says what a failed write to the host's disk means. */
export function diskError(what: string, error: unknown): unknown {
  const code = errnoOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new IoError(
      `${what}: the host's disk is full (${code}). Free some space, or put MSB_HOME on another disk.`,
      {
        cause: error,
      },
    );
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new IoError(
      `${what}: ${code}. Mend the permissions, or name another place with MSB_HOME and MSB_CACHE.`,
      {
        cause: error,
      },
    );
  }
  return error;
}
