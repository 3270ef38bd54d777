// @ts-check
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inRoot } from '../setup/paths.mjs';

/** @typedef {{ directory: string, name: string, version: string, files: string[] }} Publishable `directory` is absolute */

/**
 * The workspaces that are not private.
 * @returns {Publishable[]}
 */
export function publishable() {
  /** @type {string[]} */
  const patterns = manifestIn(inRoot()).workspaces;
  const directories = patterns.flatMap((pattern) =>
    pattern.endsWith('/*')
      ? readdirSync(inRoot(pattern.slice(0, -2))).map((name) => inRoot(pattern.slice(0, -2), name))
      : [inRoot(pattern)],
  );
  return directories
    .filter((directory) => existsSync(join(directory, 'package.json')))
    .map((directory) => ({ directory, manifest: manifestIn(directory) }))
    .filter(({ manifest }) => !manifest.private)
    .map(({ directory, manifest: { name, version, files = [] } }) => ({ directory, name, version, files }));
}

/** @param {string} directory */
const manifestIn = (directory) => JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));

/**
 * What a package says that it consists of and that is not there: npm would pack the rest without a word.
 * @param {Pick<Publishable, 'directory' | 'files'>} workspace
 */
export const lacking = ({ directory, files }) =>
  files
    .filter((file) => !/[!*]/.test(file))
    .map((file) => join(directory, file))
    .filter((path) => !existsSync(path));

/** What npm calls a package's tarball. @param {Pick<Publishable, 'name' | 'version'>} workspace */
export const tarballName = ({ name, version }) => `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
