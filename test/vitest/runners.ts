import { join } from 'node:path';
import { checkout } from '../support/saboteurs.js';

/** A version of vitest on a version of Node. */
export interface Runner {
  readonly name: string;
  readonly node: string;
  /** The directory of its package. */
  readonly vitest: string;
}

const module = (name: string) => join(checkout, 'node_modules', name);
const vitest5 = join(checkout, 'test/runners/vitest-5/node_modules/vitest');

/** What the plugin promises to work with. */
export const runners: readonly Runner[] = [
  { name: 'vitest 4.1, this Node', node: process.execPath, vitest: module('vitest') },
  { name: 'vitest 5, Node 24', node: join(module('node-24'), 'bin/node'), vitest: vitest5 },
];

/** Also promised, and tried with fewer rows. */
export const vitest5OnNode22: Runner = {
  name: 'vitest 5, Node 22',
  node: join(module('node-22'), 'bin/node'),
  vitest: vitest5,
};
