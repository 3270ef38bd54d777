// @ts-check
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { contentHash, readIfThere, writeAtomically } from './content.mjs';
import { SetupError } from './errors.mjs';
import { run } from './exec.mjs';
import { inRoot } from './paths.mjs';

/**
 * A part with a Makefile. The stamp lies in its build/, so `make clean` takes it along.
 * @param {{ id: string, title: string, why: string, products: string[], inputs?: string[] }} part `inputs`: what decides
 *   the result and lies outside of the part's directory
 * @returns {import('./progress.mjs').Step}
 */
function made({ id, title, why, products, inputs = [] }) {
  const stamp = inRoot(id, 'build', '.set-up');
  const key = () => contentHash([inRoot(id), ...inputs], [process.platform, process.arch]);
  const absent = () => products.filter((product) => !existsSync(inRoot(id, product)));
  return {
    id,
    title,
    why,
    isDone: () => absent().length === 0 && readIfThere(stamp) === key(),
    async run() {
      // Taken before: should a source change under make's hands, the stamp will not fit, and the next run builds again.
      const before = key();
      await run('make', [`-j${availableParallelism()}`, '-C', inRoot(id)], {
        remedy: `mend the sources in ${id}/, or \`make -C ${id} clean\``,
      });
      const lacking = absent();
      if (lacking.length > 0)
        throw new SetupError(`make -C ${id} left no ${lacking.map((p) => join(id, p)).join(', ')}`);
      writeAtomically(stamp, before);
      return products.map((product) => join(id, product)).join(', ');
    },
  };
}

export const native = made({
  id: 'native',
  title: 'native',
  why: 'the addon and the relay',
  products: ['build/msb_native.node', 'build/msb-relay'],
  inputs: [inRoot('package-lock.json')], // the versions of node-addon-api and of Node-API's headers
});

export const agentd = made({
  id: 'agentd',
  title: 'agentd',
  why: 'PID 1 of the guests',
  products: ['build/agentd'],
});
