// @ts-check
import { cpSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from '../setup/errors.mjs';
import { inWorkDirectory } from '../setup/work-directory.mjs';
import { programOf } from './build.mjs';
import { limits, supervised } from './fuzz-target.mjs';
import { inBuild, keptCorpus } from './targets.mjs';

/** @typedef {import('./targets.mjs').Target} Target */

/** What one target may add to the repository. */
const MOST_FILES = 60;
const MOST_BYTES = 24 * 1024;
const WITHIN_MS = 10 * 60_000;

/**
 * Takes into the repository what a target's runs have found worth keeping: the smallest inputs that reach code which the kept
 * ones do not. Those that are there stay.
 * @param {Target} target
 * @returns {Promise<string[]>} the names of those that are new
 */
export async function merge(target) {
  const kept = keptCorpus(target);
  const found = inBuild(target, 'corpus');
  mkdirSync(kept, { recursive: true });
  if (!existsSync(found)) return [];
  return inWorkDirectory(inBuild(target), async (directory) => {
    const chosen = join(directory, 'chosen');
    cpSync(kept, chosen, { recursive: true });
    // By what is reached, not how often: else each would come in a dozen variants.
    const args = ['-set_cover_merge=1', '-use_counters=0', ...limits(target), chosen, found];
    const { output, ended } = await supervised(programOf(target), args, WITHIN_MS);
    if (ended !== '')
      throw new SetupError(`${target.name}: the corpus cannot be merged: ${ended}`, { output });
    const before = readdirSync(kept);
    const size = (/** @type {string} */ name) => statSync(join(chosen, name)).size;
    let bytes = before.reduce((sum, name) => sum + statSync(join(kept, name)).size, 0);
    const added = [];
    const fresh = readdirSync(chosen).filter((name) => !before.includes(name));
    for (const name of fresh.sort((a, b) => size(a) - size(b))) {
      bytes += size(name);
      if (before.length + added.length >= MOST_FILES || bytes > MOST_BYTES) break;
      cpSync(join(chosen, name), join(kept, name));
      added.push(name);
    }
    return added;
  });
}
