// @ts-check
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { build, built, fixtureImage, isBuilt } from '../../fixtures/images/build.mjs';
import { SetupError } from './errors.mjs';
import { lastLines } from './exec.mjs';
import { inRoot } from './paths.mjs';

/**
 * What set-up needs of packages/core.
 * @typedef {object} Core
 * @property {{
 *   get(reference: string): Promise<ImageHandle>,
 *   load(layout: string, options: { tag: string }): Promise<ImageHandle[]>,
 * }} Image
 *
 * @typedef {{ reference: string, manifestDigest: string }} ImageHandle
 */

/** @type {import('./progress.mjs').Step} */
export const image = {
  id: 'image',
  title: 'test image',
  why: 'the root that the tests run in',
  isDone: isBuilt,
  async run() {
    const { reference, digest } = await build();
    return `${reference} ${digest.slice(0, 19)}`;
  },
};

/** Imported only when it has been compiled. @returns {Promise<Core>} */
async function core() {
  const path = inRoot('packages', 'core', 'dist', 'index.js');
  if (!existsSync(path)) throw new SetupError(`${path} is not there`, { remedy: 'npm run build' });
  return import(pathToFileURL(path).href);
}

/** @type {import('./progress.mjs').Step} */
export const imageStore = {
  id: 'image-store',
  title: 'image store',
  why: 'so that a sandbox finds the test image by its name',
  async isDone() {
    const { Image } = await core();
    try {
      return (await Image.get(fixtureImage().reference)).manifestDigest === built()?.digest;
    } catch {
      return false; // whatever is wrong with what the store has: loading says it better, or mends it
    }
  },
  async run() {
    const { Image } = await core();
    const { layout, reference } = fixtureImage();
    const loaded = await Image.load(layout, { tag: reference }).catch((error) => {
      const output = lastLines(String(error?.message ?? error), 40);
      throw new SetupError(`Image.load(${layout}): ${error?.name}`, { output, cause: error });
    });
    return loaded.map((handle) => `${handle.reference} ${handle.manifestDigest.slice(0, 19)}`).join(', ');
  },
};
