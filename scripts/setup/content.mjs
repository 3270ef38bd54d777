// @ts-check
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Names that hold what was made, never what it was made from. */
const MADE = new Set(['build', 'dist', 'node_modules']);

/**
 * A hash of the names and contents of files and trees, and of any other words that decide a result.
 * @param {string[]} paths
 * @param {string[]} [words]
 */
export function contentHash(paths, words = []) {
  const hash = createHash('sha256');
  const add = (/** @type {string} */ kind, /** @type {string | Buffer} */ data) =>
    hash.update(`${kind} ${Buffer.byteLength(data)}\n`).update(data);

  const walk = (/** @type {string} */ path) => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) {
        if (MADE.has(entry.name)) continue;
        add('directory', entry.name);
        walk(child);
        add('end', '');
      } else if (entry.isSymbolicLink()) {
        add('link', entry.name);
        add('target', readlinkSync(child));
      } else if (entry.isFile()) {
        add('file', entry.name);
        add('content', readFileSync(child));
      }
    }
  };

  for (const path of paths) {
    if (statSync(path).isDirectory()) walk(path);
    else add('content', readFileSync(path));
  }
  for (const word of words) add('word', word);
  return hash.digest('hex');
}

/** The text of a file, or undefined if there is none. @param {string} path */
export function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all. @param {string} path @param {string} text */
export function writeAtomically(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

/**
 * Puts a directory, whole, into another one's place.
 * @param {string} made
 * @param {string} target
 * @param {string} trash where the other one goes; on the same file system, the caller's to remove
 */
export function replaceDirectory(made, target, trash) {
  mkdirSync(dirname(target), { recursive: true });
  if (existsSync(target)) renameSync(target, trash);
  renameSync(made, target);
}
