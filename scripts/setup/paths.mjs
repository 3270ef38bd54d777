// @ts-check
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** A path within the repository. @param {string[]} parts */
export const inRoot = (...parts) => join(root, ...parts);

/** A command that an npm package brought. @param {string} name */
export const npmBin = (name) => inRoot('node_modules', '.bin', name);

/** What can be made again and is shared by all homes: the same rule as in packages/core. */
export function cacheDir() {
  const { MSB_CACHE, XDG_CACHE_HOME } = process.env;
  if (MSB_CACHE) return resolve(MSB_CACHE);
  return join(XDG_CACHE_HOME ? resolve(XDG_CACHE_HOME) : join(homedir(), '.cache'), 'msb');
}
