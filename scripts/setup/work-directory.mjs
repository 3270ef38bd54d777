// @ts-check
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const PREFIX = '.new-';
const ABANDONED_AFTER_MS = 3_600_000;

/**
 * Runs `work` with a directory inside of `parent`, so that what is made there can be renamed to its place; it is gone
 * afterwards. Removes too what earlier set-ups, ended half-way, left; not what another checkout's may be at right now.
 * @template T
 * @param {string} parent
 * @param {(directory: string) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function inWorkDirectory(parent, work) {
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    if (name.startsWith(PREFIX) && Date.now() - statSync(path).mtimeMs > ABANDONED_AFTER_MS) {
      rmSync(path, { recursive: true, force: true });
    }
  }
  const directory = mkdtempSync(join(parent, PREFIX));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
